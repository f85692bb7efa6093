//! A poll whose messages are made by hand: honest ones, and one kind for each rule that a message
//! can break and each value that could stop the count.

use ff::{Field, PrimeField};
use maci_nova_protocol::babyjub::{Point, Scalar};
use maci_nova_protocol::command::Command;
use maci_nova_protocol::eddsa::{sign, Signature};
use maci_nova_protocol::hash_chain::Link;
use maci_nova_protocol::keys::{shared_key, PrivateKey};
use maci_nova_protocol::message::{Join, Message, TopUp};
use maci_nova_protocol::poll::{Header, Mode, Poll, Rule, Transition};
use maci_nova_protocol::{cipher, hash_chain, poseidon, Fr};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// What a message is made to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Applied.
    Valid,
    /// Applied: changes the key to a fresh one.
    KeyChange,
    /// Applied: sets a key that is off the curve.
    OffCurveKey,
    /// Applied: sets the key (0, 0).
    ZeroKey,
    /// Applied: sets a key of order 1, 2, 4 or 8 (exponent 0..=3).
    LowOrderKey(u8),
    /// Applied: encrypted under a key of order 1, 2, 4 or 8.
    LowOrderEncryption(u8),
    /// Applied: encrypted under a key with a part of order 8.
    TorsionEncryption,
    /// The encryption key is off the curve.
    OffCurveEncryption,
    /// The encryption key is (0, 0).
    ZeroEncryption,
    /// The tag is off by one.
    TagOffByOne,
    /// An element of padding is not 0.
    Padding(u8),
    /// The ciphertext is noise.
    Garbage,
    /// The ciphertext is ten times r - 1.
    HugeFields,
    /// The packed element is r - 1: five fields of noise, bits 250 to 253 set.
    HugePacked,
    /// State index 0.
    IndexZero,
    /// State index joinCount.
    IndexNext,
    /// State index 2^50 - 1.
    IndexHuge,
    /// Option voteOptions.
    OptionNext,
    /// Option 2^50 - 1.
    OptionHuge,
    /// Nonce one too low.
    NonceLow,
    /// Nonce one too high.
    NonceHigh,
    /// Another poll's id.
    OtherPoll,
    /// Signed by somebody else.
    OtherSigner,
    /// R8 off the curve.
    OffCurveR8,
    /// R8 of order 8.
    LowOrderR8,
    /// S + ℓ: the same point, too large a scalar.
    LargeS,
    /// S = r - 1.
    HugeS,
    /// Signed for another anchor than it is sent with: what was sent before, sent again.
    OtherAnchor,
    /// Signed for no anchor, but sent with one.
    NoAnchor,
    /// One credit more than there is.
    TooExpensive,
    /// Weight 2^49 - 1, the largest for an option.
    WeightLargest,
    /// Weight 2^50 - 1, in negative voting the largest against an option.
    WeightHuge,
    /// Weight 2^49: no weight but in negative voting, where it is 0 against an option, which is 0.
    AgainstZero,
    /// Weight 1 against an option (0 for who has no credit).
    Against,
    /// The largest weight that the voter can pay.
    Largest,
    /// One less than that: in full voting too little.
    Partial,
    /// Weight 0: in full voting no vote.
    Zero,
    /// Weight 0 for an option that the voter gave nothing: in full voting it would wipe the ballot.
    ZeroElsewhere,
    /// Sent without an anchor, whatever was signed.
    Unanchored,
    /// A signature that fits every message under a key of low order.
    Forged,
}

/// Every kind, the applied ones that leave no usable key last.
pub const KINDS: [Kind; 48] = [
    Kind::Valid,
    Kind::KeyChange,
    Kind::LowOrderEncryption(0),
    Kind::LowOrderEncryption(1),
    Kind::LowOrderEncryption(2),
    Kind::LowOrderEncryption(3),
    Kind::TorsionEncryption,
    Kind::OffCurveEncryption,
    Kind::ZeroEncryption,
    Kind::TagOffByOne,
    Kind::Padding(0),
    Kind::Padding(1),
    Kind::Garbage,
    Kind::HugeFields,
    Kind::HugePacked,
    Kind::IndexZero,
    Kind::IndexNext,
    Kind::IndexHuge,
    Kind::OptionNext,
    Kind::OptionHuge,
    Kind::NonceLow,
    Kind::NonceHigh,
    Kind::OtherPoll,
    Kind::OtherSigner,
    Kind::OffCurveR8,
    Kind::LowOrderR8,
    Kind::LargeS,
    Kind::HugeS,
    Kind::OtherAnchor,
    Kind::NoAnchor,
    Kind::TooExpensive,
    Kind::WeightLargest,
    Kind::WeightHuge,
    Kind::AgainstZero,
    Kind::Against,
    Kind::Largest,
    Kind::Partial,
    Kind::Zero,
    Kind::ZeroElsewhere,
    Kind::Unanchored,
    Kind::Forged,
    Kind::Valid,
    Kind::OffCurveKey,
    Kind::ZeroKey,
    Kind::LowOrderKey(0),
    Kind::LowOrderKey(1),
    Kind::LowOrderKey(2),
    Kind::LowOrderKey(3),
];

impl Kind {
    /// The rule by which a message of this kind is refused in a poll, for a voter with a usable
    /// key; none if it is applied.
    pub fn refused_by(self, header: &Header) -> Option<Rule> {
        let only_if = |condition: bool, rule| condition.then_some(rule);
        let unless_signed = only_if(!header.mode.has_signs(), Rule::Weight);
        match self {
            Kind::Valid
            | Kind::KeyChange
            | Kind::OffCurveKey
            | Kind::ZeroKey
            | Kind::LowOrderKey(_)
            | Kind::LowOrderEncryption(_)
            | Kind::TorsionEncryption
            | Kind::Largest
            | Kind::Unanchored => None,
            Kind::OffCurveEncryption | Kind::ZeroEncryption => Some(Rule::EncryptionKey),
            Kind::TagOffByOne | Kind::Garbage | Kind::HugeFields => Some(Rule::Tag),
            Kind::Padding(_) => Some(Rule::Padding),
            Kind::HugePacked => Some(Rule::StateIndex),
            Kind::IndexZero | Kind::IndexNext | Kind::IndexHuge => Some(Rule::StateIndex),
            Kind::OptionNext | Kind::OptionHuge => Some(Rule::VoteOption),
            Kind::NonceLow | Kind::NonceHigh => Some(Rule::Nonce),
            Kind::OtherPoll => Some(Rule::PollId),
            Kind::OtherSigner | Kind::LowOrderR8 | Kind::Forged => Some(Rule::SignatureEquation),
            Kind::OffCurveR8 => Some(Rule::SignatureR8),
            Kind::LargeS | Kind::HugeS => Some(Rule::SignatureScalar),
            Kind::OtherAnchor | Kind::NoAnchor => only_if(header.signed_within > 0, Rule::Anchor),
            Kind::TooExpensive | Kind::WeightLargest => Some(Rule::Credits),
            Kind::WeightHuge => unless_signed.or(Some(Rule::Credits)),
            Kind::Against | Kind::AgainstZero => unless_signed,
            Kind::Partial | Kind::Zero | Kind::ZeroElsewhere => {
                only_if(header.mode == Mode::Full, Rule::WholeBalance)
            }
        }
    }
}

/// A point of order 8.
pub fn torsion() -> Point {
    let order = little_endian(&(-Scalar::ONE));
    let mut order_bytes = order;
    order_bytes[0] += 1;
    let mut x = Fr::ONE;
    loop {
        // y^2 = (1 - a x^2) / (1 - d x^2)
        let denominator = Fr::ONE - Fr::from(168_696) * x * x;
        let inverse: Option<Fr> = denominator.invert().into();
        let yy = (Fr::ONE - Fr::from(168_700) * x * x) * inverse.unwrap_or(Fr::ZERO);
        if let Some(y) = Option::<Fr>::from(yy.sqrt()) {
            let low = Point { x, y }.mul(&order_bytes);
            if low.double().double() != Point::IDENTITY {
                return low;
            }
        }
        x += Fr::ONE;
    }
}

/// A point of order 2^exponent, exponent 0..=3.
pub fn low_order(exponent: u8) -> Point {
    (exponent..3).fold(torsion(), |point, _| point.double())
}

fn little_endian<F: PrimeField>(value: &F) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(value.to_repr().as_ref());
    bytes
}

/// A voter and the private key that the state holds now.
#[derive(Debug)]
struct Voter {
    key: PrivateKey,
    usable: bool,
}

/// A poll whose messages are made to fit the state in which each of them is processed, and are then
/// linked into a chain from its start.
#[derive(Debug)]
pub struct HostilePoll {
    rng: ChaCha20Rng,
    secret: Scalar,
    header: Header,
    poll: Poll,
    voters: Vec<Voter>,
}

/// What a message chain holds.
#[derive(Clone, Debug)]
pub enum Item {
    /// An encrypted command.
    Message(Box<Message>),
    /// A top-up.
    TopUp(TopUp),
}

impl Item {
    fn link(&self) -> Link {
        match self {
            Item::Message(message) => Link::from(&**message),
            Item::TopUp(top_up) => Link::from(top_up),
        }
    }
}

impl HostilePoll {
    /// A poll with anchors and `voters` voters that have joined.
    pub fn new(
        seed: u64,
        mode: Mode,
        depths: (usize, usize),
        voters: usize,
    ) -> (Self, Vec<Transition>) {
        Self::signed_within(75, seed, mode, depths, voters)
    }

    /// The same without anchors.
    pub fn without_anchors(
        seed: u64,
        mode: Mode,
        depths: (usize, usize),
        voters: usize,
    ) -> (Self, Vec<Transition>) {
        Self::signed_within(0, seed, mode, depths, voters)
    }

    fn signed_within(
        signed_within: u32,
        seed: u64,
        mode: Mode,
        depths: (usize, usize),
        voters: usize,
    ) -> (Self, Vec<Transition>) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let coordinator = PrivateKey::random(&mut rng);
        let header = Header {
            poll_id: 3,
            coordinator_key: coordinator.public_key().point(),
            vote_options: 5u64.pow(depths.1 as u32) - 2,
            mode,
            signed_within,
            state_tree_depth: depths.0,
            vote_option_tree_depth: depths.1,
        };
        let secret = coordinator.secret_scalar();
        let mut poll = Poll::new(header.clone(), secret).expect("a valid header");
        let mut transitions = vec![poll.blind(Fr::random(&mut rng))];
        let mut keys = Vec::new();
        for _ in 0..voters {
            let key = PrivateKey::random(&mut rng);
            let join = Join {
                public_key: key.public_key().point(),
                voice_credits: 100,
            };
            transitions.push(poll.join(&join).expect("room for a voter"));
            keys.push(Voter { key, usable: true });
        }
        let made = HostilePoll {
            rng,
            secret,
            header,
            poll,
            voters: keys,
        };
        (made, transitions)
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The coordinator's scalar.
    pub fn secret(&self) -> Scalar {
        self.secret
    }

    /// The state machine.
    pub fn poll(&mut self) -> &mut Poll {
        &mut self.poll
    }

    /// Makes and processes messages of these kinds, in the order of PROCESSING (from the last in
    /// the chain), each for the next voter in turn whose key is usable. `top_up_every` n > 0 puts
    /// a top-up before each n-th.
    ///
    /// What a message must hold (nonce, key, balance) depends on what was processed before, so
    /// the kinds are first run on a copy with free links; the chain is then linked and run.
    pub fn process(&mut self, kinds: &[Kind], top_up_every: usize) -> Vec<(Item, Transition)> {
        let items = self.rehearse(kinds, top_up_every);
        self.link(items)
    }

    /// Links the items into a chain and processes them from its end.
    fn link(&mut self, items: Vec<Item>) -> Vec<(Item, Transition)> {
        let mut links = vec![hash_chain::zero()];
        for item in items.iter().rev() {
            let last = links[links.len() - 1];
            links.push(hash_chain::extend(last, item.link()));
        }
        links.pop();
        items
            .into_iter()
            .map(|item| {
                let previous = links.pop().expect("a link an item");
                let transition = run(&mut self.poll, &item, previous);
                (item, transition)
            })
            .collect()
    }

    /// Makes and processes so many valid votes, each for the next voter in turn. Those of one round
    /// of all voters do not touch each other, so the state is found once a round: this is the way
    /// to make many.
    pub fn vote(&mut self, votes: usize) -> Vec<Transition> {
        let mut items = Vec::with_capacity(votes);
        let mut rehearsal = self.poll.clone();
        for vote in 0..votes {
            let who = vote % self.voters.len();
            if who == 0 {
                rehearsal = self.replay(&items);
            }
            let message = self.message(&rehearsal, Kind::Valid, who);
            items.push(Item::Message(Box::new(message)));
        }
        self.link(items)
            .into_iter()
            .map(|(_, transition)| transition)
            .collect()
    }

    fn rehearse(&mut self, kinds: &[Kind], top_up_every: usize) -> Vec<Item> {
        let mut items = Vec::new();
        let mut rehearsal = self.poll.clone();
        for (i, kind) in kinds.iter().enumerate() {
            let who = (0..self.voters.len())
                .map(|k| (i + k) % self.voters.len())
                .find(|k| self.voters[*k].usable)
                .unwrap_or(0);
            if top_up_every > 0 && i % top_up_every == 0 {
                items.push(Item::TopUp(TopUp {
                    state_index: who as u64 + 1,
                    amount: 1 + u64::from(self.rng.next_u32()) % 50,
                }));
                rehearsal = self.replay(&items);
            }
            let message = self.message(&rehearsal, *kind, who);
            items.push(Item::Message(Box::new(message)));
            rehearsal = self.replay(&items);
        }
        items
    }

    /// The state after these items, whose links are made up to fit.
    fn replay(&self, items: &[Item]) -> Poll {
        let mut links = vec![hash_chain::zero()];
        for item in items.iter().rev() {
            let last = links[links.len() - 1];
            links.push(hash_chain::extend(last, item.link()));
        }
        links.pop();
        let mut poll = self.poll.clone();
        for item in items {
            run(&mut poll, item, links.pop().expect("a link an item"));
        }
        poll
    }

    /// A message of a kind for voter `who` (from 0), fit for the state of `poll`.
    #[allow(clippy::too_many_lines, reason = "a table of kinds")]
    fn message(&mut self, poll: &Poll, kind: Kind, who: usize) -> Message {
        let index = who as u64 + 1;
        let leaf = poll.leaf(index).expect("the voter joined");
        let mode = self.header.mode;
        let mut option = u64::from(self.rng.next_u32()) % self.header.vote_options;
        if mode == Mode::Full {
            // Who has spent everything can vote for the same option alone.
            let spent = poll.weights(index).iter().find(|(_, weight)| *weight != 0);
            option = spent.map_or(option, |(option, _)| *option);
        }
        if kind == Kind::ZeroElsewhere {
            let other = (0..self.header.vote_options).find(|other| poll.weight(index, *other) == 0);
            option = other.expect("an option that has nothing of the voter's");
        }
        let old = poll.weight(index, option);
        let budget = leaf.balance + mode.cost(old);
        let fresh = PrivateKey::random(&mut self.rng);
        let mut command = Command {
            state_index: index,
            new_public_key: leaf.key,
            vote_option_index: option,
            new_vote_weight: self.weight(budget),
            nonce: leaf.nonce + 1,
            poll_id: self.header.poll_id,
            salt: Fr::random(&mut self.rng),
        };
        let anchor = match kind {
            _ if self.header.signed_within == 0 => Fr::ZERO,
            Kind::OtherAnchor => Fr::random(&mut self.rng),
            Kind::Unanchored => Fr::ZERO,
            _ => command.salt,
        };
        if kind == Kind::NoAnchor {
            command.salt = Fr::ZERO;
        }
        let limit = 1u64 << 50;
        match kind {
            Kind::KeyChange => command.new_public_key = fresh.public_key().point(),
            Kind::OffCurveKey => {
                command.new_public_key = Point {
                    x: Fr::from(7),
                    y: Fr::from(8),
                }
            }
            Kind::ZeroKey => {
                command.new_public_key = Point {
                    x: Fr::ZERO,
                    y: Fr::ZERO,
                }
            }
            Kind::LowOrderKey(exponent) => command.new_public_key = low_order(exponent),
            Kind::IndexZero => command.state_index = 0,
            Kind::IndexNext => command.state_index = self.voters.len() as u64 + 1,
            Kind::IndexHuge => command.state_index = limit - 1,
            Kind::OptionNext => command.vote_option_index = self.header.vote_options,
            Kind::OptionHuge => command.vote_option_index = limit - 1,
            Kind::NonceLow => command.nonce -= 1,
            Kind::NonceHigh => command.nonce += 1,
            Kind::OtherPoll => command.poll_id += 1,
            Kind::TooExpensive => command.new_vote_weight = largest(mode, budget) + 1,
            Kind::Largest => command.new_vote_weight = largest(mode, budget),
            Kind::Partial => command.new_vote_weight = largest(mode, budget).saturating_sub(1),
            Kind::Zero | Kind::ZeroElsewhere => command.new_vote_weight = 0,
            Kind::WeightLargest => command.new_vote_weight = limit / 2 - 1,
            Kind::WeightHuge => command.new_vote_weight = limit - 1,
            Kind::AgainstZero => command.new_vote_weight = limit / 2,
            Kind::Against => command.new_vote_weight = limit / 2 + largest(mode, budget).min(1),
            _ => {}
        }
        let voter = &mut self.voters[who];
        let signer = if kind == Kind::OtherSigner {
            &fresh
        } else {
            &voter.key
        };
        let mut signature = sign(signer, command.hash());
        change_signature(kind, &mut signature);
        let was_usable = voter.usable;
        match kind {
            Kind::KeyChange if was_usable => voter.key = fresh,
            Kind::OffCurveKey | Kind::ZeroKey | Kind::LowOrderKey(_) => voter.usable = false,
            _ => {}
        }
        let message = self.encrypt(kind, &command, &signature);
        Message { anchor, ..message }
    }

    /// The packed weight of a valid vote of a voter who can pay so much for it.
    fn weight(&mut self, budget: u128) -> u64 {
        let mode = self.header.mode;
        let largest = largest(mode, budget) as i64;
        let small = i64::from(self.rng.next_u32() % 3);
        let weight = match mode {
            Mode::Full => largest,
            Mode::Negative => (small - 1).clamp(-largest, largest),
            Mode::Quadratic | Mode::Linear => small.min(largest),
        };
        mode.pack_weight(weight).expect("a weight of the mode")
    }

    /// The encryption of any plaintext under any key; a key off the curve stands for (0, 1), as it
    /// does for who decrypts.
    pub fn message_of(&self, plaintext: &[Fr; 9], encryption_key: Point) -> Message {
        Message {
            data: encrypt_padded(plaintext, &self.shared_key(&encryption_key)),
            encryption_key,
            anchor: Fr::ZERO,
        }
    }

    fn shared_key(&self, encryption_key: &Point) -> Point {
        if encryption_key.is_on_curve() {
            shared_key(&self.secret, encryption_key)
        } else {
            Point::IDENTITY
        }
    }

    fn encrypt(&mut self, kind: Kind, command: &Command, signature: &Signature) -> Message {
        let ephemeral = PrivateKey::random(&mut self.rng);
        let mut encryption_key = ephemeral.public_key().point();
        match kind {
            Kind::LowOrderEncryption(exponent) => encryption_key = low_order(exponent),
            Kind::TorsionEncryption => encryption_key = encryption_key.add(&torsion()),
            Kind::OffCurveEncryption => encryption_key.x += Fr::ONE,
            Kind::ZeroEncryption => {
                encryption_key = Point {
                    x: Fr::ZERO,
                    y: Fr::ZERO,
                }
            }
            _ => {}
        }
        let shared = self.shared_key(&encryption_key);
        let mut data = command.encrypt(signature, &shared);
        match kind {
            Kind::TagOffByOne => data[9] += Fr::ONE,
            Kind::Garbage => data = [(); 10].map(|()| Fr::random(&mut self.rng)),
            Kind::HugeFields => data = [-Fr::ONE; 10],
            Kind::Padding(which) => {
                let mut plaintext = padded(command, signature);
                plaintext[7 + usize::from(which)] = Fr::ONE;
                data = encrypt_padded(&plaintext, &shared);
            }
            Kind::HugePacked => {
                let mut plaintext = padded(command, signature);
                plaintext[0] = -Fr::ONE;
                data = encrypt_padded(&plaintext, &shared);
            }
            _ => {}
        }
        Message {
            data,
            encryption_key,
            anchor: Fr::ZERO,
        }
    }
}

/// The largest weight for an option that a budget pays.
fn largest(mode: Mode, budget: u128) -> u64 {
    let pays = |weight: &i64| mode.cost(*weight) <= budget;
    let weight = (0..).take_while(pays).last();
    weight.expect("nothing costs nothing").unsigned_abs()
}

fn run(poll: &mut Poll, item: &Item, previous: Fr) -> Transition {
    match item {
        Item::Message(message) => poll.vote(message, previous),
        Item::TopUp(top_up) => poll.top_up(top_up, previous),
    }
    .expect("the items are linked")
}

fn change_signature(kind: Kind, signature: &mut Signature) {
    match kind {
        Kind::OffCurveR8 => signature.r8.x += Fr::ONE,
        Kind::LowOrderR8 => signature.r8 = torsion(),
        Kind::LargeS => {
            let mut order = little_endian(&(-Scalar::ONE));
            order[0] += 1;
            let order: Option<Fr> = Fr::from_repr(order.into()).into();
            signature.s += order.expect("ℓ < r");
        }
        Kind::HugeS => signature.s = -Fr::ONE,
        Kind::Forged => {
            let mut five = [0; 32];
            five[0] = 5;
            signature.r8 = Point::mul_base8(&five);
            signature.s = Fr::from(5);
        }
        _ => {}
    }
}

fn padded(command: &Command, signature: &Signature) -> [Fr; 9] {
    [
        command.pack(),
        command.new_public_key.x,
        command.new_public_key.y,
        command.salt,
        signature.r8.x,
        signature.r8.y,
        signature.s,
        Fr::ZERO,
        Fr::ZERO,
    ]
}

/// Poseidon encryption with a padding of the sender's choice, which `cipher::encrypt` does not
/// offer.
fn encrypt_padded(plaintext: &[Fr; 9], key: &Point) -> [Fr; 10] {
    let length = Fr::from(7) * Fr::from(2).pow_vartime([128]);
    let mut state = [Fr::ZERO, key.x, key.y, length];
    let mut data = [Fr::ZERO; 10];
    for (block, out) in plaintext.chunks(3).zip(data.chunks_mut(3)) {
        poseidon::permute(&mut state);
        for ((word, plain), cipher) in state[1..].iter_mut().zip(block).zip(out) {
            *word += plain;
            *cipher = *word;
        }
    }
    poseidon::permute(&mut state);
    data[9] = state[1];
    debug_assert!(cipher::decrypt(&data, key).tag_valid);
    data
}
