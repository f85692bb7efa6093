//! Commands of MACI's own program, versions 1 to 3, that have no counterpart here. Those that have
//! one are other names of it.

use clap::{Arg, ArgAction, ArgMatches, Command};

/// Each command, and what there is in its place.
const NEEDLESS: [(&str, &str); 13] = [
    ("mergeSignups", MERGED),
    ("mergeMessages", MERGED),
    ("genProofs", PROOFS),
    ("generateProofs", PROOFS),
    (
        "checkVerifyingKeys",
        "verify compares the verifier's code and key, and says the key's digest",
    ),
    ("extractVkToFile", EXTRACTED),
    ("extractVerifyingKeyToFile", EXTRACTED),
    (
        "show",
        "the poll file has the addresses of all contracts; status shows the poll",
    ),
    (
        "isRegisteredUser",
        "signup finds an earlier sign-up and sends nothing then",
    ),
    (
        "isJoinedUser",
        "join finds an earlier join, shows its state index and credits, and sends nothing then",
    ),
    ("fundWallet", "any wallet sends ether to the account"),
    (
        "airdrop",
        "credits are a setting of the poll: see poll create --credits and --top-up-token",
    ),
    (
        "timeTravel",
        "a node for tests has evm_increaseTime, which any RPC client calls",
    ),
];

const MERGED: &str = "the contracts keep chains of hashes and a tree that are always complete";
const PROOFS: &str = "finalize makes the one proof and sends it; process folds ahead of it, and finalize --dry-run makes it without a chain";
const EXTRACTED: &str = "finalize writes the verifying key into decider.json beside the proof";

/// The same program, which knows these names as well and takes any arguments with them.
pub fn with_maci(command: Command) -> Command {
    let rest = || {
        Arg::new("rest")
            .action(ArgAction::Append)
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
    };
    let needless = NEEDLESS.map(|(name, _)| Command::new(name).hide(true).arg(rest()));
    command.subcommands(needless)
}

/// Why the command that was asked for is not one of this program, if it is one of these.
pub fn needless(matches: &ArgMatches) -> Option<String> {
    let asked = matches.subcommand_name()?;
    let (name, reason) = NEEDLESS.iter().find(|(name, _)| *name == asked)?;
    Some(format!(
        "{name} is a command of MACI's program that is not needed here: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// What MACI's programs of versions 1.2, 2.5 and 3.0 know.
    const NAMES: [&str; 36] = [
        "create",
        "checkVerifyingKeys",
        "generateMaciPubKey",
        "genMaciPubKey",
        "genMaciPubkey",
        "generateMaciKeyPair",
        "genMaciKeyPair",
        "genMaciKeypair",
        "airdrop",
        "deployVerifyingKeysRegistry",
        "deployVkRegistry",
        "show",
        "deployPoll",
        "joinPoll",
        "setVerifyingKeys",
        "setVks",
        "publish",
        "mergeMessages",
        "mergeSignups",
        "timeTravel",
        "extractVerifyingKeyToFile",
        "extractVkToFile",
        "signup",
        "isRegisteredUser",
        "isJoinedUser",
        "getPoll",
        "topup",
        "fundWallet",
        "verify",
        "generateProofs",
        "genProofs",
        "generateLocalState",
        "genLocalState",
        "proveOnChain",
        "createMaci",
        "createPoll",
    ];

    #[test]
    fn every_command_of_maci_is_known() {
        let command = with_maci(Arguments::command());
        command.clone().debug_assert();
        for name in NAMES {
            let found = command.find_subcommand(name);
            assert!(found.is_some(), "{name}");
        }
        for (name, reason) in NEEDLESS {
            assert!(NAMES.contains(&name), "{name}");
            let line = [
                "maci-nova",
                name,
                "--session-poll-id",
                "1",
                "-q",
                "x",
                "--json",
            ];
            let matches = command.clone().try_get_matches_from(line).expect(name);
            let text = needless(&matches).expect("a reason");
            assert!(text.contains(name) && text.contains(reason), "{text}");
        }
        let line = ["maci-nova", "generateMaciKeyPair"];
        let matches = command.try_get_matches_from(line).expect("an alias");
        assert_eq!(needless(&matches), None);
    }
}
