//! What is done with files in more than one place.

use std::io;
use std::path::Path;

use crate::error::Error;

/// Whether something is gone after an attempt to remove it: what was not there is.
pub(crate) fn gone(path: &Path, removed: io::Result<()>) -> Result<(), Error> {
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Io {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
