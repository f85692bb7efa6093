//! Files that are either the old ones or the new ones, whenever the process or machine stops.

mod hashed;

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

pub use hashed::{trailing_digest, Hashing, DIGEST_BYTES};

/// Who may read a file that [`write_atomically`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Only this user (mode 0600): the file holds secrets.
    Owner,
    /// Everybody (mode 0644, less the process's umask).
    Everybody,
}

/// Why others than this user may have written what a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// It belongs to another user.
    #[error("belongs to another user")]
    Foreign,
    /// Its group or everybody may write to it.
    #[error("can be written to by other users")]
    Writable,
}

/// Checks that only this user can have written a file or can put one into a folder: it belongs to
/// the user or to root, who can write anywhere, and neither its group nor others may write to it.
///
/// # Errors
/// [`Exposure`]. Where there are no such owners and modes, nothing is checked.
pub fn check_own(metadata: &fs::Metadata) -> Result<(), Exposure> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let user = rustix::process::geteuid().as_raw();
        check_owner(metadata.uid(), metadata.mode(), user)
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok(())
    }
}

#[cfg(unix)]
fn check_owner(owner: u32, mode: u32, user: u32) -> Result<(), Exposure> {
    const ROOT: u32 = 0;
    match (owner == user || owner == ROOT, mode & 0o022) {
        (false, _) => Err(Exposure::Foreign),
        (true, 0) => Ok(()),
        (true, _) => Err(Exposure::Writable),
    }
}

/// Replaces the file at `path` by what `write` writes.
///
/// The bytes go to a file beside it (its name with `.partial` after it), which is synced and then
/// renamed, and the directory is synced: at any moment `path` is the old file or the whole new one.
/// One process at a time may write to a `path`.
///
/// # Errors
/// As the file system gives them; the old file is then unchanged and the partial one removed.
pub fn write_atomically(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let partial = partial_path(path)?;
    let result = write_synced(&partial, readers, write).and_then(|()| fs::rename(&partial, path));
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&partial);
        return result;
    }
    sync_directory(path)
}

/// Makes a file that is not there yet, with all that `write` writes or not at all: a process that
/// is stopped leaves no part of it under its name, which would stand in the way of the next one.
///
/// As [`write_atomically`], but that nothing is buffered: what is secret has no copy here.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if something has that name, which stays as it is; others as the
/// file system gives them.
pub fn create_atomically(
    path: &Path,
    readers: Readers,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    // Before the partial file is made; that nothing is replaced is seen to when it gets its name.
    if path.symlink_metadata().is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let partial = partial_path(path)?;
    remove_left(&partial)?;
    // Of this process alone: with one name for all, another one that makes the same file would put
    // its own content in the place of this one's.
    let partial = own_path(&partial);
    let written = || {
        let mut file = create_new(&partial, readers)?;
        write(&mut file)?;
        file.sync_all()?;
        rename_to_new(&partial, path)
    };
    let result = written();
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&partial);
        return result;
    }
    sync_directory(path)
}

/// A name beside a file that no other process, and no other thread, makes.
fn own_path(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut own = path.as_os_str().to_owned();
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    own.push(format!("{}-{number}", std::process::id()));
    own.into()
}

/// Renames a file unless there is one of that name.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{renameat_with, RenameFlags, CWD};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not every file system can.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::INVAL) => {}
            other => return other.map_err(io::Error::from),
        }
    }
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

fn partial_path(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    let mut partial = OsString::from(name);
    partial.push(".partial");
    Ok(path.with_file_name(partial))
}

fn write_synced(
    partial: &Path,
    readers: Readers,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    remove_left(partial)?;
    let mut writer = BufWriter::new(create_new(partial, readers)?);
    write(&mut writer)?;
    let file = writer.into_inner().map_err(|error| error.into_error())?;
    file.sync_all()
}

/// Removes what a process left that was killed; creating anew sets the mode and follows no link.
fn remove_left(partial: &Path) -> io::Result<()> {
    match fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn create_new(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(match readers {
            Readers::Owner => 0o600,
            Readers::Everybody => 0o644,
        });
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Opens a file to be read and added to, which is made if it is not there, and its name durable.
///
/// # Errors
/// As the file system gives them.
pub fn open_to_append(path: &Path, readers: Readers) -> io::Result<File> {
    match create_new(path, readers) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    sync_directory(path)?;
    Ok(file)
}

/// Makes the name of a file durable that was just made, renamed or removed.
///
/// # Errors
/// As the file system gives them. Where directories cannot be opened, nothing is done.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(directory_of(path))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The directory that a file is in.
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The text of a file without the byte-order mark that some editors begin it with.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

/// Reads all of what has at most so many bytes. A secret's buffer has room for one more from the
/// start: one that grows leaves copies behind.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] if there is more; others as the reader gives them.
pub fn read_at_most(reader: impl Read, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    reader.take(most.saturating_add(1)).read_to_end(bytes)?;
    match bytes.len() as u64 > most {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(()),
    }
}

/// A file's bytes as text: UTF-8, without the mark that some editors begin it with.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`], which names UTF-16, as some shells write it.
pub fn as_text(bytes: &[u8]) -> io::Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        let reason = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                "it is text in UTF-16 (its byte-order mark says so); save it as UTF-8"
            }
            _ => "it is not text in UTF-8",
        };
        io::Error::new(io::ErrorKind::InvalidData, reason)
    })?;
    Ok(without_mark(text))
}

/// What [`without_mark`] leaves out.
const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_one_and_the_first() {
        assert_eq!(without_mark("\u{feff}a\u{feff}"), "a\u{feff}");
        assert_eq!(without_mark("\u{feff}\u{feff}a"), "\u{feff}a");
        assert_eq!(without_mark("a"), "a");
    }

    #[test]
    fn what_is_too_long_is_not_cut() {
        for (most, fits) in [(5, true), (4, false), (0, false), (u64::MAX, true)] {
            let mut bytes = Vec::new();
            let read = read_at_most(&b"12345"[..], most, &mut bytes);
            match fits {
                true => assert_eq!(bytes, b"12345"),
                false => assert_eq!(
                    read.expect_err("too long").kind(),
                    io::ErrorKind::FileTooLarge
                ),
            }
        }
    }

    #[test]
    fn text_is_in_utf_8_or_named() {
        assert_eq!(as_text(b"\xef\xbb\xbfa").expect("text"), "a");
        assert_eq!(as_text(b"").expect("text"), "");
        let fault = |bytes: &[u8]| as_text(bytes).expect_err("no text").to_string();
        assert!(fault(b"\xff\xfea\0").contains("UTF-16"));
        assert!(fault(b"\xfe\xff\0a").contains("UTF-16"));
        assert!(fault(b"a\xff").contains("not text in UTF-8"));
    }

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        for text in ["first", "second, longer", "3"] {
            write_atomically(&path, Readers::Owner, |w| w.write_all(text.as_bytes()))
                .expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
        assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        write_atomically(&path, Readers::Owner, |w| w.write_all(b"old")).expect("written");
        let error = write_atomically(&path, Readers::Owner, |w| {
            w.write_all(b"new")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .expect_err("fails");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).expect("read"), b"old");
        assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1);
    }

    #[test]
    fn a_partial_file_left_behind_does_not_matter() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        fs::write(partial_path(&path).expect("name"), b"left by a kill").expect("written");
        write_atomically(&path, Readers::Owner, |w| w.write_all(b"new")).expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"new");
    }

    #[test]
    fn a_new_file_is_whole_or_not_there() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        let names = || fs::read_dir(directory.path()).expect("list").count();
        let error = create_atomically(&path, Readers::Owner, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        })
        .expect_err("fails");
        assert_eq!((error.kind(), names()), (io::ErrorKind::StorageFull, 0));
        // What a kill leaves is none of the new file's.
        fs::write(partial_path(&path).expect("name"), b"left by a kill").expect("written");
        create_atomically(&path, Readers::Owner, |file| file.write_all(b"all")).expect("made");
        assert_eq!(fs::read(&path).expect("read"), b"all");
        assert_eq!(names(), 1);
    }

    #[test]
    fn a_new_file_replaces_nothing() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        let create = || create_atomically(&path, Readers::Owner, |file| file.write_all(b"new"));
        let refused = || create().expect_err("there is one").kind();
        fs::write(&path, b"old").expect("written");
        assert_eq!(refused(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("read"), b"old");
        // One that comes while this one is written.
        fs::remove_file(&path).expect("removed");
        let error = create_atomically(&path, Readers::Owner, |_| fs::write(&path, b"other"));
        assert_eq!(
            error.expect_err("late").kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read(&path).expect("read"), b"other");
        assert_eq!(fs::read_dir(directory.path()).expect("list").count(), 1);
        #[cfg(unix)]
        {
            fs::remove_file(&path).expect("removed");
            std::os::unix::fs::symlink("nowhere", &path).expect("a link");
            assert_eq!(refused(), io::ErrorKind::AlreadyExists);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_secret_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        create_atomically(&path, Readers::Owner, |_| Ok(())).expect("made");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        write_atomically(&path, Readers::Owner, |_| Ok(())).expect("written");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_write_is_not_own() {
        use Exposure::{Foreign, Writable};
        for user in [0, 1000] {
            for owner in [user, 0] {
                for mode in [0o400, 0o600, 0o644, 0o700, 0o755] {
                    assert_eq!(check_owner(owner, mode, user), Ok(()), "{mode:o}");
                    for open in [0o020, 0o002, 0o022] {
                        let exposed = check_owner(owner, mode | open, user);
                        assert_eq!(exposed, Err(Writable), "{mode:o}");
                    }
                }
            }
            // Not even for root: another user could change it at any time.
            assert_eq!(check_owner(1001, 0o600, user), Err(Foreign));
            assert_eq!(check_owner(1001, 0o666, user), Err(Foreign));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_here_is_own() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("file");
        let own = || check_own(&fs::metadata(&path).expect("metadata"));
        for readers in [Readers::Owner, Readers::Everybody] {
            write_atomically(&path, readers, |_| Ok(())).expect("written");
            // Whatever the process's umask lets through.
            let mode = fs::metadata(&path).expect("metadata").permissions().mode();
            assert_eq!(mode & 0o022, 0);
            assert_eq!(own(), Ok(()));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).expect("chmod");
        assert_eq!(own(), Err(Exposure::Writable));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12_345), None).expect("chown");
            assert_eq!(own(), Err(Exposure::Foreign));
        }
    }

    #[test]
    fn a_path_without_a_name_or_directory_is_an_error() {
        let nothing = |_: &mut dyn Write| Ok(());
        assert!(write_atomically(Path::new("/"), Readers::Owner, nothing).is_err());
        let missing = Path::new("/nonexistent-directory/file");
        assert!(write_atomically(missing, Readers::Owner, nothing).is_err());
    }
}
