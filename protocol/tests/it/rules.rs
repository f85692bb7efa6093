//! One test for each rule that a vote must fulfil, and for what a poll refuses to take.

use crate::common::{header, off_curve, Scene};
use ff::Field;
use maci_nova_protocol::babyjub::{Point, SUBGROUP_ORDER};
use maci_nova_protocol::cipher::{decrypt, encrypt};
use maci_nova_protocol::command::{Command, CommandError};
use maci_nova_protocol::count::Count;
use maci_nova_protocol::eddsa::Signature;
use maci_nova_protocol::field::{from_bytes, to_biguint};
use maci_nova_protocol::hash_chain;
use maci_nova_protocol::keys::PrivateKey;
use maci_nova_protocol::log::Record;
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{
    Decision, Header, HeaderError, Mode, Poll, PollError, Rule, State, Transition,
};
use maci_nova_protocol::poseidon::permute;
use maci_nova_protocol::tree::Path;
use maci_nova_protocol::Fr;

fn scene() -> Scene {
    Scene::new(Mode::Quadratic, &[100, 50])
}

/// The only message's transition, checked to change nothing if it is refused.
fn outcome(scene: &Scene) -> Transition {
    let (poll, mut transitions) = scene.count();
    let transition = transitions.pop().expect("a message");
    if transition.decision != Decision::Applied {
        assert_eq!(transition.new_leaf, transition.old_leaf);
        let mut unmoved = transition.after;
        unmoved.message_head = transition.before.message_head;
        unmoved.message_cursor = transition.before.message_cursor;
        assert_eq!(unmoved, transition.before);
        assert_eq!(poll.total_spent(), 0);
    }
    transition
}

/// What becomes of a command of the first voter after a change.
fn decide(change: impl FnOnce(&mut Command)) -> Decision {
    let mut scene = scene();
    let mut command = scene.command();
    change(&mut command);
    let signer = scene.voters[0].clone();
    scene.cast(&command, &signer);
    outcome(&scene).decision
}

/// What becomes of an honest command with a changed signature.
fn decide_signature(change: impl FnOnce(&mut Signature)) -> Decision {
    let mut scene = scene();
    let command = scene.command();
    let mut signature = command.sign(&scene.voters[0]);
    change(&mut signature);
    let message = scene.seal(|shared| command.encrypt(&signature, shared));
    scene.publish_message(message);
    outcome(&scene).decision
}

/// What becomes of an honest message after a change.
fn decide_message(change: impl FnOnce(&mut Message)) -> Decision {
    let mut scene = scene();
    let (command, signer) = (scene.command(), scene.voters[0].clone());
    let mut message = scene.message(&command, &signer);
    change(&mut message);
    scene.publish_message(message);
    outcome(&scene).decision
}

#[test]
fn honest() {
    assert_eq!(decide(|_| {}), Decision::Applied);
}

#[test]
fn encryption_key() {
    let off = decide_message(|message| message.encryption_key = off_curve());
    assert_eq!(off, Decision::Refused(Rule::EncryptionKey));
    let zero = decide_message(|message| message.encryption_key = Point::default());
    assert_eq!(zero, Decision::Refused(Rule::EncryptionKey));
    // Of small order, but on the curve: the shared key is another one.
    for y in [Fr::ONE, -Fr::ONE] {
        let small = decide_message(|message| message.encryption_key = Point { x: Fr::ZERO, y });
        assert_eq!(small, Decision::Refused(Rule::Tag));
    }
}

#[test]
fn tag() {
    for i in 0..10 {
        let decision = decide_message(|message| message.data[i] += Fr::ONE);
        assert_eq!(decision, Decision::Refused(Rule::Tag), "element {i}");
    }
}

/// A ciphertext with padding and a tag that fits it.
fn encrypt_padded(plaintext: &[Fr; 7], padding: [Fr; 2], shared: &Point) -> [Fr; 10] {
    let mut data = encrypt(plaintext, shared);
    data[7] += padding[0];
    data[8] += padding[1];
    // The tag comes from the state after the last block, whose capacity word follows from
    // decrypting the others.
    let length = Fr::from(7) * Fr::from(2).pow_vartime([128]);
    let mut state = [Fr::ZERO, shared.x, shared.y, length];
    for block in data[..9].chunks_exact(3) {
        permute(&mut state);
        state[1..].copy_from_slice(block);
    }
    permute(&mut state);
    data[9] = state[1];
    data
}

#[test]
fn padding() {
    for padding in [
        [Fr::ONE, Fr::ZERO],
        [Fr::ZERO, Fr::ONE],
        [Fr::ONE, -Fr::ONE],
    ] {
        let mut scene = scene();
        let command = scene.command();
        let signature = command.sign(&scene.voters[0]);
        let message = scene.seal(|shared| {
            let honest = decrypt(&command.encrypt(&signature, shared), shared).plaintext;
            let plaintext = std::array::from_fn(|i| honest[i]);
            let data = encrypt_padded(&plaintext, padding, shared);
            assert!(decrypt(&data, shared).tag_valid);
            data
        });
        scene.publish_message(message);
        assert_eq!(outcome(&scene).decision, Decision::Refused(Rule::Padding));
    }
}

#[test]
fn state_index() {
    for index in [0, 3, 24, 25, (1 << 50) - 1] {
        let decision = decide(|command| command.state_index = index);
        assert_eq!(decision, Decision::Refused(Rule::StateIndex), "{index}");
    }
    // Another voter's index: not this rule.
    let other = decide(|command| command.state_index = 2);
    assert_eq!(other, Decision::Refused(Rule::SignatureEquation));
}

#[test]
fn vote_option() {
    for option in [23, 24, 25, (1 << 50) - 1] {
        let decision = decide(|command| command.vote_option_index = option);
        assert_eq!(decision, Decision::Refused(Rule::VoteOption), "{option}");
    }
    assert_eq!(
        decide(|command| command.vote_option_index = 22),
        Decision::Applied
    );
}

#[test]
fn nonce() {
    for nonce in [0, 2, (1 << 50) - 1] {
        let decision = decide(|command| command.nonce = nonce);
        assert_eq!(decision, Decision::Refused(Rule::Nonce), "{nonce}");
    }
}

#[test]
fn poll_id() {
    for poll_id in [0, crate::common::POLL_ID + 1, (1 << 50) - 1] {
        let decision = decide(|command| command.poll_id = poll_id);
        assert_eq!(decision, Decision::Refused(Rule::PollId), "{poll_id}");
    }
}

#[test]
fn signature_r8() {
    let decision = decide_signature(|signature| signature.r8 = off_curve());
    assert_eq!(decision, Decision::Refused(Rule::SignatureR8));
}

/// A vote sets a key that can sign nothing; the next message for that leaf is refused.
#[test]
fn signature_key() {
    let order_two = Point {
        x: Fr::ZERO,
        y: -Fr::ONE,
    };
    for key in [off_curve(), Point::default(), Point::IDENTITY, order_two] {
        let mut scene = scene();
        let signer = scene.voters[0].clone();
        let mut command = scene.command();
        command.nonce = 2;
        scene.cast(&command, &signer);
        command.nonce = 1;
        command.new_public_key = key;
        scene.cast(&command, &signer);
        let expected = [Decision::Refused(Rule::SignatureKey), Decision::Applied];
        assert_eq!(scene.decisions(), expected);
    }
}

/// Such a key from the join on: the voter can do nothing, the poll goes on.
#[test]
fn joined_with_a_key_off_the_curve() {
    let mut scene = scene();
    scene.publish(Record::Join(Join {
        public_key: off_curve(),
        voice_credits: 9,
    }));
    let signer = scene.voters[0].clone();
    let mut command = scene.command();
    command.state_index = 3;
    scene.cast(&command, &signer);
    assert_eq!(
        outcome(&scene).decision,
        Decision::Refused(Rule::SignatureKey)
    );
}

#[test]
fn signature_scalar() {
    let order = from_bytes(&SUBGROUP_ORDER).expect("below r");
    let decision = decide_signature(|signature| signature.s += order);
    assert_eq!(decision, Decision::Refused(Rule::SignatureScalar));
    let decision = decide_signature(|signature| signature.s = order);
    assert_eq!(decision, Decision::Refused(Rule::SignatureScalar));
    let decision = decide_signature(|signature| signature.s = order - Fr::ONE);
    assert_eq!(decision, Decision::Refused(Rule::SignatureEquation));
}

#[test]
fn signature_equation() {
    let mut scene = scene();
    let (command, other) = (scene.command(), scene.voters[1].clone());
    scene.cast(&command, &other);
    assert_eq!(
        outcome(&scene).decision,
        Decision::Refused(Rule::SignatureEquation)
    );
    let decision = decide_signature(|signature| signature.s += Fr::ONE);
    assert_eq!(decision, Decision::Refused(Rule::SignatureEquation));
}

/// The signature covers the salt and the key, which the packed element does not hold.
#[test]
fn signature_covers_everything() {
    let changes: [fn(&mut Command); 3] = [
        |command| command.salt += Fr::ONE,
        |command| command.new_public_key.x += Fr::ONE,
        |command| command.new_vote_weight += 1,
    ];
    for change in changes {
        let mut scene = scene();
        let mut command = scene.command();
        let signature = command.sign(&scene.voters[0]);
        change(&mut command);
        let message = scene.seal(|shared| command.encrypt(&signature, shared));
        scene.publish_message(message);
        assert_eq!(
            outcome(&scene).decision,
            Decision::Refused(Rule::SignatureEquation)
        );
    }
}

#[test]
fn credits() {
    assert_eq!(
        decide(|command| command.new_vote_weight = 10),
        Decision::Applied
    );
    for weight in [11, (1 << 49) - 1] {
        let decision = decide(|command| command.new_vote_weight = weight);
        assert_eq!(decision, Decision::Refused(Rule::Credits), "{weight}");
    }
    for weight in [1 << 49, (1 << 49) + 1, (1 << 50) - 1] {
        let decision = decide(|command| command.new_vote_weight = weight);
        assert_eq!(decision, Decision::Refused(Rule::Weight), "{weight}");
    }
}

/// A new weight for the same option frees the old one's cost; one for another option does not.
#[test]
fn credits_of_the_old_weight() {
    for (option, decision) in [
        (2, Decision::Applied),
        (3, Decision::Refused(Rule::Credits)),
    ] {
        let mut scene = Scene::new(Mode::Linear, &[100]);
        let signer = scene.voters[0].clone();
        let mut command = scene.command();
        (command.nonce, command.new_vote_weight) = (2, 100);
        command.vote_option_index = option;
        scene.cast(&command, &signer);
        (command.nonce, command.new_vote_weight) = (1, 1);
        command.vote_option_index = 2;
        scene.cast(&command, &signer);
        assert_eq!(scene.decisions(), [decision, Decision::Applied]);
        let balance = scene.count().0.leaf(1).expect("a voter").balance;
        assert_eq!(balance, if decision == Decision::Applied { 0 } else { 99 });
    }
}

/// The first failing rule is the reason, whatever else fails.
#[test]
fn order_of_rules() {
    let everything = |from: usize| {
        let mut scene = Scene::anchored(Mode::Quadratic, &[100, 50]);
        let mut command = scene.command();
        let wrong = |at: usize| at >= from;
        command.state_index = if wrong(3) { 9 } else { 1 };
        command.vote_option_index = if wrong(4) { 24 } else { 2 };
        command.nonce = if wrong(5) { 7 } else { 1 };
        command.poll_id = if wrong(6) { 0 } else { crate::common::POLL_ID };
        if wrong(7) {
            command.salt += Fr::ONE;
        }
        command.new_vote_weight = if wrong(12) { 1 << 49 } else { 1000 };
        let mut signature = command.sign(&scene.voters[0]);
        if wrong(10) {
            signature.s = -Fr::ONE;
        }
        if wrong(8) && from != 10 {
            signature.r8 = off_curve();
        }
        let mut message = scene.seal(|shared| command.encrypt(&signature, shared));
        if wrong(1) && from < 3 {
            message.data[9] += Fr::ONE;
        }
        if from == 0 {
            message.encryption_key = off_curve();
        }
        scene.publish_message(message);
        outcome(&scene).decision
    };
    for from in [0, 1, 3, 4, 5, 6, 7, 8, 10, 12, 13] {
        assert_eq!(
            everything(from),
            Decision::Refused(Rule::ALL[from]),
            "from rule {from}"
        );
    }
}

/// Bits 250 to 253 of the packed element are ignored; the signature is over the five fields.
#[test]
fn ignored_bits() {
    let mut scene = scene();
    let command = scene.command();
    let signature = command.sign(&scene.voters[0]);
    let message = scene.seal(|shared| {
        let honest = decrypt(&command.encrypt(&signature, shared), shared).plaintext;
        let mut plaintext: [Fr; 7] = std::array::from_fn(|i| honest[i]);
        plaintext[0] += Fr::from(2).pow_vartime([250]) * Fr::from(5);
        assert!(to_biguint(&plaintext[0]).bits() > 250);
        encrypt(&plaintext, shared)
    });
    scene.publish_message(message);
    assert_eq!(outcome(&scene).decision, Decision::Applied);
}

#[test]
fn fifty_bits() {
    let command = scene().command();
    let make = |numbers: [u64; 5]| {
        let [index, option, weight, nonce, poll] = numbers;
        Command::new(
            index,
            command.new_public_key,
            option,
            weight,
            nonce,
            poll,
            command.salt,
        )
    };
    let largest = (1 << 50) - 1;
    let command = make([largest; 5]).expect("in range");
    assert_eq!(
        Command::unpack(command.pack(), command.new_public_key, command.salt),
        command
    );
    let names = [
        "state index",
        "vote option index",
        "vote weight",
        "nonce",
        "poll id",
    ];
    for (i, field) in names.into_iter().enumerate() {
        let mut numbers = [largest; 5];
        numbers[i] += 1;
        assert_eq!(make(numbers), Err(CommandError { field }));
    }
}

/// What a refused vote's transition holds: the leaf and the option that its valid fields name.
#[test]
fn transition_of_a_refused_vote() {
    let mut scene = scene();
    let signer = scene.voters[0].clone();
    let mut command = scene.command();
    command.nonce = 9;
    scene.cast(&command, &signer);
    command.nonce = 1;
    scene.cast(&command, &signer);
    let (poll, transitions) = scene.count();
    let refused = &transitions[1];
    assert_eq!(refused.decision, Decision::Refused(Rule::Nonce));
    assert_eq!(
        (refused.path_index, refused.option_index, refused.old_weight),
        (1, 2, 3)
    );
    assert_eq!(Some(refused.leaf), poll.leaf(1));
    assert_eq!(refused.leaf.hash(), refused.old_leaf);
    assert_eq!(refused.old_result, poll.results()[2]);

    // With an invalid option: option 0 of the leaf. With an invalid index: leaf 0 and an empty
    // ballot.
    let index_of = |change: fn(&mut Command)| {
        let mut scene = Scene::new(Mode::Quadratic, &[100]);
        let signer = scene.voters[0].clone();
        let mut command = scene.command();
        change(&mut command);
        scene.cast(&command, &signer);
        let transition = outcome(&scene);
        (
            transition.path_index,
            transition.option_index,
            transition.leaf.balance,
        )
    };
    assert_eq!(
        index_of(|command| command.vote_option_index = 23),
        (1, 0, 100)
    );
    assert_eq!(index_of(|command| command.state_index = 2), (0, 2, 0));
}

#[test]
fn transition_of_a_top_up() {
    let mut scene = scene();
    scene.top_up(2, (1 << 48) - 1);
    let transition = outcome(&scene);
    assert_eq!(transition.decision, Decision::Applied);
    assert_eq!((transition.path_index, transition.leaf.balance), (2, 50));
    let (poll, _) = scene.count();
    let leaf = poll.leaf(2).expect("a voter");
    assert_eq!(leaf.balance, 50 + (1 << 48) - 1);
    assert_eq!(leaf.hash(), transition.new_leaf);

    // The log never lets this in; if it came, it would be refused.
    let (mut poll, mut count) = scene.joined();
    let top_up = TopUp {
        state_index: 3,
        amount: 1,
    };
    let refused = Decision::Refused(Rule::StateIndex);
    assert_eq!(count.top_up(&top_up, hash_chain::zero()), Ok(refused));
    let transition = poll
        .top_up(&top_up, hash_chain::zero())
        .expect("a decision");
    assert_eq!(transition.decision, refused);
    assert_eq!((transition.path_index, transition.new_leaf), (0, Fr::ZERO));
}

#[test]
fn blinding() {
    let scene = scene();
    let (mut poll, _) = scene.joined();
    let before = *poll.state();
    let transition = poll.blind(Fr::from(99));
    assert_eq!((transition.before, transition.path_index), (before, 0));
    assert_eq!(
        (transition.old_leaf, transition.new_leaf),
        (Fr::ZERO, Fr::from(99))
    );
    assert_ne!(transition.after.state_root, before.state_root);
    let again = poll.blind(Fr::from(98));
    assert_eq!(again.old_leaf, Fr::from(99));
    assert_eq!(again.before, transition.after);
}

#[test]
fn chain_of_messages() {
    let mut scene = scene();
    let signer = scene.voters[0].clone();
    let command = scene.command();
    for _ in 0..3 {
        scene.cast(&command, &signer);
    }
    let messages: Vec<(Fr, Message)> = scene
        .records
        .iter()
        .filter_map(|(previous, record)| match record {
            Record::Message(message) => Some((*previous, **message)),
            _ => None,
        })
        .collect();
    let (mut poll, mut counted) = scene.joined();
    let [(h0, first), (h1, second), (h2, third)] = messages[..] else {
        panic!("three messages");
    };
    poll.vote(&third, h2).expect("the last");
    counted.vote(&third, h2).expect("the last");
    for (message, previous) in [(&third, h2), (&first, h0), (&second, h0), (&first, h1)] {
        let state = *poll.state();
        assert_eq!(
            poll.vote(message, previous).map(|_| ()),
            Err(PollError::NotInChain)
        );
        assert_eq!(counted.vote(message, previous), Err(PollError::NotInChain));
        assert_eq!(*poll.state(), state);
    }
    let top_up = TopUp {
        state_index: 1,
        amount: 1,
    };
    assert_eq!(
        poll.top_up(&top_up, h1).map(|_| ()),
        Err(PollError::NotInChain)
    );
    assert_eq!(counted.top_up(&top_up, h1), Err(PollError::NotInChain));
    assert!(poll.vote(&second, h1).is_ok());
    assert!(poll.vote(&first, h0).is_ok());
    // Past the start of the chain.
    assert_eq!(
        poll.vote(&first, h0).map(|_| ()),
        Err(PollError::NotInChain)
    );
}

#[test]
fn joins() {
    let mut scene = scene();
    let join = Join {
        public_key: off_curve(),
        voice_credits: 1 << 32,
    };
    let (mut poll, mut count) = scene.joined();
    assert_eq!(poll.join(&join).map(|_| ()), Err(PollError::VoiceCredits));
    assert_eq!(poll.join_all(&[join]), Err(PollError::VoiceCredits));
    assert_eq!(count.join(&join), Err(PollError::VoiceCredits));

    let join = Join {
        voice_credits: (1 << 32) - 1,
        ..join
    };
    // 25 leaves, of which three are taken.
    assert_eq!(poll.clone().join_all(&[join; 23]), Err(PollError::Full));
    let mut at_once = poll.clone();
    at_once.join_all(&[join; 22]).expect("room");
    for _ in 0..22 {
        poll.join(&join).expect("room");
        count.join(&join).expect("room");
    }
    assert_eq!(at_once.state(), poll.state());
    assert_eq!(at_once.leaf(24), poll.leaf(24));
    assert_eq!(poll.next_state_index(), 25);
    assert_eq!(poll.join(&join).map(|_| ()), Err(PollError::Full));
    assert_eq!(count.join(&join), Err(PollError::Full));

    let (command, signer) = (scene.command(), scene.voters[0].clone());
    let message = scene.message(&command, &signer);
    let (mut poll, mut count) = scene.joined();
    poll.vote(&message, hash_chain::zero()).expect("a message");
    count.vote(&message, hash_chain::zero()).expect("a message");
    assert_eq!(
        poll.join(&join).map(|_| ()),
        Err(PollError::JoinAfterMessage)
    );
    assert_eq!(poll.join_all(&[join]), Err(PollError::JoinAfterMessage));
    assert_eq!(count.join(&join), Err(PollError::JoinAfterMessage));
}

#[test]
fn top_up_amounts() {
    let (mut poll, mut count) = scene().joined();
    for amount in [0, 1 << 48, u64::MAX] {
        let top_up = TopUp {
            state_index: 1,
            amount,
        };
        let refused = Err(PollError::TopUpAmount);
        assert_eq!(
            poll.top_up(&top_up, hash_chain::zero()).map(|_| ()),
            refused
        );
        assert_eq!(
            count.top_up(&top_up, hash_chain::zero()).map(|_| ()),
            refused
        );
    }
}

#[test]
fn headers() {
    let coordinator = PrivateKey::from_element(Fr::from(5));
    let valid = header(&coordinator, Mode::Linear);
    assert_eq!(valid.validate(), Ok(()));
    let check = |change: &dyn Fn(&mut Header), error: HeaderError| {
        let mut header = valid.clone();
        change(&mut header);
        assert_eq!(header.validate(), Err(error));
        let secret = coordinator.secret_scalar();
        assert_eq!(
            Poll::new(header.clone(), secret).map(|_| ()),
            Err(PollError::Header(error))
        );
        assert_eq!(
            Count::new(header, secret).map(|_| ()),
            Err(PollError::Header(error))
        );
    };
    check(&|header| header.poll_id = 1 << 50, HeaderError::PollId);
    for depth in [0, 21, usize::MAX] {
        check(
            &|header| header.state_tree_depth = depth,
            HeaderError::StateTreeDepth,
        );
    }
    for depth in [0, 11, usize::MAX] {
        let change = |header: &mut Header| header.vote_option_tree_depth = depth;
        check(&change, HeaderError::VoteOptionTreeDepth);
    }
    for options in [0, 26, u64::MAX] {
        check(
            &|header| header.vote_options = options,
            HeaderError::VoteOptions,
        );
    }
    let order_two = Point {
        x: Fr::ZERO,
        y: -Fr::ONE,
    };
    let shifted = valid.coordinator_key.add(&order_two);
    for key in [
        off_curve(),
        Point::default(),
        Point::IDENTITY,
        order_two,
        shifted,
    ] {
        check(
            &|header| header.coordinator_key = key,
            HeaderError::CoordinatorKey,
        );
    }
}

#[test]
fn wrong_key() {
    let coordinator = PrivateKey::from_element(Fr::from(5));
    let other = PrivateKey::from_element(Fr::from(6)).secret_scalar();
    let header = header(&coordinator, Mode::Linear);
    assert_eq!(
        Poll::new(header.clone(), other).map(|_| ()),
        Err(PollError::WrongKey)
    );
    assert_eq!(
        Count::new(header, other).map(|_| ()),
        Err(PollError::WrongKey)
    );
}

#[test]
fn state_as_elements() {
    let header = header(&PrivateKey::from_element(Fr::from(5)), Mode::Quadratic);
    let state = State::initial(&header);
    assert_eq!(State::from_array(state.to_array()), state);
    assert_eq!(
        state.to_array()[1..5],
        [hash_chain::zero(), Fr::ONE, Fr::ZERO, Fr::ZERO]
    );
    assert_eq!(state.poll, header.context());
    // The mode and the id are in the context.
    for change in [
        |header: &mut Header| header.mode = Mode::Linear,
        |header: &mut Header| header.poll_id = 4,
    ] {
        let mut other = header.clone();
        change(&mut other);
        assert_ne!(other.context(), header.context());
    }
}

#[test]
fn path_of_another_index() {
    let scene = scene();
    let (poll, _) = scene.joined();
    let mut poll = poll;
    let transition = poll.blind(Fr::ONE);
    let path: &Path = &transition.state_path;
    assert_eq!(path.root(Fr::ONE, 0), transition.after.state_root);
    assert_ne!(path.root(Fr::ONE, 1), transition.after.state_root);
}

#[test]
fn debug_hides_the_coordinator() {
    let scene = scene();
    let (poll, count) = scene.joined();
    let secret = scene.coordinator.secret_scalar();
    let text = format!("{poll:?} {count:?}");
    let secret = format!("{secret:?}");
    let digits = secret
        .trim_start_matches(|c: char| !c.is_ascii_digit())
        .trim_start_matches("0x");
    assert!(digits.len() > 32);
    assert!(!text.contains(&digits[..32]));
}
