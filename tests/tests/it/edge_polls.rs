//! Polls with what no honest client makes, but anybody may send: the state machine and the circuit
//! say the same of it, and it is what the rules say.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::command::Command;
use maci_nova_protocol::eddsa::{sign, Signature};
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::log::{PublicFacts, Record};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::Decision::{self, Applied, Refused};
use maci_nova_protocol::poll::{Header, Mode, Poll, PollError, Rule, Transition};
use maci_nova_protocol::poseidon::hash;
use maci_nova_protocol::{cipher, Fr};
use maci_nova_step_circuit::{Shape, StepCircuit, StepError};
use maci_nova_tests::hostile::low_order;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const POLL_ID: u64 = 3;
const CREDITS: u64 = 100;

/// A poll to which anything can be sent.
struct World {
    rng: ChaCha20Rng,
    coordinator: PrivateKey,
    facts: PublicFacts,
    /// Joins, messages and top-ups, with the message chain before them.
    records: Vec<(Fr, Record)>,
}

impl World {
    /// Voters with these keys have joined.
    fn new(keys: &[Point]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(62);
        // An odd scalar: times a point of order two it is that point, and not (0, 1).
        let coordinator = std::iter::repeat_with(|| PrivateKey::random(&mut rng))
            .find(|key| bool::from(key.secret_scalar().is_odd()))
            .expect("one of two is odd");
        let header = Header {
            poll_id: POLL_ID,
            coordinator_key: coordinator.public_key().point(),
            vote_options: 5,
            mode: Mode::Quadratic,
            signed_within: 0,
            state_tree_depth: 2,
            vote_option_tree_depth: 1,
        };
        let mut world = World {
            rng,
            coordinator,
            facts: PublicFacts::initial(header),
            records: vec![],
        };
        keys.iter().for_each(|key| world.join(*key));
        world
    }

    fn publish(&mut self, record: Record) {
        let previous = self.facts.message_head;
        self.facts.absorb(&record).expect("what a contract takes");
        self.records.push((previous, record));
    }

    fn join(&mut self, public_key: Point) {
        self.publish(Record::Join(Join {
            public_key,
            voice_credits: CREDITS,
        }));
    }

    fn top_up(&mut self, state_index: u64, amount: u64) {
        self.publish(Record::TopUp(TopUp {
            state_index,
            amount,
        }));
    }

    /// A plaintext of seven elements, encrypted to the coordinator.
    fn send(&mut self, plaintext: [Fr; 7]) {
        let one_time = PrivateKey::random(&mut self.rng);
        let coordinator = self.facts.header.coordinator_key;
        let shared = shared_key(&one_time.secret_scalar(), &coordinator);
        self.send_under(plaintext, one_time.public_key().point(), &shared);
    }

    /// A plaintext under a shared key and an encryption key of the sender's choice.
    fn send_under(&mut self, plaintext: [Fr; 7], encryption_key: Point, shared: &Point) {
        let message = Message {
            data: cipher::encrypt(&plaintext, shared),
            encryption_key,
            anchor: Fr::ZERO,
        };
        self.publish(Record::Message(Box::new(message)));
    }

    fn cast(&mut self, command: &Command, signer: &PrivateKey) {
        self.send(plaintext(command, &command.sign(signer)));
    }

    fn joined(&self) -> (Poll, Vec<Transition>) {
        let header = self.facts.header.clone();
        let mut poll = Poll::new(header, self.coordinator.secret_scalar()).expect("its key");
        let mut transitions = vec![poll.blind(Fr::from(9))];
        for (_, record) in &self.records {
            if let Record::Join(join) = record {
                transitions.push(poll.join(join).expect("room"));
            }
        }
        (poll, transitions)
    }

    fn prepare(&self, transition: Transition) -> Result<StepCircuit, StepError> {
        let header = &self.facts.header;
        let depths = (header.state_tree_depth, header.vote_option_tree_depth);
        let shape = Shape::new(depths.0, depths.1, 1).expect("depths in range");
        let secret = self.coordinator.secret_scalar();
        StepCircuit::prepare(shape, header, secret, vec![transition])
    }

    /// The poll and the decisions in order of arrival. Every step has a witness, and the circuit's
    /// outcome is the state machine's.
    fn count(&self) -> (Poll, Vec<Decision>) {
        let (mut poll, mut transitions) = self.joined();
        let mut decisions = vec![];
        for (previous, record) in self.records.iter().rev() {
            if record.link().is_none() {
                continue;
            }
            for event in record.events(*previous) {
                let transition = poll.process(&event).expect("in the chain");
                decisions.push(transition.decision);
                transitions.push(transition);
            }
        }
        assert!(self.facts.completed_by(poll.state()));
        for transition in transitions {
            let circuit = self.prepare(transition).expect("a step");
            let recording = circuit.record(&[]);
            assert_eq!(recording.violated, None);
            assert!(recording.recorder.violated().is_none());
            assert_eq!(recording.after, *circuit.after());
        }
        decisions.reverse();
        (poll, decisions)
    }

    fn decisions(&self) -> Vec<Decision> {
        self.count().1
    }
}

/// Option 2 gets 3, from voter 1, who keeps this key.
fn command(key: Point) -> Command {
    Command {
        state_index: 1,
        new_public_key: key,
        vote_option_index: 2,
        new_vote_weight: 3,
        nonce: 1,
        poll_id: POLL_ID,
        salt: Fr::from(11),
    }
}

fn plaintext(command: &Command, signature: &Signature) -> [Fr; 7] {
    plaintext_of(command.pack(), command, signature)
}

/// A command's plaintext with another packed element.
fn plaintext_of(packed: Fr, command: &Command, signature: &Signature) -> [Fr; 7] {
    let key = command.new_public_key;
    let r8 = signature.r8;
    [packed, key.x, key.y, command.salt, r8.x, r8.y, signature.s]
}

/// What MACI's circuit takes a signature of: the element as it was decrypted.
fn raw_hash(packed: Fr, command: &Command) -> Fr {
    let key = command.new_public_key;
    hash(&[packed, key.x, key.y, command.salt])
}

fn two(exponent: u64) -> Fr {
    Fr::from(2).pow_vartime([exponent])
}

fn key(seed: u64) -> (PrivateKey, Point) {
    let key = PrivateKey::from_element(Fr::from(seed));
    let point = key.public_key().point();
    (key, point)
}

/// Leaves are apart whatever their keys are: a command is for the index that it names, and a key
/// change for that leaf.
#[test]
fn several_joins_under_one_key() {
    let (alice, point) = key(1);
    let (next, next_point) = key(2);
    let mut world = World::new(&[point, point, point]);
    let mut vote = command(point);
    // Counted last: the second leaf has the key that it joined with.
    (vote.state_index, vote.new_vote_weight) = (2, 5);
    world.cast(&vote, &alice);
    // The first leaf has another key now, and that key signs nothing for the third leaf.
    (vote.state_index, vote.nonce) = (1, 2);
    world.cast(&vote, &next);
    world.cast(&vote, &alice);
    (vote.state_index, vote.nonce) = (3, 1);
    world.cast(&vote, &next);
    world.cast(&command(next_point), &alice);
    // What was signed for one leaf is nothing to another.
    let signature = command(point).sign(&alice);
    let mut moved = command(point);
    moved.state_index = 3;
    world.send(plaintext(&moved, &signature));
    let (poll, decisions) = world.count();
    let by_other = Refused(Rule::SignatureEquation);
    assert_eq!(
        decisions,
        [Applied, Applied, by_other, by_other, Applied, by_other]
    );
    let weights = [1, 2, 3].map(|index| poll.weight(index, 2));
    assert_eq!(weights, [5, 5, 0]);
    let balances = [1, 2, 3].map(|index| poll.leaf(index).expect("a voter").balance);
    assert_eq!(balances, [75, 75, 100]);
}

/// The command is 250 bits. Those above may be anything in the ciphertext, and are not what is
/// signed.
#[test]
fn bits_from_250_on_are_not_of_the_command() {
    let (alice, point) = key(1);
    let vote = command(point);
    for extra in [1, 2, 4, 5, 7, 11] {
        let packed = vote.pack() + Fr::from(extra) * two(250);
        let mut world = World::new(&[point]);
        let signature = sign(&alice, raw_hash(packed, &vote));
        world.send(plaintext_of(packed, &vote, &signature));
        assert_eq!(world.decisions(), [Refused(Rule::SignatureEquation)]);
        let mut world = World::new(&[point]);
        world.send(plaintext_of(packed, &vote, &vote.sign(&alice)));
        assert_eq!(world.decisions(), [Applied], "{extra}");
    }
}

/// Fields that are negative before they are packed, as MACI's packages let them be: the element
/// counts, with the five numbers that its 250 bits are.
#[test]
fn negative_fields_are_what_the_element_is() {
    let (alice, point) = key(1);
    let vote = command(point);
    let decide = |packed: Fr| {
        let mut world = World::new(&[point]);
        let signature = sign(&alice, raw_hash(packed, &vote));
        world.send(plaintext_of(packed, &vote, &signature));
        let (poll, decisions) = world.count();
        (decisions[0], poll.weight(1, 2))
    };
    // Index 1 - 2^50 and option 3 are index 1 and option 2.
    let borrowed = Fr::ONE - two(50) + Fr::from(3) * two(50) + Fr::from(3) * two(100);
    let borrowed = borrowed + two(150) + Fr::from(POLL_ID) * two(200);
    assert_eq!(decide(borrowed), (Applied, 3));
    // Weight -3 and nonce 2 are weight 2^50 - 3 and nonce 1.
    let weight = vote.pack() - Fr::from(6) * two(100) + two(150);
    assert_eq!(decide(weight), (Refused(Rule::Weight), 0));
    // Nonce -1: 2^50 - 1, of the poll below.
    let nonce = vote.pack() - Fr::from(2) * two(150);
    assert_eq!(decide(nonce), (Refused(Rule::Nonce), 0));
    // Index -1: 2^50 - 1, and the option is one less.
    let index = vote.pack() - Fr::from(2);
    assert_eq!(decide(index), (Refused(Rule::StateIndex), 0));
    // Below 0 as a whole: r less something, so that every field is another.
    let below = vote.pack() - Fr::from(4) * two(200);
    assert_eq!(decide(below), (Refused(Rule::StateIndex), 0));
    assert_eq!(decide(-vote.pack()), (Refused(Rule::StateIndex), 0));
}

/// r = 0, so that R8 = (0, 1) and S = 8 h sk: a signature, though one that gives the key away.
#[test]
fn a_signature_with_nonce_zero() {
    let (alice, point) = key(1);
    let vote = command(point);
    let neutral = Point::IDENTITY;
    let h = hash(&[neutral.x, neutral.y, point.x, point.y, vote.hash()]);
    let h = Scalar::from_le_bytes_mod_order(h.to_repr().as_ref());
    let s = element(&(h * alice.secret_scalar() * Scalar::from(8)));
    for (s, decision) in [
        (s, Applied),
        (s + Fr::ONE, Refused(Rule::SignatureEquation)),
        (Fr::ZERO, Refused(Rule::SignatureEquation)),
    ] {
        let mut world = World::new(&[point]);
        world.send(plaintext(&vote, &Signature { r8: neutral, s }));
        assert_eq!(world.decisions(), [decision]);
    }
}

fn element(scalar: &Scalar) -> Fr {
    Option::from(Fr::from_repr(scalar.to_bytes().into())).expect("l < r")
}

/// S = l is 0 once more, S = S + l the same point once more.
#[test]
fn scalars_from_the_order_on_are_refused() {
    let (alice, point) = key(1);
    let vote = command(point);
    let signature = vote.sign(&alice);
    let order = element(&-Scalar::ONE) + Fr::ONE;
    for (s, decision) in [
        (signature.s, Applied),
        (signature.s + order, Refused(Rule::SignatureScalar)),
        (order, Refused(Rule::SignatureScalar)),
        (order - Fr::ONE, Refused(Rule::SignatureEquation)),
        (-Fr::ONE, Refused(Rule::SignatureScalar)),
    ] {
        let mut world = World::new(&[point]);
        let changed = Signature { s, ..signature };
        world.send(plaintext(&vote, &changed));
        assert_eq!(world.decisions(), [decision]);
    }
}

/// Joins may arrive between messages and are all processed before them: a message may come before
/// its voter.
#[test]
fn a_join_after_messages() {
    let ((alice, point), (bob, late)) = (key(1), key(2));
    let mut world = World::new(&[point]);
    let mut early = command(late);
    early.state_index = 2;
    world.cast(&early, &bob);
    world.cast(&command(point), &alice);
    assert_eq!(world.decisions(), [Refused(Rule::StateIndex), Applied]);
    world.join(late);
    let (poll, decisions) = world.count();
    assert_eq!(decisions, [Applied, Applied]);
    assert_eq!(poll.results()[2].spent, 18);
    // Not one that is processed later, which the prover would choose.
    let (mut poll, _) = world.joined();
    let (third, _) = key(3);
    let join = Join {
        public_key: third.public_key().point(),
        voice_credits: CREDITS,
    };
    let mut forged = poll.clone().join(&join).expect("room");
    let (previous, last) = &world.records[2];
    let Record::Message(message) = last else {
        panic!("{last:?}");
    };
    let started = poll.vote(message, *previous).expect("the last message");
    assert_eq!(
        poll.join(&join).map(|_| ()),
        Err(PollError::JoinAfterMessage)
    );
    for state in [&mut forged.before, &mut forged.after] {
        state.message_head = started.after.message_head;
        state.message_cursor = started.after.message_cursor;
    }
    let forged = world.prepare(forged).map(|_| ());
    let refused = StepError::Unsatisfied("no join after a message");
    assert_eq!(forged, Err(refused));
}

/// The shared key of an encryption key of order two is that point or (0, 1), by the coordinator's
/// scalar alone.
#[test]
fn an_encryption_key_of_order_two() {
    let (alice, point) = key(1);
    let vote = command(point);
    let sent = plaintext(&vote, &vote.sign(&alice));
    let order_two = low_order(1);
    for (shared, decision) in [(order_two, Applied), (Point::IDENTITY, Refused(Rule::Tag))] {
        let mut world = World::new(&[point]);
        world.send_under(sent, order_two, &shared);
        assert_eq!(world.decisions(), [decision]);
    }
}

/// Signatures that whoever has no key can make if 8 A is (0, 1): then the equation is `S B8 = R8`.
fn forged_signatures() -> [Signature; 2] {
    let five = Scalar::from(5).to_bytes();
    [
        Signature {
            r8: Point::mul_base8(&five),
            s: Fr::from(5),
        },
        Signature {
            r8: Point::IDENTITY,
            s: Fr::ZERO,
        },
    ]
}

/// Keys of order 1, 2, 4 and 8, which a join may bring and a command may set.
#[test]
fn keys_of_low_order_sign_nothing() {
    let (alice, point) = key(1);
    for exponent in 0..4 {
        let low = low_order(exponent);
        for signature in forged_signatures() {
            let mut world = World::new(&[low]);
            world.send(plaintext(&command(low), &signature));
            assert_eq!(world.decisions(), [Refused(Rule::SignatureKey)]);

            let mut world = World::new(&[point]);
            let mut second = command(low);
            (second.nonce, second.new_vote_weight) = (2, 9);
            world.send(plaintext(&second, &signature));
            world.cast(&command(low), &alice);
            let (poll, decisions) = world.count();
            assert_eq!(decisions, [Refused(Rule::SignatureKey), Applied]);
            assert_eq!(poll.weight(1, 2), 3);
        }
    }
}

/// A key with a part of low order is a key: 8 A is not (0, 1), and who signs for it knows a secret.
#[test]
fn keys_with_a_part_of_low_order_sign() {
    let (alice, point) = key(1);
    for exponent in 1..4 {
        let shifted = point.add(&low_order(exponent));
        let vote = command(shifted);
        let nonce = Scalar::from(77);
        let r8 = Point::mul_base8(&nonce.to_bytes());
        let h = hash(&[r8.x, r8.y, shifted.x, shifted.y, vote.hash()]);
        let h = Scalar::from_le_bytes_mod_order(h.to_repr().as_ref());
        let s = element(&(nonce + h * alice.secret_scalar() * Scalar::from(8)));
        let honest = Signature { r8, s };
        for (signature, decision) in [
            (honest, Applied),
            (forged_signatures()[0], Refused(Rule::SignatureEquation)),
            (forged_signatures()[1], Refused(Rule::SignatureEquation)),
        ] {
            let mut world = World::new(&[shifted]);
            world.send(plaintext(&vote, &signature));
            assert_eq!(world.decisions(), [decision]);
        }
    }
}

/// A decoy that is refused because it costs too much counts as soon as somebody, the voter or not,
/// pays the rest.
#[test]
fn a_top_up_by_a_stranger_revives_what_was_refused() {
    let (alice, point) = key(1);
    let mut world = World::new(&[point]);
    world.cast(&command(point), &alice);
    let mut decoy = command(point);
    (decoy.vote_option_index, decoy.new_vote_weight) = (4, 11);
    world.cast(&decoy, &alice);
    assert_eq!(world.decisions(), [Applied, Refused(Rule::Credits)]);
    world.top_up(1, 20);
    assert_eq!(world.decisions()[1], Refused(Rule::Credits));
    world.top_up(1, 1);
    let (poll, decisions) = world.count();
    let nonce_is_used = Refused(Rule::Nonce);
    assert_eq!(decisions, [nonce_is_used, Applied, Applied, Applied]);
    assert_eq!([2, 4].map(|option| poll.weight(1, option)), [0, 11]);
}
