//! What a coordinator keeps of a chain: `follower.json` and the log beside it. Whatever they say,
//! following the chain ends with the chain's events, or with an error.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use maci_nova_contracts::evm::Evm;
use maci_nova_coordinator::log::chain_log::{Advance, ChainLog};
use maci_nova_fuzz::{halves, scratch};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::testing::World;

/// Looks at the chain after which nothing more may come.
const LOOKS: usize = 16;

struct Stage {
    evm: Evm,
    poll: PollContract,
    /// What an undisturbed coordinator has.
    log: Vec<u8>,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let (mut world, poll) = World::with_payments();
        world.publish(&poll, 0);
        world.top_up(&poll, 0, 3);
        world.join(&poll, 5);
        world.evm.mine(3);
        let evm = world.evm.clone();
        let log = scratch::with(|scratch| {
            let (log, marks) = (scratch.path("poll.jsonl"), scratch.path("follower.json"));
            let mut followed = ChainLog::open(&log, &marks, &poll, 0).expect("begun");
            while followed.advance(&evm, &poll).expect("read") != Advance::Idle {}
            fs::read(log).expect("read")
        });
        Stage { evm, poll, log }
    })
}

fuzz_target!(init: {
    stage();
}, |data: &[u8]| {
    let stage = stage();
    let (marks, log) = halves(data, b"\n\n");
    scratch::with(|scratch| {
        let marks = scratch.file("follower.json", marks);
        let log = match log {
            // The true one, cut or not.
            [b'=', length @ ..] => {
                let length = length.iter().fold(0, |sum, byte| sum + usize::from(*byte));
                &stage.log[..stage.log.len().saturating_sub(length)]
            }
            other => other,
        };
        let log = scratch.file("poll.jsonl", log);
        let Ok(mut followed) = ChainLog::open(&log, &marks, &stage.poll, 0) else {
            return;
        };
        for _ in 0..LOOKS {
            match followed.advance(&stage.evm, &stage.poll) {
                Err(_) => return,
                Ok(Advance::Idle | Advance::Gap(_) | Advance::Behind(_)) => break,
                Ok(_) => {}
            }
        }
        assert_eq!(
            fs::metadata(&log).expect("a log").len(),
            followed.log().bytes()
        );
        let reopened = ChainLog::open(&log, &marks, &stage.poll, 0).expect("as it was left");
        assert_eq!(reopened.log().facts(), followed.log().facts());
    });
});
