use maci_nova_groth16::Trapdoors;
use maci_nova_protocol::babyjub::Point;
use maci_nova_protocol::membership::{Address, Nullifier};
use maci_nova_protocol::message::Message;
use maci_nova_protocol::relay::DAY;

use super::*;
use crate::testing::{key, World};
use crate::voter::{self, sign_ups::SignUps};

const RELAYER: Relayer = Relayer {
    chain_id: 1,
    account: Address([1; 20]),
    poll: Address([2; 20]),
};

fn ballot(seed: u64) -> BallotDigest {
    let message = Message {
        data: [Fr::from(seed); 10],
        encryption_key: Point::base8(),
        anchor: Fr::from(5),
    };
    BallotDigest::of([&message])
}

/// Three have signed up.
fn sign_ups() -> SignUps {
    let mut world = World::new();
    let (account, maci) = (world.account(0), world.file.contracts.maci);
    for seed in 1..=3 {
        let (chain, key) = (&mut world.evm, key(seed).public_key());
        voter::sign_up(chain, account, maci, &key, Default::default()).expect("signed up");
    }
    SignUps::read(&world.evm, maci, &()).expect("read")
}

#[test]
fn a_ticket_is_one_for_its_ballot() {
    let prover = Prover::setup(Trapdoors::insecure_development()).expect("keys");
    let verifying = prover.verifying_key();
    let sign_ups = sign_ups();
    let slot = Slot {
        day: 1_800_000_000 / DAY,
        number: 3,
    };
    let make =
        |seed, slot| Ticket::make(&prover, &key(seed), &sign_ups, &RELAYER, slot, &ballot(1));
    let ticket = make(2, slot).expect("a ticket");
    assert_eq!(ticket.root_index, 2);
    assert_eq!(Ticket::parse(&ticket.print()).as_ref(), Ok(&ticket));

    // It is one for nothing else.
    let accepts = |ticket: &Ticket, relayer: &Relayer, ballot: &BallotDigest| {
        ticket.verify(&verifying, relayer, ballot).is_ok()
    };
    assert!(accepts(&ticket, &RELAYER, &ballot(1)));
    assert!(!accepts(&ticket, &RELAYER, &ballot(2)));
    for relayer in [
        Relayer {
            chain_id: 2,
            ..RELAYER
        },
        Relayer {
            account: Address([3; 20]),
            ..RELAYER
        },
        Relayer {
            poll: Address([3; 20]),
            ..RELAYER
        },
    ] {
        assert!(!accepts(&ticket, &relayer, &ballot(1)), "{relayer:?}");
    }
    let forge = |change: fn(&mut Ticket)| {
        let mut forged = ticket.clone();
        change(&mut forged);
        accepts(&forged, &RELAYER, &ballot(1))
    };
    assert!(!forge(|ticket| ticket.slot.day += 1));
    assert!(!forge(|ticket| ticket.slot.number += 1));
    assert!(!forge(|ticket| ticket.nullifier.0 += Fr::from(1)));
    assert!(!forge(|ticket| ticket.root += Fr::from(1)));

    // The same again has the same nullifier, another slot or voter another.
    let nullifier = |seed, slot| make(seed, slot).expect("a ticket").nullifier;
    assert_eq!(nullifier(2, slot), ticket.nullifier);
    assert_ne!(nullifier(1, slot), ticket.nullifier);
    assert_ne!(nullifier(2, Slot { number: 4, ..slot }), ticket.nullifier);

    // Who has not signed up has none.
    assert!(matches!(make(9, slot), Err(Error::OnChain(_))));
}

#[test]
fn what_is_no_ticket() {
    let ticket = Ticket {
        slot: Slot { day: 1, number: 2 },
        root_index: 3,
        root: Fr::from(4),
        nullifier: Nullifier(Fr::from(5)),
        proof: JoinProof::from_bytes(&[0; JoinProof::BYTES]).expect("points at infinity"),
    };
    let good = ticket.print();
    assert_eq!(Ticket::parse(&good), Ok(ticket));
    let order = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
    let root = format!("\"{}\"", B256::with_last_byte(4));
    for (old, new, wrong) in [
        ("ticket", "message", TicketError::Form),
        ("\"slot\":2", "\"slot\":16", TicketError::Slot),
        ("\"slot\":2", "\"slot\":300", TicketError::Form),
        ("\"day\":1", "\"day\":-1", TicketError::Form),
        ("\"day\":1,", "", TicketError::Form),
        ("\"day\":1", "\"day\":1,\"more\":1", TicketError::Form),
        (&root, &format!("\"{order}\""), TicketError::NotCanonical),
        ("\"proof\":\"0x00", "\"proof\":\"0x0", TicketError::Form),
        (
            "\"proof\":\"0x00",
            "\"proof\":\"0x",
            TicketError::Proof(JoinError::Length(255)),
        ),
        (
            "\"proof\":\"0x00",
            "\"proof\":\"0xff",
            TicketError::Proof(JoinError::NotCanonical(0)),
        ),
    ] {
        let line = good.replacen(old, new, 1);
        assert_ne!(line, good, "{old}");
        assert_eq!(Ticket::parse(&line), Err(wrong), "{line}");
    }
}
