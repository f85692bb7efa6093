import { codeOf, MaciError, messageOf } from "./errors.js";
import { ask, pause, stopIfAsked, type Provider } from "./provider.js";

/** A transaction that has to be sent. */
export interface Transaction {
  from: `0x${string}`;
  to: `0x${string}`;
  /** Selector and arguments, in hexadecimal. */
  data: `0x${string}`;
  /** Wei, in hexadecimal. */
  value: `0x${string}`;
}

/** A receipt as a node gives it. */
export type Receipt = Record<string, unknown>;

/** What sends transactions of an account. */
export interface Sender {
  /** The account. */
  account: `0x${string}`;
  /** Has a transaction signed and sent, and waits until it is in a block. */
  send(transaction: Transaction, gas: bigint, signal?: AbortSignal): Promise<Receipt>;
}

/** Told of a transaction on its way, so that it can be found again after a reload. */
export interface Journal {
  /** The wallet is about to be asked. */
  asking?(transaction: Transaction): void | Promise<void>;
  /** It was sent. */
  sent?(transaction: Transaction, hash: `0x${string}`): void | Promise<void>;
  /** It is in a block, or was not sent. */
  settled?(transaction: Transaction): void | Promise<void>;
}

/** What wallets answer to somebody who says no (EIP-1193), and to a second request while one waits. */
const DECLINED = 4001;
const PENDING = -32002;

/** Between two looks for a receipt, in milliseconds. */
const LOOK = 1_000;

/**
 * A sender behind a wallet.
 *
 * @param chainId The poll's chain, `poll.facts.chainId`: a wallet that is on another one by the time of sending is
 *   not asked.
 */
export function walletSender(
  provider: Provider,
  account: `0x${string}`,
  chainId: number,
  journal: Journal = {},
): Sender {
  return {
    account,
    async send(transaction, gas, signal) {
      await requireChain(provider, chainId);
      stopIfAsked(signal);
      await journal.asking?.(transaction);
      const hash = await askWallet(provider, transaction, gas, chainId).catch(async (error: unknown) => {
        // Of anything else nobody knows whether it was sent.
        if (isRefusal(error)) await journal.settled?.(transaction);
        throw fromWallet(error);
      });
      await journal.sent?.(transaction, hash);
      try {
        const receipt = await waitForReceipt(provider, hash, signal);
        await journal.settled?.(transaction);
        return receipt;
      } catch (error) {
        if (error instanceof MaciError && error.kind === "chain") await journal.settled?.(transaction);
        throw error;
      }
    },
  };
}

async function askWallet(provider: Provider, transaction: Transaction, gas: bigint, chainId: number) {
  const request = { ...transaction, gas: `0x${gas.toString(16)}`, chainId: `0x${chainId.toString(16)}` };
  return (await provider.request({ method: "eth_sendTransaction", params: [request] })) as `0x${string}`;
}

async function requireChain(provider: Provider, chainId: number): Promise<void> {
  const answer = await ask(provider, "eth_chainId", []);
  const found = "result" in answer ? Number(answer.result) : Number.NaN;
  if (found !== chainId) {
    throw new MaciError("usage", `the wallet is on chain ${found}, and the poll on chain ${chainId}: change it there`);
  }
}

/** Whether a wallet's error says that nothing was sent. */
const isRefusal = (error: unknown) => [DECLINED, PENDING].includes(codeOf(error) ?? 0);

/** A wallet's error as one of the kit's: `declined` where nothing was sent for certain. */
export function fromWallet(error: unknown): MaciError {
  switch (codeOf(error)) {
    case DECLINED:
      return new MaciError("declined", "you said no in your wallet, and nothing was sent");
    case PENDING:
      return new MaciError("later", "your wallet waits for an answer to an earlier request: open it");
    default:
      return new MaciError("chain", `the wallet refuses: ${messageOf(error)}`);
  }
}

/**
 * Waits until a transaction is in a block. One that its account has replaced, by one with the same
 * nonce, is waited for in its place if it does the same; if it does something else, or nothing, this is
 * an error of the kind `chain`.
 */
export async function waitForReceipt(
  provider: Provider,
  hash: `0x${string}`,
  signal?: AbortSignal,
): Promise<Receipt> {
  const { createPublicClient, custom } = await import("viem");
  const client = createPublicClient({
    transport: custom({ request: (request: { method: string; params?: unknown }) => provider.request(request) }),
    pollingInterval: LOOK,
  });
  let reason: string | undefined;
  const waiting = client
    .waitForTransactionReceipt({
      hash,
      timeout: 0,
      retryCount: Number.MAX_SAFE_INTEGER,
      retryDelay: LOOK,
      onReplaced: (replacement) => (reason = replacement.reason),
    })
    .catch((error: unknown) => {
      throw new MaciError("later", `nothing is known of transaction ${hash}: ${messageOf(error)}`);
    });
  const found = await Promise.race([waiting, stopped(signal)]);
  if (reason === "cancelled" || reason === "replaced") {
    throw new MaciError("chain", `transaction ${hash} was replaced in your wallet by another one, and did nothing`);
  }
  return receiptOf(provider, found.transactionHash, signal);
}

/** Of a transaction that is in a block; a node that lags is asked again. */
async function receiptOf(provider: Provider, hash: `0x${string}`, signal?: AbortSignal): Promise<Receipt> {
  for (;;) {
    const answer = await ask(provider, "eth_getTransactionReceipt", [hash], signal);
    if ("result" in answer && answer.result !== null) return answer.result as Receipt;
    await pause(LOOK, signal);
  }
}

/** Fails when somebody asks to stop, and never ends otherwise. */
function stopped(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new MaciError("interrupted", "stopped; the transaction may be in a block, or get into one"));
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
  });
}
