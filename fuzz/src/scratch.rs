//! A folder for what is read from files alone.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that is emptied for each input. In memory if TMPDIR is.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Default for Scratch {
    fn default() -> Self {
        Scratch(tempfile::tempdir().expect("a folder"))
    }
}

impl Scratch {
    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file of this user alone.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("written");
        make_private(&path);
        path
    }

    /// Removes everything.
    pub fn clear(&self) {
        for entry in fs::read_dir(self.0.path()).expect("a folder") {
            let path = entry.expect("an entry").path();
            fs::remove_file(path).expect("removed");
        }
    }
}

fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("chmod");
}

thread_local! {
    static SCRATCH: Scratch = Scratch::default();
}

/// Runs with the empty folder of this thread.
pub fn with<T>(run: impl FnOnce(&Scratch) -> T) -> T {
    SCRATCH.with(|scratch| {
        scratch.clear();
        run(scratch)
    })
}
