//! Command lines: a word each line. None is run; what is read of them is what can be printed.
#![no_main]

use clap::Parser;
use libfuzzer_sys::fuzz_target;
use maci_nova::arguments::shared::TimeSpan;
use maci_nova::arguments::Arguments;
use maci_nova_chain::RpcUrl;
use maci_nova_contracts::alloy_primitives::{Address, Bytes, B256, U256};
use maci_nova_contracts::deploy::Gatekeeper;
use maci_nova_coordinator::fold::checkpoints::Interval;
use maci_nova_sdk::operator::poll_creation::SignedWithin;
use maci_nova_sdk::voter::ballot::Choice;

fn value(text: &str) {
    let _ = text.parse::<TimeSpan>();
    let _ = text.parse::<Interval>();
    let _ = text.parse::<Choice>();
    let _ = text.parse::<SignedWithin>();
    let _ = text.parse::<Gatekeeper>();
    let _ = text.parse::<Address>();
    let _ = text.parse::<Bytes>();
    let _ = text.parse::<B256>();
    let _ = text.parse::<U256>();
    if let Ok(url) = text.parse::<RpcUrl>() {
        let shown = url.to_string();
        let again = shown
            .parse::<RpcUrl>()
            .expect("what is shown is an address");
        assert!(again.is_bare(), "{shown}");
        assert_eq!(again.to_string(), shown);
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    text.lines().for_each(value);
    match Arguments::try_parse_from(["maci-nova"].into_iter().chain(text.lines())) {
        Ok(arguments) => drop(format!("{arguments:?}")),
        Err(error) => drop(error.to_string()),
    }
});
