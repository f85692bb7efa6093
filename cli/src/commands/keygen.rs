//! `keygen`: a new key, and one in guardians' hands.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use maci_nova_coordinator::guardians::{recover, split, Share, Threshold};
use maci_nova_files::{as_text, create_atomically, read_at_most, Readers};
use maci_nova_jobs::JobKey;
use maci_nova_protocol::keys::PrivateKey;
use rand_core::OsRng;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::arguments::shared::Keygen;
use crate::commands::pubkey::{self, PublicKeyDocument};
use crate::console::Console;
use crate::failure::Failure;
use crate::key;

/// A share for 255 guardians has less than 20 kB.
const LARGEST_SHARE: u64 = 1 << 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shared {
    public_key: PublicKeyDocument,
    needed: u8,
    guardians: u8,
    shares: Vec<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobKeyDocument {
    job_key_file: PathBuf,
}

/// Runs the command.
pub fn run(arguments: &Keygen, console: &Console) -> Result<(), Failure> {
    if let Some(path) = &arguments.check {
        return check(path, console);
    }
    if let (Some(path), Some(threshold)) = (&arguments.key_file, arguments.guardians) {
        let key = key::read_file(path, console)?;
        return share(path, &key, threshold, console);
    }
    let Some(path) = &arguments.out else {
        let text = "keygen needs --out FILE for the secret key, which is never printed";
        return Err(Failure::Usage(text.into()));
    };
    if arguments.job_key {
        return job_key(path, console);
    }
    let key = match arguments.recover.as_slice() {
        [] => PrivateKey::random(&mut OsRng),
        paths => recovered(paths, console)?,
    };
    // Before the key, which is not made a second time.
    if let Some(threshold) = arguments.guardians {
        require_room(path, threshold)?;
    }
    write(path, |path| key::write_new(path, &key))?;
    console.note(format!(
        "secret key written to {}; keep it safe",
        path.display()
    ));
    match arguments.guardians {
        Some(threshold) => share(path, &key, threshold, console),
        None => pubkey::print(&key.public_key(), console),
    }
}

/// The key that seals jobs: 32 bytes of its own, which nothing public is of.
fn job_key(path: &Path, console: &Console) -> Result<(), Failure> {
    JobKey::create(path).map_err(|error| match path.symlink_metadata().is_ok() {
        true => exists(path),
        false => Failure::Input(error.to_string()),
    })?;
    console.note("give it to the driver and to every worker, by a way that nobody reads; with it and the broker's data anybody reads every ballot");
    let document = JobKeyDocument {
        job_key_file: path.to_owned(),
    };
    console.show(&document, |out| writeln!(out, "{}", path.display()))
}

/// Where a guardian's share goes: beside the key.
fn share_path(key: &Path, number: u8) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(format!(".guardian-{number}"));
    name.into()
}

fn require_room(key: &Path, threshold: Threshold) -> Result<(), Failure> {
    let mut paths = (1..=threshold.all()).map(|number| share_path(key, number));
    match paths.find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(exists(&path)),
        None => Ok(()),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::Usage(format!(
        "{} already exists and keys are never overwritten; give another name, or remove what an interrupted command left",
        path.display()
    ))
}

fn write(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Failure> {
    write(path).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => Failure::Io {
            action: "write key file",
            path: path.to_owned(),
            source,
        },
    })
}

/// Splits a key into new files.
fn share(
    path: &Path,
    key: &PrivateKey,
    threshold: Threshold,
    console: &Console,
) -> Result<(), Failure> {
    require_room(path, threshold)?;
    let shares =
        split(key, threshold, &mut OsRng).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut paths = Vec::with_capacity(shares.len());
    for share in &shares {
        let path = share_path(path, share.number());
        let text = share.to_text();
        write(&path, |path| {
            create_atomically(path, Readers::Owner, |file| file.write_all(text.as_bytes()))
        })?;
        paths.push(path);
    }
    console.note(format!(
        "give each guardian one of {} files, by a way that nobody reads, and delete it here: {} together recover the key",
        threshold.all(),
        threshold.needed()
    ));
    let document = Shared {
        public_key: PublicKeyDocument::new(&key.public_key()),
        needed: threshold.needed(),
        guardians: threshold.all(),
        shares: paths,
    };
    console.show(&document, |out| {
        writeln!(out, "{}", document.public_key.serialized)?;
        document
            .shares
            .iter()
            .try_for_each(|path| writeln!(out, "{}", path.display()))
    })
}

fn recovered(paths: &[PathBuf], console: &Console) -> Result<PrivateKey, Failure> {
    let shares: Result<Vec<Share>, Failure> =
        paths.iter().map(|path| read(path, console)).collect();
    recover(&shares?).map_err(|error| Failure::Input(error.to_string()))
}

fn read(path: &Path, console: &Console) -> Result<Share, Failure> {
    let unreadable = |source| key::KeyFault::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_SHARE as usize + 1));
    let file = File::open(path).map_err(unreadable)?;
    key::warn_if_shared(path, &file, console);
    read_at_most(file, LARGEST_SHARE, &mut bytes).map_err(unreadable)?;
    let text = as_text(&bytes).map_err(unreadable)?;
    Share::from_text(text).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}

/// What a guardian can know alone.
fn check(path: &Path, console: &Console) -> Result<(), Failure> {
    let share = read(path, console)?;
    let threshold = share.threshold();
    let document = Checked {
        public_key: PublicKeyDocument::new(share.key()),
        number: share.number(),
        needed: threshold.needed(),
        guardians: threshold.all(),
        split: share.split_digest(),
    };
    console.show(&document, |out| {
        writeln!(out, "{}", document.public_key.serialized)?;
        writeln!(
            out,
            "share {} of {}, {} of which recover the key",
            document.number, document.guardians, document.needed
        )?;
        writeln!(out, "split {}: the same for every guardian", document.split)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    public_key: PublicKeyDocument,
    number: u8,
    needed: u8,
    guardians: u8,
    split: String,
}
