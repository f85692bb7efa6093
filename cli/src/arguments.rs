//! What the command line takes.

pub mod bench;
pub mod ceremony;
pub mod coordinator;
pub mod demo;
pub mod maci;
pub mod operator;
pub mod shared;
pub mod voter;
pub mod workers;

use std::str::FromStr;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use maci_nova_contracts::alloy_primitives::B256;

use bench::Bench;
use ceremony::CeremonyCommand;
use coordinator::{ExportLog, Finalize, Inspect, Process, Proving, Serve, Tally};
use demo::Demo;
use operator::{Abort, Collect, Deploy, Doctor, PollCreate, PollImport, Withdraw};
use shared::{Keygen, Pubkey};
use voter::{Join, Publish, Results, Signup, Status, Topup, Verify, Vote};
use workers::Worker;

/// Heading of the flags that every command takes.
const GENERAL: &str = "General options";

const AFTER_HELP: &str = "\
The coordinator's key comes from a file (--key-file) or from the environment variable
MACI_NOVA_KEY, never from an argument. The key of the account that sends transactions comes
from a keystore (--keystore), a key file (--account-key-file) or MACI_NOVA_ETH_KEY.

Standard output is the result, standard error the progress. With --json an error is one line of
JSON on standard error: {\"error\":{\"kind\":...,\"exitCode\":...,\"message\":...}}.

Exit codes:
    0  done
    1  an error inside the program
    2  arguments that are wrong or do not fit what they name
    3  a bad input file: missing or invalid poll log or key
    4  the key is not this poll's coordinator's
    5  parameters: a bad or too small powers-of-tau file, another setup, insecure in production
    6  a checkpoint that is corrupt or of another poll or other parameters
    7  the proof is invalid or not of this poll
    8  reading or writing failed, for instance a full disk
    9  not now: a node is away, lags or bounds requests, or it is too early; try again
   10  a node or a contract refuses, and will until somebody does something
  130  interrupted

Try it: maci-nova demo";

/// Private, collusion-resistant voting whose whole count is one succinct proof.
#[derive(Debug, Parser)]
#[command(name = "maci-nova", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Clone, Copy, Debug, Args)]
pub struct Common {
    /// Print the result as JSON, an error as one line of JSON on stderr
    #[arg(long, global = true, help_heading = GENERAL)]
    pub json: bool,
    /// No progress on stderr; warnings and errors stay
    #[arg(long, short, global = true, help_heading = GENERAL)]
    pub quiet: bool,
    /// Refuse everything that rests on the INSECURE development setup
    #[arg(long, global = true, help_heading = GENERAL, env = "MACI_NOVA_PRODUCTION", value_parser = FalseyValueParser::new())]
    pub production: bool,
    /// Digest of the keys that polls rest on, from someone who has verified their ceremony: no others will do. --production
    /// needs it
    #[arg(long, global = true, help_heading = GENERAL, value_name = "DIGEST", env = "MACI_NOVA_KEY_DIGEST")]
    pub key_digest: Option<KeyDigest>,
}

/// A digest of keys; none where the variable is empty, which is as if it were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyDigest(pub Option<B256>);

impl FromStr for KeyDigest {
    type Err = <B256 as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Ok(KeyDigest(None)),
            text => text.parse().map(|digest| KeyDigest(Some(digest))),
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key: the secret goes to a new file, the public key to stdout
    #[command(
        visible_alias = "genMaciKeypair",
        aliases = ["genMaciKeyPair", "generateMaciKeyPair"],
        after_help = "\
Examples: maci-nova keygen --out coordinator.key
          maci-nova keygen --out coordinator.key --guardians 3-of-5
          maci-nova keygen --check coordinator.key.guardian-2
          maci-nova keygen --recover share-1 share-4 share-5 --out coordinator.key

Files are made with mode 0600 and never overwritten. Give each guardian one share, and keep none: as many
as recover the key can read every vote."
    )]
    Keygen(Keygen),
    /// Print the public key of a key file
    #[command(
        visible_alias = "genMaciPubkey",
        aliases = ["genMaciPubKey", "generateMaciPubKey"],
        after_help = "Example: maci-nova pubkey --key-file coordinator.key"
    )]
    Pubkey(Pubkey),
    /// Count a poll, without a proof
    #[command(
        after_help = "Example: maci-nova tally --log poll.jsonl --key-file coordinator.key --messages"
    )]
    Tally(Tally),
    /// Count a poll and prove the count
    #[command(
        after_help = "Example: maci-nova prove --log poll.jsonl --key-file coordinator.key --out proof --ptau powers.ptau\n\nStopped at any moment, the same command with --resume resumes from the last checkpoint.\nThe checkpoint is secret: it shows how people voted."
    )]
    Prove(Proving),
    /// Count a poll and prove the count in one proof that a contract accepts
    #[command(
        alias = "proveOnChain",
        after_help = "Examples: maci-nova finalize --poll-file poll.json --key-file coordinator.key --out proof --ptau powers.ptau --account-key-file eth.key\n          maci-nova finalize --log poll.jsonl --key-file coordinator.key --out proof --ptau powers.ptau --dry-run\n\nWith a poll file the poll is followed on its chain to its end, and the proof is sent to it.\nThe first run for a shape and setup makes keys, which takes minutes, and keeps them in the\nuser's cache folder, or in the one that MACI_NOVA_CACHE names. Stopped at any moment, the same\ncommand resumes (with --log and --resume), also from a checkpoint that prove has written."
    )]
    Finalize(Finalize),
    /// Check a proof against the poll log; no key is needed
    #[command(
        after_help = "Examples: maci-nova verify --log poll.jsonl --proof proof --ptau powers.ptau\n          maci-nova verify --poll-file poll.json\n\nWith a poll file everything is read from the chain: what was sent, the proof, the verifier's code\nand the results have to agree."
    )]
    Verify(Verify),
    /// Print a finalized poll's results, or what a proof file claims, without checking it
    #[command(
        after_help = "Examples: maci-nova results --poll-file poll.json\n          maci-nova results --proof proof --json"
    )]
    Results(Results),
    /// Show a poll's circuit, gadget by gadget, and how long proving will take
    #[command(
        after_help = "Examples: maci-nova inspect --log poll.jsonl\n          maci-nova inspect --state-depth 10 --vote-depth 3 --messages 100000 --voters 50000\n          maci-nova inspect --state-depth 10 --vote-depth 3 --messages 1000000 --workers 16"
    )]
    Inspect(Inspect),
    /// Run a whole poll: deploy, sign up, join, vote, count, prove, finalize
    #[command(
        after_help = "Examples: maci-nova demo                                   on a chain in this process\n          maci-nova demo --rpc-url http://127.0.0.1:8545  on a node, with the account of --account-key-file\n          maci-nova demo --poll small                      a poll log that is built in, without a chain\n          maci-nova demo --workers 2                       200 messages, proven in segments by workers (needs nats-server)\n\nThe proof rests on the INSECURE development setup. Nothing is left on disk but keys in the cache."
    )]
    Demo(Demo),
    /// Measure folding beside fixed batches of Groth16 and the proving library's own IVC
    #[command(
        after_help = "Examples: maci-nova bench --out bench --quick\n          maci-nova bench --out bench --depths 10,3 --events-per-step 1,4 --batch 1,20 --messages 1000,100000\n\nEach configuration is measured in a process of its own. Stopped at any moment, the same command resumes.\nDIR has results.csv, results.json, report.md, report.html and the plots. What was not measured, but comes\nfrom a line through what was, is marked everywhere. The report is of the INSECURE development setup."
    )]
    Bench(Box<Bench>),
    /// Make keys that nobody's machine made: a ceremony, from its beginning to its keys
    #[command(subcommand)]
    Ceremony(CeremonyCommand),
    /// Put the contracts on a chain; where they are goes to a new poll file
    #[command(
        visible_aliases = ["deployVkRegistry", "setVks", "createMaci"],
        aliases = ["create", "deployVerifyingKeysRegistry", "setVerifyingKeys"],
        after_help = "Examples: maci-nova deploy --poll-file poll.json --rpc-url http://127.0.0.1:8545 --account-key-file eth.key --ptau powers.ptau --gatekeeper token:0x…\n          maci-nova deploy --rpc-url http://127.0.0.1:8545 --account-key-file eth.key --ptau powers.ptau --gatekeeper excubiae:0x…\n\nWhere another account owns the policy or the gatekeeper, the command stops and says what its owner has to call;\nafter that the same command resumes, as it does if it is stopped at any moment. The registry, its verifier and\nMACI are one deployment here, so deployVkRegistry, setVks and createMaci are names of this command:\nthe first does it, the others find it done. Publish poll.json, and poll.join.key, which voters\nneed to join."
    )]
    Deploy(Deploy),
    /// Say what is missing on this machine for a poll in production: keys, node, time, memory, disk
    #[command(
        after_help = "Example: maci-nova doctor --ptau powers.ptau --key-digest 0x… --rpc-url https://… --voters 5000 --messages 20000\n\nPrints one line for each thing. Ends with 0 if all are ready, else with the exit code that a command\nwould end with that needs the first thing that is missing."
    )]
    Doctor(Doctor),
    /// Create a poll, or make a poll file of one that is there
    #[command(subcommand)]
    Poll(PollCommand),
    /// Create a poll (as `poll create`)
    #[command(name = "createPoll", alias = "deployPoll", hide = true)]
    CreatePoll(Box<PollCreate>),
    /// Sign a key up, once for all polls
    #[command(
        after_help = "Examples: maci-nova signup --poll-file poll.json --key-file me.key --account-key-file eth.key\n          maci-nova signup --key-file me.key --account-key-file eth.key --token-id 7\n          maci-nova signup --key-file me.key --account-key-file eth.key --gatekeeper-data 0x…\n\nThe gatekeeper lets the sending account in: nobody else can send your sign-up."
    )]
    Signup(Signup),
    /// Join a poll under a fresh key, with a proof that you have signed up
    #[command(
        alias = "joinPoll",
        after_help = "Example: maci-nova join --poll-file poll.json --key-file me.key --poll-key-file poll.key --account-key-file eth.key\n\nThe proof does not tell which sign-up it is. The sending account is public, so send it from\nanother account than the one that signed up, or through a relayer, if credits allow it."
    )]
    Join(Join),
    /// Vote, or change the key that votes
    #[command(after_help = "\
Examples: maci-nova vote --key-file poll.key --vote 2=9 --account-key-file eth.key
          maci-nova vote --key-file poll.key --vote 0=3 --vote 4=5 --account-key-file eth.key
          maci-nova vote --key-file poll.key --vote 2=9 --out message.jsonl

A ballot is all that you want, with the key that you JOINED with: it takes the place of every
earlier one, since messages are counted from the last to the first. The last ballot counts.
Each message has a nonce. The one that is counted first needs nonce 1, the next 2, and so on; so a
ballot of three votes is published as nonces 3, 2, 1. This command does it. The message that is
counted first also changes your key to one that nobody has, which signs the others, so that nothing
that was sent before can count. With --new-key-file the ballot ends with a key that you keep:
messages that it signed count if they were sent BEFORE this ballot, and are lost if they are sent
after it: to vote again, use the key that you JOINED with. With --before-key-change and --nonce you
sign such messages; only those who keep keys in this way need them.
A ballot that costs more than you have is refused where nobody can top you up.
A poll may take a fee for each message: nothing is sent before you agree to it with --max-message-fee.
Top-ups are counted in the same order: one that is sent AFTER a ballot pays for it, no matter who sends it.
So a ballot that costs too much is not void: it counts as soon as anyone pays the rest.
Whoever has the key that you joined with, and sends last, decides: never give it away.")]
    Vote(Vote),
    /// Publish messages that vote --out or another MACI client made
    #[command(
        after_help = "Example: maci-nova publish --poll-file poll.json --messages message.jsonl --account-key-file eth.key\n\nAnyone may publish for anyone: messages are encrypted and signed. Run again, it publishes what is\nmissing, and nothing twice. The poll's fee for each message is yours to pay: you agree to it with\n--max-message-fee."
    )]
    Publish(Publish),
    /// Add voice credits to a voter, paid in the poll's token
    #[command(
        after_help = "Example: maci-nova topup --poll-file poll.json --state-index 3 --amount 50 --max-tokens 500 --account-key-file eth.key\n\nWithout --max-tokens it says what the credits cost, and sends nothing.\nVote first, then top up: what is sent is counted from the last to the first, so a top-up is for\nballots that were sent BEFORE it, not for later ones."
    )]
    Topup(Topup),
    /// Show where a poll is
    #[command(
        alias = "getPoll",
        after_help = "Example: maci-nova status --poll-file poll.json"
    )]
    Status(Status),
    /// Follow a poll on its chain, and fold what can be folded
    #[command(
        after_help = "Example: maci-nova process --poll-file poll.json --key-file coordinator.key --out proof --ptau powers.ptau\n\nFolds joins as they come and, when the poll has ended, messages from the last to the first. Ends\nwhen all is folded, or with --once when nothing is left to do for now. Stopped at any moment,\nthe same command resumes; finalize does the rest."
    )]
    Process(Process),
    /// Prove segments of counts that other machines' process and finalize hand out
    #[command(
        after_help = "Example: maci-nova worker --nats tls://jobs.example:4222 --nats-credentials nats.creds --job-key-file job.key --ptau powers.ptau\n\nTakes one segment at a time, folds and proves it, and sends the proof back. Keeps nothing on disk: stopped at\nany moment, its segment goes to another worker. It needs the poll's decider keys in its cache folder.\nWhoever has the job key and the server's data reads every ballot: workers are the coordinator's own machines."
    )]
    Worker(Worker),
    /// Follow polls as a service: count, prove, finalize, and show how far it is by HTTP
    #[command(
        after_help = "Examples: maci-nova serve --config serve.toml --check\n          maci-nova serve --config serve.toml\n\nFollows every poll that the configuration names, folds joins as they come and messages when a poll\nhas ended, proves, and finalizes at once or when an administrator says so. Listens on loopback\nunless told otherwise. Ends within 5 seconds of SIGTERM; the same command resumes."
    )]
    Serve(Box<Serve>),
    /// Abort a poll whose deadline has passed without a result
    #[command(
        after_help = "Example: maci-nova abort --poll-file poll.json --account-key-file eth.key"
    )]
    Abort(Abort),
    /// Take your top-ups and fees back after a poll was aborted
    #[command(
        after_help = "Example: maci-nova withdraw --poll-file poll.json --account-key-file eth.key"
    )]
    Withdraw(Withdraw),
    /// Pay top-ups to the beneficiary and fees to the owner after a poll was finalized
    #[command(
        after_help = "Example: maci-nova collect --poll-file poll.json --account-key-file eth.key"
    )]
    Collect(Collect),
    /// Write what was sent to a poll as a poll log
    #[command(
        aliases = ["genLocalState", "generateLocalState"],
        after_help = "Example: maci-nova export-log --poll-file poll.json --out poll.jsonl"
    )]
    ExportLog(ExportLog),
}

/// Commands about a poll itself.
#[derive(Debug, Subcommand)]
pub enum PollCommand {
    /// Create a poll of a deployment; its address goes to the poll file
    #[command(
        after_help = "Example: maci-nova poll create --poll-file poll.json --coordinator-key macipk.… --options 5 --start-in 10min --duration 7d --credits 100 --account-key-file eth.key\n\nAnother poll of the same contracts: --deployment poll.json --poll-file second.json, and the rest as above."
    )]
    Create(Box<PollCreate>),
    /// Make a poll file from the chain, for a poll whose address you have from someone you trust
    #[command(
        after_help = "Example: maci-nova poll import 0x… --poll-file poll.json --rpc-url http://127.0.0.1:8545\n\nThe poll has to be one of its MACI's and of this program's code. The node is believed for what the\nfile then pins. Keys for joining are not on the chain: put poll.join.key beside the file, and join\ncompares it with the verifier's key."
    )]
    Import(Box<PollImport>),
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use clap::CommandFactory;
    use maci_nova_contracts::alloy_primitives::Address;
    use maci_nova_contracts::deploy::Gatekeeper;
    use maci_nova_coordinator::fold::checkpoints::Interval;
    use maci_nova_sdk::voter::ballot::Choice;

    use super::shared::TimeSpan;
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    /// What the program takes these words for.
    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = line.split_whitespace();
        let arguments = Arguments::try_parse_from(["maci-nova"].into_iter().chain(words))?;
        Ok(arguments.command)
    }

    #[test]
    fn a_deployment_has_the_names_of_its_parts() {
        for name in ["deploy", "deployVkRegistry", "setVks", "createMaci"] {
            let command = parse(&format!("{name} --insecure-setup")).expect(name);
            let Command::Deploy(deploy) = command else {
                panic!("{name}: {command:?}");
            };
            let sizes = deploy.sizes;
            assert_eq!((sizes.state_depth, sizes.vote_depth), (10, 2));
            assert_eq!(deploy.node.poll_file, PathBuf::from("poll.json"));
        }
        assert!(parse("deploy").is_err(), "no powers of tau");
    }

    #[test]
    fn events_in_a_step_are_named_or_chosen() {
        let shape = |more: &str| match parse(&format!("deploy --insecure-setup {more}")) {
            Ok(Command::Deploy(deploy)) => deploy.sizes.shape().map(|shape| shape.events_per_step),
            other => panic!("{more}: {other:?}"),
        };
        assert_eq!(shape(""), Ok(1));
        assert_eq!(shape("--events-per-step 4"), Ok(4));
        assert_eq!(shape("--expected-events 10"), Ok(1));
        assert_eq!(shape("--expected-events 1000000"), Ok(8));
        assert!(shape("--expected-events 10 --state-depth 21").is_err());
        let both = parse("deploy --insecure-setup --events-per-step 4 --expected-events 10");
        assert!(both.is_err());
    }

    #[test]
    fn a_gatekeeper_has_one_name() {
        let address = Address::repeat_byte(9);
        let parsed = |more: &str| {
            let more = more.replace("ADDRESS", &address.to_string());
            match parse(&format!("deploy --insecure-setup {more}")) {
                Ok(Command::Deploy(deploy)) => Ok((deploy.gatekeeper, deploy.sign_up_token)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.to_string()),
            }
        };
        let cases = [
            ("", (None, None)),
            ("--sign-up-token ADDRESS", (None, Some(address))),
            (
                "--gatekeeper free-for-all",
                (Some(Gatekeeper::FreeForAll), None),
            ),
            (
                "--gatekeeper excubiae:ADDRESS",
                (Some(Gatekeeper::Excubiae { policy: address }), None),
            ),
        ];
        for (more, expected) in cases {
            assert_eq!(parsed(more), Ok(expected), "{more}");
        }
        let error = parsed("--gatekeeper everybody").unwrap_err();
        for choice in ["free-for-all", "token:ADDRESS", "excubiae:ADDRESS"] {
            assert!(error.contains(choice), "{error}");
        }
        assert!(parsed("--gatekeeper free-for-all --sign-up-token ADDRESS").is_err());
    }

    #[test]
    fn evidence_is_a_token_or_bytes() {
        let Ok(Command::Signup(signup)) = parse("signup --gatekeeper-data 0x0102") else {
            panic!("not a sign-up");
        };
        assert_eq!(signup.gatekeeper_data, Some(vec![1, 2].into()));
        for wrong in [
            "--gatekeeper-data 0x012",
            "--gatekeeper-data yes",
            "--gatekeeper-data 0x01 --token-id 7",
        ] {
            assert!(parse(&format!("signup {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_poll_is_created_by_either_name() {
        let arguments = "--coordinator-key macipk.0 --options 5 --duration 7d --credits 100";
        for name in ["poll create", "createPoll"] {
            let command = parse(&format!("{name} {arguments}")).expect(name);
            let (Command::Poll(PollCommand::Create(create)) | Command::CreatePoll(create)) =
                command
            else {
                panic!("{name}: {command:?}");
            };
            assert_eq!((create.options, create.credits), (5, Some(100)));
            assert_eq!(create.start_in.seconds(), 60);
        }
        let token = format!("{:?}", Address::repeat_byte(9));
        for wrong in [
            "--credits-contract TOKEN",
            "--votes-token TOKEN --snapshot 1",
            "--end-at 5",
            "--votes-token TOKEN --snapshot 1 --votes-per-credit 1",
            "--start-in 5s --start-at 5",
            "--top-up-token TOKEN",
            "--beneficiary TOKEN",
            "--top-up-token TOKEN --beneficiary TOKEN",
            "--credit-unit 1",
            "--votes-per-credit 1",
        ] {
            let wrong = wrong.replace("TOKEN", &token);
            assert!(
                parse(&format!("createPoll {arguments} {wrong}")).is_err(),
                "{wrong}"
            );
        }
        for missing in [
            "--credits 1",
            "--duration 1d",
            "--duration 1d --votes-token TOKEN",
            "--duration 1d --votes-token TOKEN --snapshot 1",
        ] {
            let missing = missing.replace("TOKEN", &token);
            let line = format!("createPoll --coordinator-key macipk.0 --options 5 {missing}");
            assert!(parse(&line).is_err(), "{missing}");
        }
    }

    #[test]
    fn other_names_of_commands() {
        for (name, expected) in [
            ("genMaciKeypair --out file", "Keygen"),
            ("genMaciPubkey", "Pubkey"),
            ("status", "Status"),
            ("abort", "Abort"),
            ("withdraw", "Withdraw"),
            ("collect", "Collect"),
            ("results --poll-file poll.json", "Results"),
        ] {
            let command = format!("{:?}", parse(name).expect(name));
            assert!(command.starts_with(expected), "{command}");
        }
    }

    #[test]
    fn times_have_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("10min", 600),
            ("5m", 300),
            ("2h", 7200),
            ("7 d", 604_800),
        ] {
            let time: TimeSpan = text.parse().expect(text);
            assert_eq!(time.seconds(), seconds);
        }
        for bad in ["", "s", "30", "-1s", "3M", "1.5h", "99999999999999999999s"] {
            assert!(bad.parse::<TimeSpan>().is_err(), "{bad}");
        }
        let most = format!("{}d", u64::MAX);
        assert!(most.parse::<TimeSpan>().is_err());
    }

    #[test]
    fn choices_are_pairs() {
        let choice = Choice {
            option: 2,
            weight: 9,
        };
        assert_eq!("2=9".parse(), Ok(choice));
        let against = Choice {
            weight: -9,
            ..choice
        };
        assert_eq!("2=-9".parse(), Ok(against));
        for bad in ["", "2", "2=", "=9", "2:9", "2=9=1", "-1=2", "a=b"] {
            assert!(bad.parse::<Choice>().is_err(), "{bad}");
        }
    }

    #[test]
    fn intervals_have_units() {
        assert_eq!("30s".parse(), Ok(Interval::Time(Duration::from_secs(30))));
        assert_eq!("1step".parse(), Ok(Interval::Steps(1)));
        assert_eq!("250 steps".parse(), Ok(Interval::Steps(250)));
        for bad in [
            "",
            "s",
            "0s",
            "0steps",
            "30",
            "-1s",
            "3m",
            "99999999999999999999s",
        ] {
            assert!(bad.parse::<Interval>().is_err(), "{bad}");
        }
    }

    /// Every argument of every command, with words that are at the edges of what it takes or beyond
    /// them: a value, or an error that can be shown.
    #[test]
    fn any_word_is_a_value_or_an_error() {
        let words = [
            "",
            " ",
            "0",
            "-1",
            "1.5",
            "1e99",
            "0x",
            "18446744073709551615",
            "18446744073709551616",
            "18446744073709551615s",
            "18446744073709551615d",
            "213503982334601d",
            "115792089237316195423570985008687907853269984665640564039457584007913129639936",
            "18446744073709551615=-9223372036854775808",
            "18446744073709551616=9223372036854775808",
            "token:0x",
            "http://[",
            "\u{feff}\u{202e}\u{1f600}",
        ];
        let mut tried = 0;
        try_all(&mut Arguments::command(), &[], &mut |command, argument| {
            for word in words {
                let argument = format!("--{argument}={word}");
                let line = ["maci-nova"].into_iter().chain(command.iter().copied());
                match Arguments::try_parse_from(line.chain([argument.as_str()])) {
                    Ok(arguments) => assert!(!format!("{arguments:?}").is_empty()),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
                tried += 1;
            }
        });
        assert!(tried > 1000, "{tried}");
    }

    /// Shows each command's long arguments that take a value.
    fn try_all(command: &mut clap::Command, path: &[&str], visit: &mut dyn FnMut(&[&str], &str)) {
        for argument in command.get_arguments() {
            if let (Some(long), true) = (argument.get_long(), argument.get_action().takes_values())
            {
                visit(path, long);
            }
        }
        for inner in command.get_subcommands_mut() {
            let name = inner.get_name().to_owned();
            try_all(inner, &[path, &[name.as_str()]].concat(), visit);
        }
    }
}
