//! The files of a deployment and of a poll's creation that were stopped: a journal, a record of
//! what was about to be sent. Whatever they say, contracts are deployed, or there is an error.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use maci_nova_chain::Chain;
use maci_nova_contracts::evm::Evm;
use maci_nova_fuzz::scratch;
use maci_nova_sdk::operator::deployment::deploy;
use maci_nova_sdk::operator::poll_creation::create_or_find;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::testing::{request, World};

struct Stage {
    evm: Evm,
    file: PollFile,
    terms: maci_nova_sdk::operator::poll_creation::Terms,
    now: u64,
}

/// A deployment without a poll.
fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let world = World::new();
        let (terms, now) = (world.terms(), world.now());
        Stage {
            evm: world.evm.clone(),
            file: world.file.clone(),
            terms,
            now,
        }
    })
}

fn journal(data: &[u8]) {
    scratch::with(|scratch| {
        scratch.file("poll.deploy.jsonl", data);
        let path = scratch.path("poll.json");
        let mut evm = Evm::new();
        let from = evm.accounts()[0];
        if let Ok(deployed) = deploy(&mut evm, from, &request(), &path, None, &()) {
            assert_eq!(PollFile::read(&path).expect("a poll file"), deployed.file);
            assert!(!scratch.path("poll.deploy.jsonl").exists());
        }
    });
}

fn creation(data: &[u8]) {
    let stage = stage();
    scratch::with(|scratch| {
        scratch.file("poll.create.json", data);
        let path = scratch.path("poll.json");
        let (mut evm, mut file) = (stage.evm.clone(), stage.file.clone());
        let from = evm.accounts()[0];
        let created = create_or_find(
            &mut evm,
            from,
            &mut file,
            &path,
            &stage.terms,
            stage.now,
            &(),
        );
        match created {
            Ok((poll, _)) => {
                let written = PollFile::read(&path).expect("a poll file");
                assert_eq!(written.poll.map(|poll| poll.address), Some(poll.address));
                assert!(fs::read(scratch.path("poll.create.json")).is_err());
            }
            Err(_) => assert!(file.poll.is_none()),
        }
    });
}

fuzz_target!(init: {
    stage();
}, |data: &[u8]| {
    match data.split_first() {
        Some((b'c', data)) => creation(data),
        Some((b'j', data)) => journal(data),
        _ => {}
    }
});
