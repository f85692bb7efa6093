//! A finalized poll, verified with nothing but its chain.
//!
//! ```sh
//! cargo run --release -p maci-nova-sdk --example verify -- poll.json http://127.0.0.1:8545
//! ```

use std::path::Path;

use maci_nova_chain::RpcUrl;
use maci_nova_node::{Options, RpcChain};
use maci_nova_sdk::poll::contract::PollContract;
use maci_nova_sdk::poll::file::PollFile;
use maci_nova_sdk::verify::{verify, VerifyOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(url)) = (arguments.next(), arguments.next()) else {
        return Err("usage: verify POLL_FILE NODE_URL".into());
    };
    let path = Path::new(&path);
    let file = PollFile::read(path)?;
    let options = Options {
        chain_id: Some(file.chain_id),
        ..Options::default()
    };
    let chain = RpcChain::connect(&url.parse::<RpcUrl>()?, options)?;
    let poll = PollContract::open(&chain, &file, file.poll(path)?)?;

    // For a real poll give `production` and the ceremony's `key_digest`: anything else is an error
    // then.
    let verified = verify(&chain, &poll, &VerifyOptions::default(), &())?;
    if let Some(reason) = verified.insecure {
        println!("INSECURE, the results prove nothing: {reason}");
    }
    println!(
        "key {}: compare it with the ceremony's",
        verified.key_digest
    );
    for (option, result) in verified.results.iter().enumerate() {
        println!(
            "option {option}: {} votes, {} credits",
            result.votes, result.spent
        );
    }
    println!("{} voters, {} messages", verified.voters, verified.messages);
    Ok(())
}
