//! Checkpoints: what is saved is loaded, and nothing else is.

use std::{fs, io, path::Path, sync::OnceLock};

use maci_nova_folding::{checkpoint, CheckpointError, Parameters, RunningProof, SetupSource};
use maci_nova_step_circuit::testing::{header, small_poll, SmallPoll};
use maci_nova_step_circuit::Shape;
use sha2::{Digest, Sha256};

/// Magic, version, digests and lengths; then their hash.
const FIELDS: usize = 100;
const HEAD: usize = FIELDS + 32;
/// The state that the proof begins in.
const START: usize = 8 * 32;

fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| {
        let shape = Shape::new(2, 1, 1).expect("in range");
        Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters")
    })
}

fn poll() -> &'static SmallPoll {
    static POLL: OnceLock<SmallPoll> = OnceLock::new();
    POLL.get_or_init(|| small_poll(2, 1))
}

fn two_steps() -> &'static RunningProof {
    static PROOF: OnceLock<RunningProof> = OnceLock::new();
    PROOF.get_or_init(|| {
        let mut proof = RunningProof::new(parameters(), &poll().header).expect("begun");
        for step in poll().steps().take(2) {
            proof
                .fold(parameters(), step.expect("prepared"))
                .expect("folded");
        }
        proof
    })
}

/// A saved checkpoint's bytes.
fn saved() -> &'static Vec<u8> {
    static SAVED: OnceLock<Vec<u8>> = OnceLock::new();
    SAVED.get_or_init(|| {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("checkpoint");
        checkpoint::save(&path, parameters(), two_steps(), b"the application's own")
            .expect("saved");
        fs::read(&path).expect("read")
    })
}

fn load_bytes(bytes: &[u8]) -> Result<checkpoint::Checkpoint, CheckpointError> {
    let file = tempfile::NamedTempFile::new().expect("file");
    fs::write(file.path(), bytes).expect("written");
    checkpoint::load(file.path(), parameters(), &poll().header)
}

fn refusal(bytes: &[u8]) -> CheckpointError {
    match load_bytes(bytes) {
        Ok(_) => panic!("accepted"),
        Err(error) => error,
    }
}

/// Makes both hashes right again after a change.
fn rehash(bytes: &mut [u8]) {
    let head = Sha256::digest(&bytes[..FIELDS]);
    bytes[FIELDS..HEAD].copy_from_slice(&head);
    let end = bytes.len() - 32;
    let hash = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&hash);
}

#[test]
fn a_loaded_proof_continues_to_the_same_end() {
    let loaded = load_bytes(saved()).expect("loaded");
    assert_eq!(loaded.application, b"the application's own");
    let mut proof = loaded.proof;
    assert_eq!((proof.steps(), proof.state()), (2, two_steps().state()));
    for step in poll().steps().skip(2) {
        proof
            .fold(parameters(), step.expect("prepared"))
            .expect("folded");
    }
    assert_eq!(proof.verify(parameters()).expect("true"), poll().end);
}

#[test]
fn a_proof_without_steps_can_be_saved() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("checkpoint");
    let empty = RunningProof::new(parameters(), &poll().header).expect("begun");
    checkpoint::save(&path, parameters(), &empty, &[]).expect("saved");
    let loaded = checkpoint::load(&path, parameters(), &poll().header).expect("loaded");
    assert_eq!((loaded.proof.steps(), loaded.application.len()), (0, 0));
    assert_eq!(loaded.proof.state(), empty.state());
}

/// A part of the count is read back as what it is, with steps and without. Nor does one begin in
/// another poll's state.
#[test]
fn a_part_of_the_count_keeps_where_it_began() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("proof.ckpt");
    let second = || poll().steps().nth(1).expect("a step").expect("prepared");
    let start = *second().before();
    let begin = |start| RunningProof::begin_at(parameters(), &poll().header, start);
    let mut part = begin(start).expect("begun");
    for steps in 0..2 {
        checkpoint::save(&path, parameters(), &part, &[]).expect("saved");
        let bytes = checkpoint::encode(parameters(), &part, &[]).expect("encoded");
        assert_eq!(bytes.as_slice(), fs::read(&path).expect("written"));
        let loaded = checkpoint::decode(&bytes, parameters(), &poll().header).expect("decoded");
        let loaded = loaded.proof;
        assert_eq!((loaded.steps(), loaded.start()), (steps, &start));
        assert_eq!(loaded.state(), part.state());
        if steps == 0 {
            part.fold(parameters(), second()).expect("folded");
        }
    }
    assert_eq!(part.verify(parameters()).expect("true"), *second().after());

    // The steps are not those of a part that began elsewhere.
    let mut bytes = fs::read(&path).expect("written");
    let whole = RunningProof::new(parameters(), &poll().header).expect("begun");
    let other = checkpoint::encode(parameters(), &whole, &[]).expect("encoded");
    bytes[HEAD..HEAD + START].copy_from_slice(&other[HEAD..HEAD + START]);
    rehash(&mut bytes);
    assert!(matches!(refusal(&bytes), CheckpointError::Invalid(_)));

    let mut other = start;
    other.poll += maci_nova_step_circuit::Fr::from(1);
    assert!(begin(other).is_err());
}

#[test]
fn saving_replaces_and_leaves_one_file_for_the_owner() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("checkpoint");
    for application in [&b"first"[..], b"second"] {
        checkpoint::save(&path, parameters(), two_steps(), application).expect("saved");
        let loaded = checkpoint::load(&path, parameters(), &poll().header).expect("loaded");
        assert_eq!(loaded.application, application);
    }
    assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let bytes = saved();
    let body = (HEAD..bytes.len()).step_by(bytes.len() / 150);
    let tail = bytes.len() - 40..bytes.len();
    for position in (0..HEAD).chain(body).chain(tail) {
        let mut altered = bytes.clone();
        altered[position] ^= 1 << (position % 8);
        let error = refusal(&altered);
        let expected = match position {
            0..=7 => matches!(error, CheckpointError::NotCheckpoint),
            8..=11 => matches!(error, CheckpointError::Version(_)),
            _ => matches!(error, CheckpointError::Corrupt(_)),
        };
        assert!(expected, "byte {position}: {error}");
    }
}

#[test]
fn a_file_cut_anywhere_is_truncated() {
    let bytes = saved();
    let lengths = (0..HEAD + 3).chain((HEAD..bytes.len()).step_by(bytes.len() / 40));
    for length in lengths {
        let error = refusal(&bytes[..length]);
        let expected = match length {
            0..=7 => matches!(error, CheckpointError::NotCheckpoint),
            _ => {
                matches!(error, CheckpointError::Truncated { found, .. } if found == length as u64)
            }
        };
        assert!(expected, "{length} bytes: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(refusal(&longer), CheckpointError::Corrupt(_)));
}

#[test]
fn other_parameters_and_polls_are_named() {
    let shape = Shape::new(2, 1, 2).expect("in range");
    let others = Parameters::setup(shape, &SetupSource::InsecureDevelopment).expect("parameters");
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("checkpoint");
    fs::write(&path, saved()).expect("written");
    let error = checkpoint::load(&path, &others, &poll().header).expect_err("refused");
    assert!(
        matches!(error, CheckpointError::OtherParameters { expected, found }
        if expected == others.digest() && found == parameters().digest())
    );
    let error = checkpoint::load(&path, parameters(), &header(8, 2, 1)).expect_err("refused");
    assert!(matches!(error, CheckpointError::OtherPoll));
    let error = checkpoint::save(&path, &others, two_steps(), &[]).expect_err("refused");
    assert!(matches!(error, CheckpointError::ProofParameters));
    assert_eq!(&fs::read(&path).expect("read"), saved());
}

/// Whatever its parts are: an edition's proofs are no other's.
#[test]
fn checkpoints_of_other_versions_are_refused() {
    for version in [0u32, 1, 2, 3, 5, u32::MAX] {
        let mut other = saved().clone();
        assert_eq!(other[8..12], 4u32.to_le_bytes());
        other[8..12].copy_from_slice(&version.to_le_bytes());
        rehash(&mut other);
        let refused = refusal(&other);
        assert!(matches!(refused, CheckpointError::Version(v) if v == version));
    }
}

#[test]
fn hashes_alone_make_no_proof() {
    let bytes = saved();
    // An element of the first state, the number of steps inside the proof, an element of its state, and of witnesses.
    let proof = HEAD + START;
    let proof_end = bytes.len() - 32 - b"the application's own".len();
    for position in [
        HEAD,
        HEAD + 40,
        proof,
        proof + 40,
        proof_end / 2,
        proof_end - 7 * 32 - 8,
    ] {
        let mut altered = bytes.clone();
        altered[position] ^= 1;
        rehash(&mut altered);
        let error = refusal(&altered);
        let noticed = matches!(
            error,
            CheckpointError::Invalid(_) | CheckpointError::Corrupt(_)
        );
        assert!(noticed, "byte {position}: {error}");
    }
    let mut steps = bytes.clone();
    steps[76] += 1;
    rehash(&mut steps);
    assert!(matches!(refusal(&steps), CheckpointError::Corrupt(_)));
}

#[test]
fn hostile_lengths_are_refused_before_memory_is_taken() {
    for field in [84, 92] {
        for length in [u64::MAX, u64::MAX - 200, 1 << 40, 1] {
            let mut altered = saved().clone();
            altered[field..field + 8].copy_from_slice(&length.to_le_bytes());
            rehash(&mut altered);
            let error = refusal(&altered);
            let noticed = matches!(
                error,
                CheckpointError::Corrupt(_) | CheckpointError::Truncated { .. }
            );
            assert!(noticed, "{length} at {field}: {error}");
        }
    }
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("checkpoint");
    let large = vec![0; checkpoint::MAX_APPLICATION_BYTES + 1];
    let error = checkpoint::save(&path, parameters(), two_steps(), &large).expect_err("refused");
    assert!(matches!(error, CheckpointError::ApplicationSize(_)));
}

#[test]
fn file_errors_are_io_errors_and_a_full_disk_says_so() {
    let missing = Path::new("/nonexistent-directory/checkpoint");
    let error = checkpoint::load(missing, parameters(), &poll().header).expect_err("missing");
    assert!(matches!(error, CheckpointError::Io(_)));
    let error = checkpoint::save(missing, parameters(), two_steps(), &[]).expect_err("missing");
    assert!(matches!(error, CheckpointError::Io(_)));
    let full = CheckpointError::from(io::Error::from(io::ErrorKind::StorageFull));
    assert!(full.to_string().starts_with("no space is left"));
    #[cfg(target_os = "linux")]
    {
        let error = fs::write("/dev/full", b"bytes").expect_err("always full");
        assert!(matches!(error.into(), CheckpointError::DiskFull(_)));
    }
}
