//! Files that end with the SHA-256 of all bytes before it. It tells whether a file is the one that was written, not who
//! wrote it.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use sha2::{Digest, Sha256};

/// Bytes of a hash.
pub const DIGEST_BYTES: usize = 32;
const BUFFER_BYTES: usize = 1 << 18;

/// Passes bytes on and hashes them.
#[derive(Debug)]
pub struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W> Hashing<W> {
    /// Before the first byte.
    pub fn new(inner: W) -> Self {
        Hashing {
            inner,
            hash: Sha256::new(),
        }
    }

    /// What bytes were passed on to, and their hash.
    pub fn finish(self) -> (W, [u8; DIGEST_BYTES]) {
        (self.inner, self.hash.finalize().into())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A file's last 32 bytes, if they are the hash of those before.
///
/// # Errors
/// As the file system gives them.
pub fn trailing_digest<F: Read + Seek>(file: &mut F) -> io::Result<Option<[u8; DIGEST_BYTES]>> {
    let length = file.seek(SeekFrom::End(0))?;
    let Some(content) = length.checked_sub(DIGEST_BYTES as u64) else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(0))?;
    let mut hashing = Hashing::new(io::sink());
    let buffered = BufReader::with_capacity(BUFFER_BYTES, &mut *file);
    io::copy(&mut buffered.take(content), &mut hashing)?;
    let mut digest = [0; DIGEST_BYTES];
    file.seek(SeekFrom::Start(content))?;
    file.read_exact(&mut digest)?;
    Ok((digest == hashing.finish().1).then_some(digest))
}
