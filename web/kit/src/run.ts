import type { Engine } from "./engine.js";
import { MaciError, type ErrorKind, type Hint } from "./errors.js";
import { ask, askLogs, stopIfAsked, type Answer, type Provider, type Reading } from "./provider.js";
import type { Receipt, Sender, Transaction } from "./sender.js";

/** How an operation is run. */
export interface RunOptions {
  /** Sends transactions; reading needs none. */
  sender?: Sender | undefined;
  /** Transactions of this operation that were sent before, with their receipts. */
  earlier?: { transaction: Transaction; receipt: Receipt }[] | undefined;
  /** Told how far logs have been read. */
  onReading?: ((reading: Reading) => void) | undefined;
  /** Asks to stop, between two questions to the node. */
  signal?: AbortSignal | undefined;
}

/** More gas than a node estimates, in percent: what a transaction does may cost more when it is in a block. */
const GAS_PERCENT = 125n;

type Outcome =
  | { outcome: "read"; method: string; params: unknown }
  | { outcome: "send"; transaction: Transaction }
  | { outcome: "done"; value: unknown }
  | { outcome: "failed"; error: { kind: ErrorKind; message: string; hint?: Hint } };

/**
 * Runs an operation: the engine says what it lacks, which is asked for or sent, until it is done.
 */
export async function run<T>(
  engine: Engine,
  provider: Provider,
  operation: object,
  { sender, earlier = [], onReading, signal }: RunOptions = {},
): Promise<T> {
  const handle = await engine.begin(JSON.stringify(operation), sender?.account);
  try {
    for (const { transaction, receipt } of earlier) {
      await engine.sent(handle, JSON.stringify(transaction), JSON.stringify(receipt));
    }
    for (;;) {
      stopIfAsked(signal);
      const outcome = JSON.parse(await engine.run(handle)) as Outcome;
      switch (outcome.outcome) {
        case "done":
          return outcome.value as T;
        case "failed":
          throw new MaciError(outcome.error.kind, outcome.error.message, outcome.error.hint);
        case "read": {
          const { method, params } = outcome;
          const answer = await (method === "eth_getLogs"
            ? askLogs(provider, params as [never], onReading, signal)
            : ask(provider, method, params, signal));
          await engine.answer(handle, JSON.stringify(answer));
          break;
        }
        case "send":
          await engine.answer(handle, JSON.stringify(await send(provider, sender, outcome.transaction, signal)));
      }
    }
  } finally {
    await engine.end(handle).catch(() => undefined);
  }
}

/** What a contract would refuse is not sent: its refusal is the answer. */
async function send(
  provider: Provider,
  sender: Sender | undefined,
  transaction: Transaction,
  signal?: AbortSignal,
): Promise<Answer> {
  if (!sender) throw new MaciError("usage", "there is no account to send from: connect a wallet");
  const estimate = await ask(provider, "eth_estimateGas", [transaction], signal);
  if ("error" in estimate) return estimate;
  if (typeof estimate.result !== "string" || !/^0x[0-9a-f]{1,16}$/i.test(estimate.result)) {
    throw new MaciError("later", "the node's estimate of gas is none: use another node", "other-node");
  }
  const gas = (BigInt(estimate.result) * GAS_PERCENT) / 100n;
  return { result: await sender.send(transaction, gas, signal) };
}
