// Transactions on their way, and what is remembered of them.
import { MaciError, Poll, waitForReceipt, walletSender, type Journal, type Transaction } from "@maci-nova/sdk";

import { refresh } from "./reading.ts";
import { changePending, connection, pending, poll } from "./state.ts";
import type { Pending, Purpose } from "./storage.ts";
import { inTheBackground, said, task } from "./tasks.ts";
import { texts } from "./texts.ts";

/** What sends, and what is remembered of it. */
export function sender(purpose: Purpose) {
  const connected = connection.value;
  const opened = poll.value;
  if (!connected || !opened) throw new MaciError("usage", texts.noWallet);
  if (connected.chainId !== opened.facts.chainId) throw new MaciError("usage", texts.otherChain(opened.facts.chainId));
  const isSame = (one: Pending, transaction: Transaction) =>
    one.transaction.data === transaction.data && one.transaction.to === transaction.to;
  const journal: Journal = {
    asking: (transaction) => {
      if (task.value) task.value = { ...task.value, step: texts.inWallet };
      const isToken = purpose === "topUp" && transaction.to.toLowerCase() !== opened.facts.poll.toLowerCase();
      const one = { purpose: isToken ? ("approve" as const) : purpose, transaction, at: Date.now() };
      return changePending((all) => [...all, one]);
    },
    sent: (transaction, hash) => {
      if (task.value) task.value = { ...task.value, step: texts.inBlock(hash) };
      return changePending((all) => all.map((one) => (isSame(one, transaction) ? { ...one, hash } : one)));
    },
    settled: (transaction) => changePending((all) => all.filter((one) => !isSame(one, transaction))),
  };
  return walletSender(connected.wallet.provider, connected.account, opened.facts.chainId, journal);
}

/** Those that are waited for. */
const waitedFor = new Set<string>();

/** Waits for what was on its way when the page was left, and says what came of it. */
export async function settle(): Promise<void> {
  const opened = poll.value;
  if (opened) await Promise.all(pending.value.map((one) => settleOne(opened, one)));
}

async function settleOne(opened: Poll, one: Pending): Promise<void> {
  const { hash } = one;
  if (!hash || waitedFor.has(hash)) return;
  waitedFor.add(hash);
  try {
    const receipt = await waitForReceipt(opened.provider, hash);
    if (receipt.status === "0x0") throw new MaciError("chain", texts.reverted(texts.pending.purposes[one.purpose]));
    said.value = texts.landed(texts.pending.purposes[one.purpose]);
  } finally {
    waitedFor.delete(hash);
    await changePending((all) => all.filter((other) => other.hash !== hash));
    if (!task.value) await refresh().catch(() => undefined);
  }
}

/** Forgets a request whose answer nobody knows: somebody has looked into their wallet. */
export const forgetPending = (one: Pending) =>
  inTheBackground(
    texts.tasks.settle,
    changePending((all) => all.filter((other) => other.at !== one.at || other.transaction.data !== one.transaction.data)),
  );
