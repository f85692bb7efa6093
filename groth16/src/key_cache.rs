//! Proving keys in the user's cache folder: made once for a circuit, then loaded.
//!
//! A key's file is named by what it is for and by the digest of the circuit ([`Matrices::digest`]),
//! and holds that digest, so no key is ever taken for another circuit's. A file that cannot be used
//! is replaced. Folder and files must be the user's own (or root's) and closed to others' writing:
//! who can put a key there knows its trapdoors, or has made it to spy on proofs. Processes that
//! want the same key at once make it once: the others wait for a lock.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use fs4::fs_std::FileExt;
use maci_nova_files::{check_own, Exposure};

use crate::{adapter::Matrices, setup, KeyFacts, KeyFileError, ProvingKey, SetupError, Trapdoors};

/// The environment variable that names another folder than the user's cache folder.
pub const CACHE_VARIABLE: &str = "MACI_NOVA_CACHE";

/// Below the user's cache folder.
const FOLDER: &str = "maci-nova";

/// Why the cache gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyCacheError {
    /// The user has no cache folder.
    #[error("there is no cache folder for proving keys; name one in {CACHE_VARIABLE}")]
    NoFolder,
    /// Others may have written this folder or file, so they could have put their own keys there.
    #[error("{} is for this user's proving keys and {exposure}", path.display())]
    Exposed {
        /// The folder or the file.
        path: PathBuf,
        /// Why.
        exposure: Exposure,
    },
    /// Something in the folder cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A ceremony's key is asked for, and there is none.
    #[error("there is no key of a ceremony for this circuit, and one from this machine's randomness is INSECURE")]
    Insecure,
    /// No key can be made of the circuit.
    #[error("the proving key cannot be made: {0}")]
    Setup(#[from] SetupError),
}

/// What happens while a key is obtained, for whoever waits for it.
#[derive(Debug)]
pub enum KeyEvent<'a> {
    /// The file is there and cannot be used: it is replaced, unless only a ceremony's key will do.
    Unusable(&'a Path, &'a KeyFileError),
    /// Another process is making the key; it is waited for.
    Waiting,
    /// The key is being made, for a circuit of this many constraints.
    Making(usize),
}

/// What a key is for.
#[derive(Clone, Copy, Debug)]
pub struct Circuit<'a> {
    /// The beginning of the file's name: lower-case letters.
    pub name: &'static str,
    /// The constraints.
    pub matrices: &'a Matrices,
    /// Public variables; the other instance variables are committed to.
    pub publics: usize,
    /// Only a key will do that says it is a ceremony's; none is made. (Whether it is, its verifying key tells.)
    pub production: bool,
}

/// A folder of proving keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCache {
    folder: PathBuf,
}

impl KeyCache {
    /// The folder `maci-nova` in the user's cache folder: the one that `MACI_NOVA_CACHE` names, or
    /// the system's (`$XDG_CACHE_HOME` or `~/.cache`; `~/Library/Caches` on macOS). It need not be
    /// there.
    ///
    /// # Errors
    /// [`KeyCacheError::NoFolder`] when there is no home directory.
    pub fn of_user() -> Result<Self, KeyCacheError> {
        let base = match env::var_os(CACHE_VARIABLE) {
            Some(path) if !path.is_empty() => PathBuf::from(path),
            _ => etcetera::base_strategy::choose_native_strategy()
                .map_err(|_| KeyCacheError::NoFolder)?
                .cache_dir(),
        };
        Ok(Self::new(base.join(FOLDER)))
    }

    /// This folder. It need not be there.
    pub fn new(folder: PathBuf) -> Self {
        KeyCache { folder }
    }

    /// Where a circuit's key is kept.
    pub fn path(&self, name: &str, matrices: &[u8; 32]) -> PathBuf {
        let digest: String = matrices.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}-{digest}.key"))
    }

    /// The key of a circuit: from its file, or made with the trapdoors and written there.
    ///
    /// # Errors
    /// See [`KeyCacheError`]. Where only a ceremony's key will do, none is made.
    pub fn key(
        &self,
        circuit: Circuit<'_>,
        trapdoors: impl FnOnce() -> Trapdoors,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<ProvingKey, KeyCacheError> {
        self.obtain(circuit, trapdoors, report)
    }

    /// What others are told of that key. Where it is in the cache, its points are not read.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub fn facts(
        &self,
        circuit: Circuit<'_>,
        trapdoors: impl FnOnce() -> Trapdoors,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<KeyFacts, KeyCacheError> {
        self.obtain(circuit, trapdoors, report)
    }

    fn obtain<K: Kept>(
        &self,
        circuit: Circuit<'_>,
        trapdoors: impl FnOnce() -> Trapdoors,
        report: &mut dyn FnMut(KeyEvent<'_>),
    ) -> Result<K, KeyCacheError> {
        let digest = circuit.matrices.digest();
        let path = self.path(circuit.name, &digest);
        create_private(&self.folder)?;
        if let Ok(key) = K::load(&path, &circuit, &digest) {
            return circuit.accept(key);
        }
        // Whoever comes second finds the key made.
        let _lock = lock(&path.with_extension("lock"), report)?;
        match K::load(&path, &circuit, &digest) {
            Ok(key) => return circuit.accept(key),
            Err(KeyFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(KeyFileError::Io(source)) => return Err(failed("read", &path)(source)),
            // Not replaced: it may be a ceremony's key, whose mode is all that is wrong.
            Err(KeyFileError::Exposed(exposure)) => {
                return Err(KeyCacheError::Exposed { path, exposure })
            }
            Err(error) => report(KeyEvent::Unusable(&path, &error)),
        }
        if circuit.production {
            return Err(KeyCacheError::Insecure);
        }
        report(KeyEvent::Making(circuit.matrices.constraints()));
        let key = setup(circuit.matrices, circuit.publics, trapdoors())?;
        write(&key, &path)?;
        Ok(key.into())
    }

    /// Keeps a key that a ceremony has made, in the place of the one of its circuit. Returns its digest.
    ///
    /// # Errors
    /// [`KeyCacheError::Exposed`], [`KeyCacheError::Io`].
    pub fn keep(&self, name: &str, key: &ProvingKey) -> Result<[u8; 32], KeyCacheError> {
        create_private(&self.folder)?;
        let path = self.path(name, &key.matrices_digest());
        let _lock = lock(&path.with_extension("lock"), &mut |_| ())?;
        write(key, &path)
    }
}

/// What is taken from a key's file, or from the key.
trait Kept: From<ProvingKey> {
    fn load(path: &Path, circuit: &Circuit<'_>, digest: &[u8; 32]) -> Result<Self, KeyFileError>;

    fn ceremony(&self) -> Option<[u8; 32]>;
}

impl Kept for ProvingKey {
    fn load(path: &Path, circuit: &Circuit<'_>, digest: &[u8; 32]) -> Result<Self, KeyFileError> {
        ProvingKey::read(path, digest, circuit.matrices, circuit.publics)
    }

    fn ceremony(&self) -> Option<[u8; 32]> {
        self.ceremony()
    }
}

impl Kept for KeyFacts {
    fn load(path: &Path, circuit: &Circuit<'_>, digest: &[u8; 32]) -> Result<Self, KeyFileError> {
        KeyFacts::read(path, digest, circuit.matrices, circuit.publics)
    }

    fn ceremony(&self) -> Option<[u8; 32]> {
        self.ceremony
    }
}

impl From<ProvingKey> for KeyFacts {
    fn from(key: ProvingKey) -> Self {
        key.facts()
    }
}

impl Circuit<'_> {
    fn accept<K: Kept>(&self, key: K) -> Result<K, KeyCacheError> {
        match self.production && key.ceremony().is_none() {
            true => Err(KeyCacheError::Insecure),
            false => Ok(key),
        }
    }
}

fn write(key: &ProvingKey, path: &Path) -> Result<[u8; 32], KeyCacheError> {
    key.write(path).map_err(|error| {
        let source = match error {
            KeyFileError::Io(source) => source,
            other => io::Error::other(other),
        };
        failed("write", path)(source)
    })
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> KeyCacheError {
    let path = path.to_owned();
    move |source| KeyCacheError::Io {
        action,
        path: path.clone(),
        source,
    }
}

/// Locked until the file is dropped, however the process ends.
fn lock(path: &Path, report: &mut dyn FnMut(KeyEvent<'_>)) -> Result<File, KeyCacheError> {
    let failed = failed("lock", path);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(&failed)?;
    if !file.try_lock_exclusive().map_err(&failed)? {
        report(KeyEvent::Waiting);
        file.lock_exclusive().map_err(&failed)?;
    }
    Ok(file)
}

/// Makes the folder, for this user only. One that is there must not be open to others' writing.
fn create_private(folder: &Path) -> Result<(), KeyCacheError> {
    let failed = failed("make folder", folder);
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(&failed)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_private(folder),
        other => other.map_err(failed),
    }
}

fn check_private(folder: &Path) -> Result<(), KeyCacheError> {
    let metadata = fs::metadata(folder).map_err(failed("read", folder))?;
    if !metadata.is_dir() {
        return Err(failed("use", folder)(io::ErrorKind::NotADirectory.into()));
    }
    check_own(&metadata).map_err(|exposure| KeyCacheError::Exposed {
        path: folder.to_owned(),
        exposure,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;
    use crate::scheme::tests::{keys, matrices, trapdoors, PUBLICS};

    fn circuit() -> Circuit<'static> {
        Circuit {
            name: "test",
            matrices: matrices(),
            publics: PUBLICS,
            production: false,
        }
    }

    /// A cache that is not there yet, in a directory that goes with the test.
    fn cache() -> (tempfile::TempDir, KeyCache) {
        let directory = tempfile::tempdir().expect("directory");
        let cache = KeyCache::new(directory.path().join("some").join("cache"));
        (directory, cache)
    }

    fn file(cache: &KeyCache) -> PathBuf {
        cache.path("test", &matrices().digest())
    }

    /// The key, and what was reported.
    fn obtain(
        cache: &KeyCache,
        circuit: Circuit<'_>,
    ) -> (Result<ProvingKey, KeyCacheError>, Vec<String>) {
        let mut events = vec![];
        let key = cache.key(circuit, trapdoors, &mut |event| {
            events.push(match event {
                KeyEvent::Unusable(path, error) => {
                    assert_eq!(path, file(cache));
                    error.to_string()
                }
                KeyEvent::Waiting => "waiting".into(),
                KeyEvent::Making(constraints) => {
                    assert_eq!(constraints, matrices().constraints());
                    "making".into()
                }
            });
        });
        (key, events)
    }

    #[test]
    fn a_key_is_made_once() {
        let (_directory, cache) = cache();
        let (made, events) = obtain(&cache, circuit());
        assert_eq!(events, ["making"]);
        let (loaded, events) = obtain(&cache, circuit());
        assert!(events.is_empty(), "{events:?}");
        let made = made.expect("made");
        assert!(made == loaded.expect("loaded"));
        let facts = |circuit| cache.facts(circuit, || panic!("made again"), &mut |_| {});
        assert_eq!(facts(circuit()).expect("read"), made.facts());
        let strict = Circuit {
            production: true,
            ..circuit()
        };
        assert!(matches!(facts(strict), Err(KeyCacheError::Insecure)));
    }

    #[test]
    fn a_key_is_made_for_its_facts() {
        let (_directory, cache) = cache();
        let facts = cache.facts(circuit(), trapdoors, &mut |_| {});
        let (loaded, events) = obtain(&cache, circuit());
        assert!(events.is_empty(), "{events:?}");
        assert_eq!(facts.expect("made"), loaded.expect("loaded").facts());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_write_there() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, cache) = cache();
        obtain(&cache, circuit()).0.expect("made");
        let mode = |path: &Path| {
            let metadata = fs::metadata(path).expect("metadata");
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode(&cache.folder), 0o700);
        for open in [0o720, 0o702, 0o777] {
            fs::set_permissions(&cache.folder, fs::Permissions::from_mode(open)).expect("chmod");
            refuse(&cache, &cache.folder, Exposure::Writable);
        }
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o755)).expect("chmod");
        obtain(&cache, circuit()).0.expect("loaded");
    }

    /// Nothing is made, replaced or reported.
    #[cfg(unix)]
    fn refuse(cache: &KeyCache, exposed: &Path, reason: Exposure) {
        let (key, events) = obtain(cache, circuit());
        let error = key.expect_err("exposed");
        let is_said = matches!(
            &error,
            KeyCacheError::Exposed { path, exposure } if path == exposed && *exposure == reason
        );
        assert!(is_said && events.is_empty(), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_write_is_not_read() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, cache) = cache();
        obtain(&cache, circuit()).0.expect("made");
        let path = file(&cache);
        let honest = fs::read(&path).expect("read");
        let chmod = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
        };
        for open in [0o664, 0o646, 0o666] {
            chmod(open);
            refuse(&cache, &path, Exposure::Writable);
        }
        for closed in [0o600, 0o644, 0o444] {
            chmod(closed);
            assert!(obtain(&cache, circuit()).1.is_empty(), "{closed:o}");
        }
        assert!(fs::read(&path).expect("read") == honest);
    }

    /// Only root can give files away, so only root sees this: in containers, for one.
    #[cfg(unix)]
    #[test]
    fn what_belongs_to_another_user_is_not_read() {
        use std::os::unix::fs::{chown, MetadataExt};
        let (_directory, cache) = cache();
        obtain(&cache, circuit()).0.expect("made");
        let path = file(&cache);
        let other = |path: &Path| Some(fs::metadata(path).expect("metadata").uid() + 12_345);
        for exposed in [&path, &cache.folder] {
            match chown(exposed, other(exposed), None) {
                Ok(()) => refuse(&cache, exposed, Exposure::Foreign),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::PermissionDenied),
            }
        }
    }

    #[test]
    fn what_cannot_be_used_is_replaced() {
        let (_directory, cache) = cache();
        obtain(&cache, circuit()).0.expect("made");
        let path = file(&cache);
        let honest = fs::read(&path).expect("read");
        let mut damaged = honest.clone();
        damaged[honest.len() / 2] ^= 1;
        let mut other = keys().clone();
        other.matrices = [7; 32];
        let foreign = path.with_extension("other");
        other.write(&foreign).expect("written");
        let foreign = fs::read(foreign).expect("read");
        for (bytes, reason) in [
            (damaged, "damaged"),
            (honest[..honest.len() - 40].to_vec(), "damaged"),
            (b"something else".to_vec(), "not a proving key"),
            (foreign, "another circuit"),
        ] {
            fs::write(&path, bytes).expect("written");
            let (key, events) = obtain(&cache, circuit());
            assert!(key.is_ok(), "{key:?}");
            assert!(
                events[0].contains(reason) && events[1] == "making",
                "{events:?}"
            );
            assert!(obtain(&cache, circuit()).1.is_empty(), "{reason}");
        }
    }

    /// The same constraints, split otherwise into public and committed variables.
    #[test]
    fn other_publics_are_another_circuit() {
        let (_directory, cache) = cache();
        obtain(&cache, circuit()).0.expect("made");
        let other = Circuit {
            publics: PUBLICS + 1,
            ..circuit()
        };
        let (key, events) = obtain(&cache, other);
        assert_eq!(
            key.expect("made").verifying_key().ic.len(),
            other.publics + 1
        );
        assert!(events[0].contains("another circuit"), "{events:?}");
    }

    #[test]
    fn production_takes_a_ceremonys_key_alone() {
        let (_directory, cache) = cache();
        let strict = Circuit {
            production: true,
            ..circuit()
        };
        let refused = |cache: &KeyCache| {
            let (key, events) = obtain(cache, strict);
            assert!(matches!(key, Err(KeyCacheError::Insecure)), "{key:?}");
            assert!(events.is_empty(), "{events:?}");
        };
        refused(&cache);
        assert!(!file(&cache).exists());
        obtain(&cache, circuit()).0.expect("made");
        refused(&cache);
        let mut secure = keys().clone();
        secure.ceremony = Some([9; 32]);
        secure.write(&file(&cache)).expect("written");
        assert!(obtain(&cache, strict).0.expect("loaded") == secure);
    }

    #[test]
    fn who_comes_second_waits_and_loads() {
        let (_directory, cache) = cache();
        create_private(&cache.folder).expect("made");
        let held = lock(&file(&cache).with_extension("lock"), &mut |_| {}).expect("locked");
        thread::scope(|scope| {
            let other = scope.spawn(|| obtain(&cache, circuit()));
            // It comes to the lock before it is let go of, or finds the key: both are right.
            keys().write(&file(&cache)).expect("written");
            drop(held);
            let (key, events) = other.join().expect("ends");
            assert!(key.expect("loaded") == *keys());
            assert!(!events.contains(&"making".to_owned()), "{events:?}");
        });
    }

    #[test]
    fn many_at_once_make_one_key() {
        let (_directory, cache) = cache();
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let (key, events) = obtain(&cache, circuit());
                    assert!(key.expect("a key") == *keys());
                    made.fetch_add(
                        usize::from(events.contains(&"making".into())),
                        Ordering::SeqCst,
                    );
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let (directory, _) = cache();
        let file = directory.path().join("file");
        fs::write(&file, "").expect("written");
        for folder in [file.clone(), file.join("below")] {
            let error = obtain(&KeyCache::new(folder), circuit()).0;
            assert!(matches!(error, Err(KeyCacheError::Io { .. })), "{error:?}");
        }
    }
}
