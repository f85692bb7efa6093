// What is known of one poll and one voter: everything that the page shows is here.
import { MaciError, Poll, type Joined, type KeyHandle, type Metadata, type PollStatus, type VerifiedPoll, type Voter } from "@maci-nova/sdk";
import { batch, computed, signal } from "@preact/signals";

import type { Kept, KeptBallot, KeptKey, KeptPoll, KeyRing, Pending } from "./storage.ts";
import { texts } from "./texts.ts";
import type { Wallet } from "./wallets.ts";

/** A wallet that this page may ask. */
export interface Connection {
  wallet: Wallet;
  account: `0x${string}`;
  chainId: number;
}

/** The keys that are unlocked, by their numbers in the engine. */
export interface Unlocked {
  identity?: KeyHandle;
  poll?: KeyHandle;
  passphrase: string;
}

export const wallets = signal<Wallet[]>([]);

export const connection = signal<Connection | null>(null);

export const files = signal<KeptPoll | null>(null);

export const poll = signal<Poll | null>(null);

export const status = signal<PollStatus | null>(null);

export const metadata = signal<Metadata | null>(null);

export const ring = signal<KeyRing>({ polls: {}, later: {}, saved: true });

export const unlocked = signal<Unlocked | null>(null);

export const voter = signal<Voter | null>(null);

export const ballots = signal<KeptBallot[]>([]);

export const pending = signal<Pending[]>([]);

export const verified = signal<VerifiedPoll | null>(null);

export const nodeUrl = signal<string>("");

export const relayerUrl = signal<string>("");

/** The poll's place in what is kept. */
let kept: Kept | undefined;

/** From here on it is another poll's. */
export function keepIn(place: Kept): void {
  kept = place;
}

/** What keeps tickets, ballots and keys. */
export function keeper(): Kept {
  if (!kept) throw new MaciError("usage", texts.noPollChosen);
  return kept;
}

export const address = computed(() => poll.value?.facts.poll ?? "");

export const identityKey = computed<KeptKey | undefined>(() => ring.value.identity);

export const pollKey = computed<KeptKey | undefined>(() => ring.value.polls[address.value]);

export const isRightChain = computed(() => connection.value?.chainId === poll.value?.facts.chainId);

/** Whom the voter joined as: by their own join, or the only one there is. */
export const joined = computed<Joined | null>(() => {
  const own = pollKey.value?.joined;
  if (own) return own;
  const joins = voter.value?.joins ?? [];
  return joins.length === 1 ? (joins[0] ?? null) : null;
});

/** Whether a ballot can still get into the poll. */
export function isAlive({ ballot }: KeptBallot): boolean {
  const oldest = status.value?.window?.oldest;
  return ballot.signedAfter === null || oldest === undefined || ballot.signedAfter >= oldest;
}

/** A ballot that a relayer may have and the poll does not: sent after a newer one, it would undo that. */
export const held = (): KeptBallot | undefined =>
  ballots.value.find((kept) => kept.relayer !== undefined && !kept.there && !kept.broken && isAlive(kept));

/** Whether an older ballot was sent after the newest one, so that it counts in its place. */
export const isUndone = computed(() => {
  const there = ballots.value.filter(({ last }) => last !== undefined && last >= 0);
  const newest = there.reduce<KeptBallot | null>((one, other) => (one && one.signed > other.signed ? one : other), null);
  return newest !== null && there.some((one) => one !== newest && (one.last ?? -1) > (newest.last ?? -1));
});

/** What other tabs have changed. */
export async function reread(): Promise<void> {
  if (!kept) return;
  const [keys, signed, waiting] = await Promise.all([kept.ring(), kept.ballots(), kept.pending()]);
  batch(() => {
    ring.value = keys;
    ballots.value = signed;
    pending.value = waiting;
  });
}

export async function changeRing(change: (ring: KeyRing) => KeyRing): Promise<void> {
  await kept?.changeRing(change);
  ring.value = (await kept?.ring()) ?? ring.value;
}

export async function changeBallot(id: string, change: Partial<KeptBallot>): Promise<void> {
  await kept?.changeBallots((all) => all.map((one) => (one.ballot.ballot === id ? { ...one, ...change } : one)));
  ballots.value = (await kept?.ballots()) ?? [];
}

export async function changePending(change: (pending: Pending[]) => Pending[]): Promise<void> {
  await kept?.changePending(change);
  pending.value = (await kept?.pending()) ?? [];
}

export function opened(): Poll {
  if (!poll.value) throw new MaciError("usage", texts.noPollChosen);
  return poll.value;
}

export function handleOf(which: "identity" | "poll"): KeyHandle {
  const handle = unlocked.value?.[which];
  if (handle === undefined) throw new MaciError("usage", texts.locked);
  return handle;
}
