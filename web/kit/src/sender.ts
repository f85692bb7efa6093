import { codeOf, MaciError, messageOf } from "./errors.js";
import type { Provider } from "./provider.js";

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
  send(transaction: Transaction, gas: bigint): Promise<Receipt>;
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

/** A sender behind a wallet. */
export function walletSender(provider: Provider, account: `0x${string}`, journal: Journal = {}): Sender {
  return {
    account,
    async send(transaction, gas) {
      await journal.asking?.(transaction);
      let hash: `0x${string}`;
      try {
        const request = { ...transaction, gas: `0x${gas.toString(16)}` };
        hash = (await provider.request({ method: "eth_sendTransaction", params: [request] })) as `0x${string}`;
      } catch (error) {
        await journal.settled?.(transaction);
        throw fromWallet(error);
      }
      await journal.sent?.(transaction, hash);
      const receipt = await waitForReceipt(provider, hash);
      await journal.settled?.(transaction);
      return receipt;
    },
  };
}

/** A wallet's error as one of the kit's; nothing was sent. */
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
export async function waitForReceipt(provider: Provider, hash: `0x${string}`): Promise<Receipt> {
  const { createPublicClient, custom } = await import("viem");
  const client = createPublicClient({
    transport: custom({ request: (request: { method: string; params?: unknown }) => provider.request(request) }),
    pollingInterval: LOOK,
  });
  let reason: string | undefined;
  const found = await client
    .waitForTransactionReceipt({
      hash,
      timeout: 0,
      retryCount: Number.MAX_SAFE_INTEGER,
      onReplaced: (replacement) => (reason = replacement.reason),
    })
    .catch((error: unknown) => {
      throw new MaciError("later", `nothing is known of transaction ${hash}: ${messageOf(error)}`);
    });
  if (reason === "cancelled" || reason === "replaced") {
    throw new MaciError("chain", `transaction ${hash} was replaced in your wallet by another one, and did nothing`);
  }
  const receipt = await provider.request({ method: "eth_getTransactionReceipt", params: [found.transactionHash] });
  return receipt as Receipt;
}
