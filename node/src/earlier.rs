//! What an earlier process sent and did not see in a block: it comes first.

use std::time::{Duration, Instant};

use ethers_core::types::{Bytes as NodeBytes, TransactionReceipt};
use ethers_providers::Middleware;
use maci_nova_chain::alloy_primitives::B256;
use maci_nova_chain::{Notice, Receipt};

use crate::error::RpcError;
use crate::outbox::{Entry, Kept, Outbox};
use crate::send::{self, Draft, Hashed, Sender, FIRST_LOOK, LATE_LOOKS, LONGEST_LOOK};
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
        let pending = send::next_nonce(sender.node, sender.account()).await?;
        if alloy_word(pending) < entry.nonce {
            return Err(stuck(outbox, &format!(
                "it has a transaction with nonce {}, and the account's next one is {pending}: what was in between is gone, so it cannot get into a block; send something else from the account with that nonce, or remove the file",
                entry.nonce
            )));
        }
        return Err(open(&entry, &format!(
            "an earlier command signed it, it is in no block yet and was handed to the node once more; the same command again looks for it first ({} has it)",
            outbox.path().display()
        )));
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

/// Forgets what is in a block, unless another process sends, and removes the lock of one that was
/// killed.
pub async fn tidy(sender: &Sender<'_>) -> Result<(), RpcError> {
    let Some(outbox) = sender.outbox.as_ref().filter(|outbox| outbox.has_files()) else {
        return Ok(());
    };
    let Some(_lock) = outbox.lock()? else {
        return Ok(());
    };
    let Some(entry) = outbox.read()? else {
        return Ok(());
    };
    match send::landed(sender.node, &entry.transactions).await? {
        Some(_) => outbox.clear(),
        None => Ok(()),
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
        if let Some(landed) = send::landed(sender.node, &entry.transactions).await? {
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
    // Receipts may be behind, for as long as a node indexes them.
    Err(open(entry, &format!(
        "its nonce {} is used, and this node shows no receipt of it: look it up with another node, and remove {} if it is in no block",
        entry.nonce,
        outbox.path().display()
    )))
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
        if let Ok(Some(landed)) = send::landed(sender.node, &entry.transactions).await {
            return Ok(Some(landed));
        }
        let waited = started.elapsed();
        if waited >= wait {
            return Ok(None);
        }
        let hash = last.hash;
        observer.notice(&Notice::Pending { hash, waited });
        let transport = sender.node.as_ref();
        let paused = transport.pause(pause.min(wait - waited)).await;
        // It is with the node: whoever stops here has not sent nothing.
        paused.map_err(|_| RpcError::Left { hash })?;
        pause = pause.saturating_mul(2).min(LONGEST_LOOK);
    }
}

impl Hashed for Kept {
    fn hash(&self) -> B256 {
        self.hash
    }
}

/// Nothing ends this but a person.
fn stuck(outbox: &Outbox, reason: &str) -> RpcError {
    RpcError::Stuck {
        path: outbox.path().to_owned(),
        reason: reason.to_owned(),
    }
}

fn open(entry: &Entry, reason: &str) -> RpcError {
    let last = entry.transactions.last();
    RpcError::NoReceipt {
        hash: last.map_or(B256::ZERO, |kept| kept.hash),
        reason: reason.to_owned(),
    }
}
