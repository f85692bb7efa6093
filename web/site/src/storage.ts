// What this browser keeps, in IndexedDB: sealed keys, signed ballots, used tickets, transactions on
// their way, and the poll's files. Private keys are only here under a passphrase.
import type { Ballot, Joined, KnownRoot, RelayedBallot, SealedKey, Transaction } from "@maci-nova/sdk";
import { createStore, get, set, update } from "idb-keyval";

const store = createStore("maci-nova", "kept");

/** A key that is kept. */
export interface KeptKey {
  sealed: SealedKey;
  publicKey: string;
  /** Of the key that signs up: where it is among the sign-ups, by its own receipt. */
  signedUp?: KnownRoot;
  /** Of the key that signs up: the account that signed it up. */
  signedUpBy?: string;
  /** Of a key in a poll: whom it joined as. Anybody may join with the same key later. */
  joined?: Joined;
}

/** Keys of a voter at a MACI, under one passphrase. */
export interface KeyRing {
  /** The key that signs up. */
  identity?: KeptKey;
  /** The key in each poll, by the poll's address. */
  polls: Record<string, KeptKey>;
  /** Keys that ballots of a poll changed to. */
  later: Record<string, KeptKey[]>;
  /** Whether the keys were saved as files, or can be had again. */
  saved: boolean;
}

/** A ballot that was signed, and what is known of it. */
export interface KeptBallot {
  /** Without what it costs, and whose it is: this is not encrypted. */
  ballot: Pick<Ballot, "ballot" | "messages" | "count" | "signedAfter" | "publishUntil" | "missing">;
  /** When it was signed, in milliseconds since 1970. */
  signed: number;
  /** The relayer that it was handed to, or was about to be. */
  relayer?: string;
  taken?: RelayedBallot;
  /** Whether it is time to send it without the relayer. */
  late?: boolean;
  /** Whether all of it is in the poll, in order, as was last seen. */
  there: boolean;
  /** Whether the poll has it in another order, or in part and something else after it: it is of no use. */
  broken?: boolean;
  /** The last of its places in the poll: somebody may have sent it again. */
  last?: number;
}

/** What a transaction was for. */
export type Purpose = "signUp" | "join" | "publish" | "approve" | "topUp";

/** A transaction that the wallet was asked for. */
export interface Pending {
  purpose: Purpose;
  transaction: Transaction;
  /** Once it was sent. */
  hash?: `0x${string}`;
  at: number;
}

/** A poll's files, as they were opened. */
export interface KeptPoll {
  pollFile: string;
  joinKey?: Uint8Array<ArrayBuffer>;
  metadata?: Uint8Array<ArrayBuffer>;
}

const ringKey = (maci: string) => `ring:${maci}`;
const ballotsKey = (poll: string) => `ballots:${poll}`;
const pendingKey = (poll: string) => `pending:${poll}`;
const ticketsKey = (poll: string, account: string, day: number) => `tickets:${poll}:${account.toLowerCase()}:${day}`;

const random = () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

/** The poll that was opened last, with its files. */
export const lastPoll = {
  read: () => get<KeptPoll>("poll", store),
  write: (poll: KeptPoll) => set("poll", poll, store),
};

const noKeys = (): KeyRing => ({ polls: {}, later: {}, saved: true });

/** What belongs to one poll of a MACI, each `chain:address`. */
export function keptOf(poll: string, maci: string) {
  return {
    ring: async () => (await get<KeyRing>(ringKey(maci), store)) ?? noKeys(),
    changeRing: (change: (ring: KeyRing) => KeyRing) =>
      update<KeyRing>(ringKey(maci), (ring) => change(ring ?? noKeys()), store),
    ballots: async () => (await get<KeptBallot[]>(ballotsKey(poll), store)) ?? [],
    changeBallots: (change: (ballots: KeptBallot[]) => KeptBallot[]) =>
      update<KeptBallot[]>(ballotsKey(poll), (ballots) => change(ballots ?? []), store),
    pending: async () => (await get<Pending[]>(pendingKey(poll), store)) ?? [],
    changePending: (change: (pending: Pending[]) => Pending[]) =>
      update<Pending[]>(pendingKey(poll), (pending) => change(pending ?? []), store),
    tickets: {
      draw: async (account: string, day: number, slots: number) => {
        let drawn: number | null = null;
        await update<number[]>(
          ticketsKey(poll, account, day),
          (used = []) => {
            const left = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !used.includes(slot));
            drawn = left[Math.floor((random() / 2 ** 32) * left.length)] ?? null;
            return drawn === null ? used : [...used, drawn];
          },
          store,
        );
        return drawn;
      },
    },
  };
}

export type Kept = ReturnType<typeof keptOf>;
