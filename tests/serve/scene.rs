//! The poll, its voters, its service, and what has to hold in the end.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use maci_nova_chain::{BlockId, Chain};
use maci_nova_node::testing::hostile::Hostile;
use maci_nova_sdk::poll::status::Placement;
use maci_nova_sdk::relay::document::Stage;
use maci_nova_sdk::voter::messages_file;
use maci_nova_tests::relayed::{Clients, Handed, RelayClient};
use maci_nova_tests::town::Town;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use serde_json::{json, Value};

const VOTERS: u32 = 60;

/// Messages of a ballot: one for each option.
const OPTIONS: u32 = 5;

/// Of 1,000 requests so many meet a fault.
const RATE: u64 = 60;

/// Every so many voters, blocks that were read are replaced.
const REORGANISATION: u32 = 10;

/// From a start to the first look at the chain, and more.
const READ: Duration = Duration::from_secs(12);

/// The longest time from the last kill to the end.
const END: Duration = Duration::from_secs(900);

/// From one try to hand a ballot over to the next.
const AGAIN: Duration = Duration::from_millis(500);

/// The longest time until a ballot is taken.
const TAKEN: Duration = Duration::from_secs(120);

/// A poll and its service.
pub struct Scene {
    town: Town,
    clients: Option<Clients>,
    /// Where the service listens.
    address: String,
    /// What the relayer has taken: whose, and with which ticket.
    handed: Vec<(u32, u8, Handed)>,
    /// Ballots that the relayer had taken and could not publish in time, so that they were signed
    /// again.
    pub expired: u32,
    node: Hostile,
    rng: ChaCha20Rng,
    service: Option<Child>,
    /// How often the service was killed.
    pub kills: u32,
    /// How often it was started.
    pub starts: u32,
}

impl Scene {
    /// A poll that has not started.
    pub fn new(town: Town, seed: u64) -> Self {
        let url = town.url();
        town.json(&format!("deploy --rpc-url {url} --account-key-file account0.key --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all"));
        let made = town.json("keygen --out coordinator.key");
        let key = made["publicKey"]["serialized"].as_str().expect("text");
        town.json(&format!("poll create --coordinator-key {key} --options {OPTIONS} --start-in 2h --duration 1d --credits 100 --account-key-file account0.key"));
        let node = Hostile::start(&url.parse().expect("URL"), seed);
        let config = format!(
            r#"
            [node]
            rpc_url = "{}"
            confirmations = 2
            every = "1s"
            [http]
            listen = "127.0.0.1:0"
            requests_a_second = 10000
            burst = 10000
            [coordinator]
            out = "state"
            key_file = "coordinator.key"
            insecure_setup = true
            checkpoint_every = "1s"
            account_key_file = "account0.key"
            [[coordinator.polls]]
            file = "poll.json"
            [relay]
            out = "relayed"
            polls = ["poll.json"]
            account_key_file = "account2.key"
            wait = "5s"
            confirmations = 2
            "#,
            node.url()
        );
        fs::write(town.path("serve.toml"), config).expect("written");
        Scene {
            town,
            clients: None,
            address: String::new(),
            handed: Vec::new(),
            expired: 0,
            node,
            rng: ChaCha20Rng::seed_from_u64(seed),
            service: None,
            kills: 0,
            starts: 0,
        }
    }

    /// How often the node did what.
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.node.met()
    }

    /// The whole poll.
    pub fn play(&mut self, kills: u32) -> Result<(), String> {
        self.sign_up();
        self.clients = Some(Clients::new(&self.town));
        self.town.go_to(self.time("startTime"));
        self.node.set_rate(RATE);
        self.start()?;
        for voter in 0..VOTERS {
            self.vote(voter)?;
            if voter % REORGANISATION == 0 {
                self.reorganise();
            }
            // Of all kills two fifths are while the poll is open.
            while self.kills * VOTERS * 5 < kills * 2 * voter {
                self.kill()?;
            }
        }
        self.wait_for_the_relayer()?;
        self.town.go_to(self.time("endTime"));
        self.mine(4);
        let before = self.sent();
        while self.kills < kills {
            self.kill()?;
        }
        self.wait_for_the_end()?;
        self.compare(before)
    }

    fn sign_up(&self) {
        for voter in 0..VOTERS {
            self.town.json(&format!("keygen --out voter{voter}.key"));
            self.town.json(&format!(
                "signup --key-file voter{voter}.key --account-key-file account1.key"
            ));
        }
    }

    /// A voter joins and sends a ballot; every other one by the relayer.
    fn vote(&mut self, voter: u32) -> Result<(), String> {
        let key = format!("voter{voter}.poll.key");
        self.town.json(&format!("join --key-file voter{voter}.key --poll-key-file {key} --account-key-file account1.key"));
        match voter % 2 {
            0 => {
                let account = "--account-key-file account1.key";
                self.town.json(&format!("{} {account}", ballot(voter)));
                Ok(())
            }
            _ => self.hand(voter, 0),
        }
    }

    /// Signs a ballot and has the relayer take it, whatever becomes of it meanwhile.
    fn hand(&mut self, voter: u32, slot: u8) -> Result<(), String> {
        let file = format!("ballot{voter}.{slot}.jsonl");
        self.town.json(&format!("{} --out {file}", ballot(voter)));
        let messages = messages_file::read(&self.town.path(&file)).expect("messages");
        let begun = Instant::now();
        let mut made: Option<Handed> = None;
        loop {
            let clients = self.clients.as_ref().ok_or("no clients")?;
            let client = RelayClient::new(&self.address, clients.poll.address);
            if made.is_none() {
                let name = format!("voter{voter}");
                let messages = messages.clone();
                let document = client.document();
                made = document
                    .map(|document| clients.hand(&self.town, &name, &document, slot, messages));
            }
            let status = made.as_ref().map(|made| client.send(&made.body));
            if let (Some(Ok(200 | 202)), Some(made)) = (&status, &made) {
                self.handed.push((voter, slot, made.clone()));
                return Ok(());
            }
            if begun.elapsed() > TAKEN {
                return Err(format!("voter {voter}'s ballot is not taken: {status:?}"));
            }
            // Whatever waits for a deeper block.
            self.mine(1);
            std::thread::sleep(AGAIN);
        }
    }

    /// Blocks come until all that was taken is published. What came too late is signed again, as its
    /// voter's client would do.
    fn wait_for_the_relayer(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let clients = self.clients.as_ref().ok_or("no clients")?;
            let client = RelayClient::new(&self.address, clients.poll.address);
            let states: Vec<Option<Stage>> = self
                .handed
                .iter()
                .map(|(.., handed)| Some(client.ballot(&handed.ballot)?.state))
                .collect();
            let late = states
                .iter()
                .position(|state| *state == Some(Stage::Expired));
            if let Some(late) = late {
                let (voter, slot, handed) = self.handed.remove(late);
                if self.places(&handed)?.iter().any(|places| *places > 0) {
                    return Err(format!(
                        "voter {voter}'s ballot is there, and called expired"
                    ));
                }
                self.expired += 1;
                self.hand(voter, slot + 1)?;
            } else if states.iter().all(|state| *state == Some(Stage::Confirmed)) {
                return self.check_relayed();
            }
            if begun.elapsed() > END {
                return Err(format!("the relayer does not end: {states:?}"));
            }
            self.mine(1);
            std::thread::sleep(Duration::from_secs(3));
        }
    }

    /// How often the poll has each of a ballot's messages.
    fn places(&self, handed: &Handed) -> Result<Vec<usize>, String> {
        let clients = self.clients.as_ref().ok_or("no clients")?;
        let chain = self.town.chain();
        let found = Placement::find(&chain, &clients.poll, &handed.messages, &());
        let found = found.map_err(|error| error.to_string())?;
        Ok(found.places.iter().map(Vec::len).collect())
    }

    /// Every ballot that was taken is there, whole, and once.
    fn check_relayed(&self) -> Result<(), String> {
        for (voter, _, handed) in &self.handed {
            let places = self.places(handed)?;
            if places.iter().any(|places| *places != 1) {
                return Err(format!(
                    "voter {voter}'s messages are there {places:?} times"
                ));
            }
        }
        Ok(())
    }

    /// Of blocks in which nothing was sent, once the service has had the time to read them.
    fn reorganise(&self) {
        self.mine(6);
        std::thread::sleep(READ);
        let _: Value = self
            .town
            .chain()
            .request("anvil_reorg", json!([5, []]))
            .expect("done");
        self.mine(1);
    }

    fn mine(&self, blocks: u64) {
        let _: Value = self
            .town
            .chain()
            .request("anvil_mine", json!([blocks]))
            .expect("mined");
    }

    fn time(&self, name: &str) -> u64 {
        self.town.json("status")[name].as_u64().expect("a time")
    }

    fn start(&mut self) -> Result<(), String> {
        self.starts += 1;
        let started = self.town.serve();
        let (service, address) =
            started.map_err(|said| format!("start {} says {said:?}", self.starts))?;
        (self.service, self.address) = (Some(service), address);
        Ok(())
    }

    /// Most kills are soon; some are late enough for the last proof and its transaction.
    fn kill(&mut self) -> Result<(), String> {
        let most = match self.rng.next_u64() % 5 {
            0 => 25_000,
            _ => 4_000,
        };
        let milliseconds = self.rng.next_u64() % most;
        std::thread::sleep(Duration::from_millis(milliseconds));
        self.end();
        self.kills += 1;
        self.start()
    }

    fn end(&mut self) {
        if let Some(mut service) = self.service.take() {
            service.kill().expect("killed");
            service.wait().expect("ends");
        }
    }

    fn wait_for_the_end(&self) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < END {
            if self.town.json("status")["state"] == "finalized" {
                return Ok(());
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Err(format!("not finalized after {} s", END.as_secs()))
    }

    /// Transactions of the account that finalizes.
    fn sent(&self) -> u64 {
        let chain = self.town.chain();
        let account = chain.accounts()[0];
        let call = "eth_getTransactionCount";
        let count: String = chain
            .request(call, json!([account, "latest"]))
            .expect("read");
        u64::from_str_radix(count.trim_start_matches("0x"), 16).expect("a number")
    }

    /// Messages that the poll has.
    fn messages(&self) -> Result<u64, String> {
        let clients = self.clients.as_ref().ok_or("no clients")?;
        let sent = clients.poll.all_sent(&self.town.chain(), &());
        let sent = sent.map_err(|error| error.to_string())?;
        Ok(sent.iter().map(|sent| sent.messages().len() as u64).sum())
    }

    fn compare(&mut self, before: u64) -> Result<(), String> {
        // A moment for the service to see what it has sent.
        std::thread::sleep(Duration::from_secs(10));
        self.end();
        let sent = self.sent() - before;
        if sent != 1 {
            return Err(format!("{sent} transactions, not 1"));
        }
        let status = self.town.json("status");
        // A bundle takes a place, too, so there are more places than messages.
        let joins = status["joins"].as_u64();
        let verified = self.town.json("verify --poll-file poll.json");
        let messages = self.messages()?;
        let all = u64::from(VOTERS * OPTIONS);
        if (joins, messages) != (Some(VOTERS.into()), all) {
            return Err(format!(
                "{joins:?} joins and {messages} messages, not {VOTERS} and {all}"
            ));
        }
        self.town
            .json("export-log --out exported.jsonl --confirmations 0");
        let tally = self
            .town
            .json("tally --log exported.jsonl --key-file coordinator.key");
        if tally["results"] != status["results"]["results"] {
            return Err(format!(
                "{}, not {}",
                status["results"]["results"], tally["results"]
            ));
        }
        if verified["verified"] != true {
            return Err(verified.to_string());
        }
        let poll = status["poll"].as_str().expect("an address");
        let checkpoint = self
            .town
            .path("state")
            .join(poll)
            .join("running.checkpoint");
        match checkpoint.exists() {
            true => Err("a checkpoint stayed behind".into()),
            false => Ok(()),
        }
    }
}

/// The command for a voter's ballot, without where it goes.
fn ballot(voter: u32) -> String {
    let weights =
        (0..OPTIONS).map(|option| format!("--vote {option}={}", 1 + (voter + option) % 4));
    let weights: Vec<String> = weights.collect();
    format!(
        "vote --key-file voter{voter}.poll.key {}",
        weights.join(" ")
    )
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.end();
        let newest = self.town.chain().block(BlockId::Latest);
        println!("newest block {}", newest.map_or(0, |block| block.number));
        let log = fs::read_to_string(self.town.path("log")).unwrap_or_default();
        let count = |text: &str| log.lines().filter(|line| line.contains(text)).count();
        println!(
            "log: {} lines, {} warnings, {} errors, {} reorganisations",
            log.lines().count(),
            count(" WARN "),
            count(" ERROR "),
            count("was reorganised")
        );
    }
}
