/**
 * Private, collusion-resistant voting whose count is proven: what a page or a wallet needs.
 *
 * @packageDocumentation
 */
export { loadEngine, type Engine, type KeyHandle, type Saying } from "./engine.js";
export { engineInWorker } from "./in-worker.js";
export { MaciError, type ErrorKind, type Hint } from "./errors.js";
export { httpProvider, type Provider, type Reading } from "./provider.js";
export { fromWallet as fromWalletError, waitForReceipt, walletSender, type Journal, type Receipt, type Sender, type Transaction } from "./sender.js";
export { type RunOptions } from "./run.js";
export { Poll, type BallotRequest, type JoinRequest } from "./poll.js";
export { Relayer, type RelayDocument, type RelayedBallot, type TicketBook } from "./relay.js";
export { costOf, costOfBallot } from "./cost.js";
export { deriveKey, keyText, type KeyUse } from "./derive.js";
export { type SealedKey } from "./seal.js";
export type * from "./types.js";
