//! What an earlier process sent and did not see in a block: it comes first.

use std::time::{Duration, Instant};

use ethers_core::types::{Bytes as NodeBytes, TransactionReceipt};
use ethers_providers::Middleware;
use maci_nova_chain::alloy_primitives::B256;
use maci_nova_chain::{Notice, Receipt};

use crate::error::RpcError;
use crate::outbox::{Entry, Kept, Outbox};
use crate::send::{self, Draft, Sender, FIRST_LOOK, LATE_LOOKS, LONGEST_LOOK};
use crate::types::alloy_word;

/// The receipt of what is about to be sent, if an earlier process has sent just that and it had its
/// effect. Nothing is sent while it is not known what became of an earlier transaction.
pub async fn settle(
    sender: &Sender<'_>,
    draft: &Draft,
    wait: Duration,
) -> Result<Option<Receipt>, RpcError> {
    let Some(outbox) = &sender.outbox else {
        return Ok(None);
    };
    let Some(entry) = outbox.read()? else {
        return Ok(None);
    };
    let landed = match find(sender, &entry, outbox).await? {
        Some(landed) => Some(landed),
        None => send_again(sender, &entry, wait).await?,
    };
    let Some((kept, receipt)) = landed else {
        return Err(open(&entry, "an earlier command sent it, it is in no block yet and was handed to the node once more; the same command again looks for it first"));
    };
    let (to, value, calldata) = draft.parts();
    let succeeded = send::succeeded(&receipt);
    if succeeded && kept.is(to, value, calldata) {
        // It stays remembered until what came of it is written down.
        let created = draft.creates(entry.nonce);
        return send::read_receipt_of(receipt, created).map(Some);
    }
    outbox.clear()?;
    if !succeeded {
        return Ok(None);
    }
    match kept.is_like(to, calldata) {
        true => Err(RpcError::Earlier {
            hash: kept.hash,
            block: receipt.block_number.map_or(0, |number| number.as_u64()),
        }),
        false => Ok(None),
    }
}

/// The one that is in a block. A nonce that is used shows before the receipt does, where several
/// nodes answer.
async fn find<'a>(
    sender: &Sender<'_>,
    entry: &'a Entry,
    outbox: &Outbox,
) -> Result<Option<(&'a Kept, TransactionReceipt)>, RpcError> {
    for _ in 0..LATE_LOOKS {
        if let Some(landed) = look(sender, entry).await? {
            return Ok(Some(landed));
        }
        let used = send::used_nonces(sender.node, sender.account()).await?;
        if alloy_word(used) <= entry.nonce {
            return Ok(None);
        }
        sender
            .node
            .as_ref()
            .pause(sender.node.as_ref().late())
            .await?;
    }
    Err(open(entry, &format!(
        "its nonce {} is used, and this node shows no receipt of it: look it up with another node, and remove {} if it is in no block",
        entry.nonce,
        outbox.path().display()
    )))
}

async fn look<'a>(
    sender: &Sender<'_>,
    entry: &'a Entry,
) -> Result<Option<(&'a Kept, TransactionReceipt)>, RpcError> {
    for kept in &entry.transactions {
        if let Some(receipt) = send::receipt_of(sender.node, kept.hash).await? {
            return Ok(Some((kept, receipt)));
        }
    }
    Ok(None)
}

/// Hands the newest one to the node again, which may have lost it, and waits for any.
async fn send_again<'a>(
    sender: &Sender<'_>,
    entry: &'a Entry,
    wait: Duration,
) -> Result<Option<(&'a Kept, TransactionReceipt)>, RpcError> {
    let Some(last) = entry.transactions.last() else {
        return Ok(None);
    };
    let observer = sender.node.as_ref().observer();
    observer.note(&format!(
        "an earlier command sent transaction {} and did not see it in a block: it comes first",
        last.hash
    ));
    // Whatever it says: it has the transaction, or another one of the account is in its place.
    let signed = NodeBytes(last.signed.0.clone());
    if let Err(error) = sender.node.send_raw_transaction(signed).await {
        observer.note(&format!("the node answers: {error}"));
    }
    let started = Instant::now();
    let mut pause = FIRST_LOOK;
    loop {
        match look(sender, entry).await {
            Ok(Some(landed)) => return Ok(Some(landed)),
            Err(RpcError::Interrupted) => return Err(RpcError::Interrupted),
            Ok(None) | Err(_) => {}
        }
        let waited = started.elapsed();
        if waited >= wait {
            return Ok(None);
        }
        let hash = last.hash;
        observer.notice(&Notice::Pending { hash, waited });
        sender.node.as_ref().pause(pause.min(wait - waited)).await?;
        pause = pause.saturating_mul(2).min(LONGEST_LOOK);
    }
}

fn open(entry: &Entry, reason: &str) -> RpcError {
    let last = entry.transactions.last();
    RpcError::NoReceipt {
        hash: last.map_or(B256::ZERO, |kept| kept.hash),
        reason: reason.to_owned(),
    }
}
