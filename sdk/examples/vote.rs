//! A voter's ballot, from choices to the poll's log, on a chain in this process.
//!
//! ```sh
//! cargo run --release -p maci-nova-sdk --example vote
//! ```
//!
//! The deployment and the join are those of the crate's tests, with known trapdoors, so that no
//! proving keys have to be made. With a node (`maci_nova_node::RpcChain`) and a poll file the rest
//! is the same.

use maci_nova_protocol::poll::Mode;
use maci_nova_sdk::operator::poll_creation::Terms;
use maci_nova_sdk::poll::status::status;
use maci_nova_sdk::testing::{key, World};
use maci_nova_sdk::voter::ballot::{Ballot, Choice};
use maci_nova_sdk::voter::budget::Budget;
use maci_nova_sdk::voter::signer::Signer;
use maci_nova_sdk::voter::signing_window::Window;
use maci_nova_sdk::voter::{self, Joined};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut world = World::new();
    let terms = Terms {
        mode: Mode::Quadratic,
        ..world.terms()
    };
    let poll = world.create(&terms);
    world.go_to(poll.times().0);
    world.join(&poll, 7);
    let poll_key = key(1007);

    // Who the voter is in the poll: the join with this key.
    let signer = Signer {
        key: &poll_key.public_key(),
        state_index: None,
        first_nonce: 1,
        before_key_change: false,
    };
    let Joined {
        state_index,
        credits,
        ..
    } = signer.find(&world.evm, &poll, &())?;
    println!("state index {state_index}, {credits} voice credits");

    // All that the voter wants, in one ballot: it takes the place of every earlier one.
    let choices = [(2, 9), (4, 3)].map(|(option, weight)| Choice { option, weight });
    let ballot = Ballot {
        header: poll.header(),
        state_index,
        key: &poll_key,
        choices: &choices,
        new_key: None,
        first_nonce: 1,
        at_least: 1,
    };
    println!("costs {} of {credits} credits", ballot.cost());
    assert_eq!(ballot.missing(credits, poll.has_top_ups())?, 0);

    // Signed for a recent block and published by this account, which pays gas and nothing else.
    let budget = Budget::default();
    let account = world.account(0);
    let published = voter::cast(
        &mut world.evm,
        account,
        &poll,
        &ballot.drafts()?,
        &budget,
        &(),
    )?;
    println!(
        "published {} messages, {} gas",
        published.count, published.gas
    );

    // The same ballot once more, as signed messages that a relayer publishes: it takes the place of
    // the first.
    let anchor = Window::newest(&world.evm, &poll)?;
    let messages = ballot.messages(&anchor)?;
    let relayer = world.account(1);
    let published = voter::publish(&mut world.evm, relayer, &poll, &messages, &budget, &())?;
    println!("relayed {} messages", published.count);

    let status = status(&world.evm, &poll, world.now())?;
    println!(
        "the poll is {} and has {} messages",
        status.state, status.messages
    );
    assert_eq!(status.messages, 4);
    Ok(())
}
