//! What may help against an error. A program says it in its own words.

use std::path::PathBuf;

/// What may help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// Another poll file.
    OtherPollFile,
    /// A new poll file, with this one as its deployment.
    AnotherPoll(PathBuf),
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
    /// Another node, or the proof, in the file that its coordinator has.
    OtherNodeOrProof,
    /// The voter's state index.
    StateIndex,
    /// The key that the voter joined with; another one where it is known what it signs.
    KeyOfJoin,
    /// The first nonce of a ballot.
    Nonce,
    /// A lower number of credits to join for.
    MinCredits,
    /// A ballot that is signed again, all of it.
    VoteAgain,
    /// A contract that gives credits.
    CreditsContract,
    /// A key made by [`PrivateKey::random`](maci_nova_protocol::keys::PrivateKey::random).
    MakeKey,
    /// The proving key of join proofs, which belongs in this file, or its place.
    JoinKey(PathBuf),
    /// A poll, to be created first.
    CreatePoll,
    /// To sign the key up first.
    SignUp,
    /// The digest of the ceremony's key.
    KeyDigest,
    /// The proof, in the file that its coordinator has.
    Proof,
}
