//! What may help against an error. A program that knows its own words for it says them.

use std::path::PathBuf;

/// What may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Another poll file.
    OtherPollFile,
    /// The same request as in the first attempt, another poll file, or to remove the journal.
    SameDeployment,
    /// To remove the file, or another poll file.
    RemoveJournal,
    /// Another directory for the proof.
    OtherDirectory,
    /// To wait for the other process, or another directory for the proof.
    WaitOrOtherDirectory,
    /// To resume from the checkpoint, or another directory for the proof.
    ResumeOrOtherDirectory,
    /// Another node.
    OtherNode,
    /// The voter's state index.
    StateIndex,
    /// A contract that gives credits.
    CreditsContract,
    /// A key that was made with this program.
    MakeKey,
    /// The proving key of join proofs, which belongs in this file, or its place.
    JoinKey(PathBuf),
    /// The digest of the ceremony's key.
    KeyDigest,
    /// The proof, in the file that its coordinator has.
    Proof,
}
