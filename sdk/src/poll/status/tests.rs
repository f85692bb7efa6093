use serde_json::{json, Value};

use super::*;
use crate::kind::ErrorKind;
use crate::testing::{public_key, World, BENEFICIARY};

fn lines(status: &Status) -> String {
    let mut out = vec![];
    status.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn now(world: &World, poll: &PollContract) -> Status {
    status(&world.evm, poll, world.now()).unwrap()
}

#[test]
fn a_poll_from_its_start_to_its_results() {
    let mut world = World::new();
    let terms = world.terms();
    let poll = world.create(&terms);
    let (start, end) = poll.times();
    assert_eq!(now(&world, &poll).state, "pending");
    world.go_to(start);
    world.join(&poll, 2);
    world.publish(&poll, 1);
    let open = now(&world, &poll);
    assert_eq!((open.state, open.joins, open.messages), ("open", 1, 1));
    assert_eq!(open.deadline, end + 7200 + 5);
    let failure = results(&world.evm, &poll).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::Later);
    assert!(failure.to_string().contains("before its end"), "{failure}");
    world.go_to(end);
    assert_eq!(now(&world, &poll).state, "ended");
    let failure = results(&world.evm, &poll).unwrap_err();
    assert!(failure.to_string().contains("no results yet"), "{failure}");
    // Nobody has made a block since.
    let late = status(&world.evm, &poll, open.deadline).unwrap();
    assert_eq!(late.state, "expired");
    world.finalize(&poll, &[(1, 1), (0, 0), (2, 4), (0, 0), (0, 0)]);
    let finalized = now(&world, &poll);
    assert_eq!(finalized.state, "finalized");
    let document = results(&world.evm, &poll).unwrap();
    assert_eq!(Some(&document.stored), finalized.results.as_ref());
    let value = serde_json::to_value(&document).unwrap();
    assert_eq!(
        value["results"][2],
        json!({"option": 2, "votes": "2", "spent": "4"})
    );
    assert_eq!(value["totalSpent"], "5");
    assert_eq!(value["totalVotes"], "3");
    assert_eq!(value["stateRoot"], "11");
    assert_eq!(value["poll"], poll.address.to_string());
    assert!(lines(&finalized).contains(" total         3         5\n"));
}

#[test]
fn a_poll_that_was_given_up() {
    let mut world = World::new();
    let terms = world.terms();
    let poll = world.create(&terms);
    let deadline = poll.deadline(&world.evm).unwrap();
    world.go_to(deadline);
    assert_eq!(now(&world, &poll).state, "expired");
    world.send(0, poll.address, &Poll::abortCall {}, 0);
    assert_eq!(now(&world, &poll).state, "aborted");
    let failure = results(&world.evm, &poll).unwrap_err();
    assert!(failure.to_string().contains("aborted"), "{failure}");
}

#[test]
fn the_documents() {
    let (world, poll) = World::with_payments();
    let at = poll.times().0;
    let status = status(&world.evm, &poll, at).unwrap();
    let settings = &poll.info.settings;
    let expected = json!({
        "chainId": 31337,
        "poll": poll.address.to_string(),
        "pollId": poll.header().poll_id,
        "owner": world.account(0).to_string(),
        "state": "open",
        "now": at,
        "startTime": at,
        "endTime": at + 3600,
        "deadline": at + 3600 + 7200,
        "provingBase": 7200,
        "provingPerMessage": 5,
        "joins": 1,
        "mostJoins": 24,
        "messages": 0,
        "mostMessages": 518_400,
        "options": 5,
        "mode": "quadratic",
        "signedWithin": 75,
        "stateTreeDepth": 2,
        "voteOptionTreeDepth": 1,
        "eventsPerStep": 1,
        "coordinatorKey": public_key(1).to_serialized(),
        "creditsContract": settings.credits.to_string(),
        "topUps": {
            "token": settings.topUpToken.to_string(),
            "creditUnit": "10",
            "beneficiary": BENEFICIARY.to_string()
        },
        "messageFee": "7",
        "results": Value::Null
    });
    assert_eq!(serde_json::to_value(&status).unwrap(), expected);
    let text = lines(&status);
    for line in [
        "state           open: takes joins, messages and top-ups\n",
        "UTC (now)\n",
        "UTC (in 60 min 0 s)\n",
        "UTC (in 3 h 0 min), 5 s later with each message\n",
        "joins           1 of at most 24\n",
        "options         5, quadratic costs\n",
        "messages        0 of at most 518400\n",
        "signed within   75 blocks, fewer in the last hour\n",
        "message fee     7 wei\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}
