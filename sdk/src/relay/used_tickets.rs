//! Which of a sign-up's tickets were used, kept beside its key: a ticket that is used twice shows a
//! relayer that one voter sends both.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use maci_nova_contracts::alloy_primitives::Address;
use maci_nova_files::{as_text, read_at_most, write_atomically, Readers};
use maci_nova_protocol::relay::{Relayer, Slot};
use rand_core::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::relay::ticket::choose;

/// The format that is read and written.
const VERSION: u32 = 1;

/// Hundreds of polls.
const LARGEST_FILE: u64 = 1 << 18;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UsedFile {
    version: u32,
    used: Vec<Used>,
}

/// Of a day.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Used {
    chain_id: u64,
    account: Address,
    poll: Address,
    day: u64,
    slots: Vec<u8>,
}

impl Used {
    fn is_of(&self, relayer: &Relayer, day: u64) -> bool {
        self.chain_id == relayer.chain_id
            && self.account.0 == relayer.account.0
            && self.poll.0 == relayer.poll.0
            && self.day == day
    }
}

/// Where the tickets of the key in a file are kept: in the key's file's name with `.tickets` after
/// it.
pub fn beside(key_file: &Path) -> PathBuf {
    let mut name = key_file.as_os_str().to_owned();
    name.push(".tickets");
    name.into()
}

/// One of the day's tickets that are not used, at random; it is one of the used ones from here on,
/// whatever becomes of it. `None` if all are.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Io`].
pub fn draw<R: RngCore + CryptoRng>(
    path: &Path,
    relayer: &Relayer,
    day: u64,
    rng: &mut R,
) -> Result<Option<Slot>, Error> {
    let mut file = load(path)?;
    // Tickets of earlier days are of no use.
    file.used.retain(|used| used.day.saturating_add(1) >= day);
    let place = file.used.iter().position(|used| used.is_of(relayer, day));
    let place = place.unwrap_or_else(|| {
        file.used.push(Used {
            chain_id: relayer.chain_id,
            account: Address::from(relayer.account.0),
            poll: Address::from(relayer.poll.0),
            day,
            slots: vec![],
        });
        file.used.len() - 1
    });
    let slots = &mut file.used[place].slots;
    let Some(number) = choose(slots, rng) else {
        return Ok(None);
    };
    slots.push(number);
    save(path, &file)?;
    Ok(Some(Slot { day, number }))
}

fn load(path: &Path) -> Result<UsedFile, Error> {
    let failed = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let damaged = |reason: String| Error::Damaged {
        path: path.to_owned(),
        reason,
    };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(UsedFile {
                version: VERSION,
                used: vec![],
            })
        }
        opened => opened.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    read_at_most(file, LARGEST_FILE, &mut bytes).map_err(failed)?;
    let text = as_text(&bytes).map_err(|error| damaged(error.to_string()))?;
    let file: UsedFile = serde_json::from_str(text).map_err(|error| damaged(error.to_string()))?;
    match file.version {
        VERSION => Ok(file),
        version => Err(damaged(format!("version {version} is unknown"))),
    }
}

fn save(path: &Path, file: &UsedFile) -> Result<(), Error> {
    let written = write_atomically(path, Readers::Owner, |out| {
        serde_json::to_writer(&mut *out, file)?;
        out.write_all(b"\n")
    });
    written.map_err(|source| Error::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use maci_nova_protocol::membership;
    use maci_nova_protocol::relay::SLOTS;
    use rand_core::OsRng;

    use super::*;

    #[test]
    fn no_ticket_is_drawn_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = beside(&folder.path().join("me.key"));
        assert!(path.ends_with("me.key.tickets"));
        let relayer = |account: u8| Relayer {
            chain_id: 1,
            account: membership::Address([account; 20]),
            poll: membership::Address([9; 20]),
        };
        let draw = |account, day| draw(&path, &relayer(account), day, &mut OsRng).expect("drawn");
        let mut drawn = HashSet::new();
        for _ in 0..SLOTS {
            let slot = draw(1, 5).expect("one is left");
            assert!(slot.day == 5 && slot.number < SLOTS);
            assert!(drawn.insert(slot.number));
        }
        assert_eq!(draw(1, 5), None);
        // Others, and other days, have their own.
        assert!(draw(2, 5).is_some() && draw(1, 6).is_some());
        assert_eq!(draw(1, 5), None);
        // Two days later the day is forgotten.
        assert!(draw(1, 7).is_some());
        std::fs::write(&path, "{}").expect("written");
        let damaged = super::draw(&path, &relayer(1), 7, &mut OsRng);
        assert!(matches!(damaged, Err(Error::Damaged { .. })));
    }
}
