//! What people can do about errors, by flag and command.

use maci_nova_chain::{ChainError, Notice};
use maci_nova_sdk::voter::price::PriceError;
use maci_nova_sdk::{revert, Hint};

/// The development setup in production.
pub const INSECURE: &str = "the development setup is INSECURE and --production refuses it; use a powers-of-tau file of a public ceremony";

/// The end of the sentence about a proof of the development setup.
pub const INSECURE_PROOF: &str =
    ", which --production refuses; prove with a powers-of-tau file of a public ceremony";

/// The end of the sentence about a chain that does not do as it is asked.
pub fn of_chain(error: &ChainError) -> String {
    let text = match error {
        ChainError::Reverted { data, .. } => {
            return revert::name(data).map_or_else(String::new, |name| of_revert(&name).into())
        }
        ChainError::Transport(_) | ChainError::NotNow(_) => {
            "; nothing was lost, run the same command again"
        }
        ChainError::Undecided { .. } | ChainError::Overdue { .. } | ChainError::Left { .. } => {
            "; the same command again looks for it before it sends anything"
        }
        _ => "",
    };
    text.into()
}

/// The end of a line about a node.
pub fn of_notice(notice: &Notice) -> &'static str {
    match notice {
        Notice::SmallerTip { .. } => " (--max-tip)",
        _ => "",
    }
}

/// How to agree to a price.
pub fn of_price(error: &PriceError) -> String {
    match error {
        PriceError::MessageFee { fee, .. } => {
            format!("; to agree, give --max-message-fee {fee}, in wei")
        }
        PriceError::Tokens { tokens, .. } => format!("; to agree, give --max-tokens {tokens}"),
    }
}

/// What may help, by its flag.
pub fn of_hint(hint: &Hint) -> String {
    let text = match hint {
        Hint::OtherPollFile => "; name another --poll-file",
        Hint::AnotherPoll(file) => {
            return format!(
                ": name a new --poll-file, and this one with --deployment {}",
                file.display()
            )
        }
        Hint::SameDeployment => {
            "; run deploy as it was run then, or name another --poll-file, or remove the file to start over"
        }
        Hint::RemoveJournal => "; remove it, or name another --poll-file",
        Hint::OtherDirectory => "; give another --out",
        Hint::WaitOrOtherDirectory => "; wait for it or give another --out",
        Hint::ResumeOrOtherDirectory => "; resume with --resume, or give another --out",
        Hint::OtherNode => " with --rpc-url",
        Hint::OtherNodeOrProof => {
            "; ask another node with --rpc-url, or give the file that finalize wrote, decider.json, with --proof"
        }
        Hint::StateIndex => " with --state-index",
        Hint::KeyOfJoin => {
            "; vote with the key that you joined with, the file of join --poll-key-file (a key of --new-key-file needs --before-key-change, and is only for what is sent before the ballot that made it)"
        }
        Hint::Nonce => "; give --nonce",
        Hint::MinCredits => "; --min-credits sets the least",
        Hint::VoteAgain => {
            "; vote again, or insist with --again; status --messages shows what is there"
        }
        Hint::CreditsContract => "; give --credits-contract",
        Hint::MakeKey => "; make one with keygen",
        Hint::JoinKey(file) => {
            return format!(
                "; get {} from the poll's operator and put it there, or name it with --join-key",
                file.display()
            )
        }
        Hint::CreatePoll => "; make one with poll create",
        Hint::SignUp => "; if it has, do not try again with this node, which could find out that way whose key it is, but with another --rpc-url; if it has not, use signup",
        Hint::KeyDigest => "; --production needs its digest, with --key-digest",
        Hint::Proof => "; give the one that finalize wrote, decider.json, with --proof",
        _ => "",
    };
    text.into()
}

/// What can be done about errors that people meet.
fn of_revert(name: &str) -> &'static str {
    let error = name.split(' ').next().unwrap_or(name);
    match error {
        "PollNotStarted" => ": the poll has not started; status shows its times",
        "PollEnded" => ": the poll has ended and takes nothing any more",
        "PollNotEnded" => ": the poll has not ended; status shows its times",
        "DeadlinePassed" => ": the time for proving is over; anyone may abort the poll now",
        "DeadlineNotReached" => ": there is still time to prove; status shows the deadline",
        "AlreadyFinalized" => ": the poll has its results",
        "AlreadyAborted" => ": the poll was aborted",
        "NotFinalized" => ": the poll has no results",
        "NotAborted" => ": the poll was not aborted",
        "NullifierAlreadyUsed" => ": this key has joined the poll already",
        "PollFull" => ": no one else can join this poll",
        "NothingToPay" => ": there is nothing to be paid out",
        "NoTopUps" => ": this poll has no top-ups",
        "UnknownStateIndex" => ": there is no voter at this index",
        "TokenAlreadyUsed" => ": this token has been used to sign up",
        "NotTokenOwner" => ": the token belongs to another account than the one that sends",
        "MalformedGatekeeperData" => ": the gatekeeper wants a token; give --token-id",
        "UnexpectedGatekeeperData" => ": anyone may sign up; leave --token-id and --gatekeeper-data out",
        "AlreadyEnforced" => ": the policy has already let in this account, or accepted this evidence",
        "UnsuccessfulCheck" | "InvalidProof" => {
            ": the policy does not let the sending account in with this evidence; see --gatekeeper-data"
        }
        "PolicyGuardsAnother" => ": the gatekeeper's policy has another target, or none",
        "LeafAlreadyExists" => ": this key has signed up",
        "StartInThePast" => ": the poll would start in the past; give a later start",
        "UnknownShape" => ": the registry has no verifier of the poll's shape",
        "AnchorTooOld" => ": it was signed too long ago; sign it again",
        "AnchorUnknown" | "WrongAnchor" => {
            ": it was signed for another chain or poll, or its block has been replaced; sign it again"
        }
        "MessagesFull" => ": the poll takes no more messages than can be proven in time",
        "RootTooNew" => ": this poll is for those who had signed up before",
        "TooFewCredits" => ": the voter would get fewer voice credits than asked for; see --min-credits",
        "WrongFee" => ": the poll's fee is another one; look at it with status",
        "NoBlockHistory" => ": the chain keeps no older blocks' hashes; give --signed-within 255 or less",
        "ERC20InsufficientBalance" => ": the account has too few tokens",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use maci_nova_contracts::alloy_sol_types::SolError;
    use maci_nova_contracts::bindings::{ExcubiaePolicy, FreeForAllGatekeeper, Poll};

    use super::*;

    #[test]
    fn what_a_contract_refuses_is_explained() {
        let cases = [
            (
                Poll::PollEnded {}.abi_encode(),
                "PollEnded: the poll has ended and takes nothing any more",
            ),
            (
                FreeForAllGatekeeper::UnexpectedGatekeeperData {}.abi_encode(),
                "UnexpectedGatekeeperData: anyone may sign up; leave --token-id and --gatekeeper-data out",
            ),
            (
                ExcubiaePolicy::AlreadyEnforced {}.abi_encode(),
                "AlreadyEnforced: the policy has already let in this account, or accepted this evidence",
            ),
        ];
        for (data, words) in cases {
            let error = ChainError::Reverted {
                data: data.into(),
                gas_used: None,
            };
            let text = format!("{}{}", revert::explain(&error), of_chain(&error));
            assert_eq!(text, format!("the contract refuses with {words}"));
        }
    }
}
