// What a voter does with one poll, and what is known of it: everything that the page shows is here.
import {
  deriveKey,
  fromWalletError,
  httpProvider,
  MaciError,
  Poll,
  Relayer,
  waitForReceipt,
  walletSender,
  type Choice,
  type Joined,
  type Journal,
  type KeyHandle,
  type KnownRoot,
  type Metadata,
  type PollStatus,
  type Provider,
  type Reading,
  type Transaction,
  type VerifiedPoll,
  type Voter,
} from "@maci-nova/sdk";
import { batch, computed, signal } from "@preact/signals";

import { engine } from "./engine.ts";
import { fetchFile, sibling } from "./files.ts";
import { keptOf, lastPoll, type Kept, type KeptBallot, type KeptKey, type KeptPoll, type KeyRing, type Pending, type Purpose } from "./storage.ts";
import { texts } from "./texts.ts";
import { accountsOf, chainOf, discover, switchTo, type Wallet } from "./wallets.ts";

/** Something that goes on. */
export interface Task {
  name: string;
  /** Asks it to stop. */
  stop: AbortController;
  /** When it began, in milliseconds since 1970. */
  since: number;
  /** What it is at. */
  step: string;
  reading?: Reading;
}

/** An error, and what it came of. */
export interface Problem {
  task: string;
  error: MaciError;
}

/** A wallet that this page may ask. */
export interface Connection {
  wallet: Wallet;
  account: `0x${string}`;
  chainId: number;
}

/** The keys that are unlocked, by their numbers in the engine. */
interface Unlocked {
  identity?: KeyHandle;
  poll?: KeyHandle;
  passphrase: string;
}

/** Between two looks at the poll, in milliseconds. */
const LOOK = 12_000;

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
export const task = signal<Task | null>(null);
export const problem = signal<Problem | null>(null);
export const said = signal("");
/** What the engine warns of, of what was done last. */
export const warnings = signal<string[]>([]);
export const nodeUrl = signal<string>("");
export const relayerUrl = signal<string>("");

/** The poll's place in what is kept. */
let kept: Kept | undefined;

const address = computed(() => poll.value?.facts.poll ?? "");
export const identityKey = computed<KeptKey | undefined>(() => ring.value.identity);
export const pollKey = computed<KeptKey | undefined>(() => ring.value.polls[address.value]);
export const isRightChain = computed(() => connection.value?.chainId === poll.value?.facts.chainId);

/** Whether anything can be done now that changes something. */
export const isFree = computed(() => task.value === null);

/** Runs what a button does: one thing at a time, its end said, its error shown; it can be stopped. */
export async function perform(name: string, act: (at: (step: string) => void) => Promise<string | void>): Promise<void> {
  if (task.value) return;
  const mine: Task = { name, stop: new AbortController(), since: Date.now(), step: "" };
  const at = (step: string) => {
    if (task.value?.stop === mine.stop) task.value = { ...mine, step };
  };
  batch(() => {
    problem.value = null;
    said.value = "";
    warnings.value = [];
    task.value = mine;
  });
  try {
    said.value = (await Promise.race([act(at), stopped(mine.stop.signal)])) ?? "";
  } catch (error) {
    problem.value = { task: name, error: asProblem(error) };
  } finally {
    task.value = null;
  }
}

/** What goes on without a button, whose error is shown where nothing else is. */
export function inTheBackground(what: string, going: Promise<unknown>): void {
  going.catch((error: unknown) => {
    problem.value ??= { task: what, error: asProblem(error) };
  });
}

/** Fails when somebody asks to stop. What waits for a wallet ends here, whatever the wallet does later. */
function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new MaciError("interrupted", texts.stopped)));
  });
}

/** Of an operation on the poll. */
const running = () => ({ onReading, signal: task.value?.stop.signal });

function asProblem(error: unknown): MaciError {
  if (error instanceof MaciError) return error;
  return new MaciError("internal", error instanceof Error ? error.message : String(error));
}

const onReading = (reading: Reading) => {
  // What is read at once is not worth a word.
  if (task.value && reading.done < reading.total) task.value = { ...task.value, reading };
};

/** What the address of the page asks for. */
export function asked() {
  const parameters = new URLSearchParams(location.search);
  return {
    poll: parameters.get("poll"),
    joinKey: parameters.get("key"),
    metadata: parameters.get("about"),
    node: parameters.get("node"),
    relayer: parameters.get("relayer"),
  };
}

/** Begins: finds wallets, and opens the poll that the address names, or that was open before. */
export async function begin(): Promise<void> {
  discover((wallet) => {
    if (wallets.value.some(({ id }) => id === wallet.id)) return;
    wallets.value = [...wallets.value, wallet];
    inTheBackground(texts.tasks.connect, reconnect(wallet));
  });
  (await engine()).listen((saying) => {
    if (saying.kind === "stage" && task.value) task.value = { ...task.value, step: texts.stage(saying.text) };
    // An operation that runs again says it again.
    if (saying.kind === "warning" && !warnings.value.includes(saying.text)) {
      warnings.value = [...warnings.value, saying.text];
    }
  });
  const { poll: named, node, relayer } = asked();
  if (node) nodeUrl.value = new URL(node, location.href).href;
  if (relayer) relayerUrl.value = relayer;
  const opened = named ? () => fetchFiles(named) : () => lastPoll.read();
  await perform(texts.tasks.open, async () => {
    const read = await opened();
    if (read) await open(read);
  });
  setInterval(() => void look(), LOOK);
}

/** The files of a poll: beside the poll file, unless the page's address names others. */
async function fetchFiles(named: string): Promise<KeptPoll> {
  const url = new URL(named, location.href);
  const bytes = await fetchFile(url);
  if (!bytes) throw new MaciError("input", texts.noPollFile(url.href));
  const { metadata: about } = asked();
  const files: KeptPoll = { pollFile: new TextDecoder().decode(bytes) };
  if (parsed(files.pollFile).metadata) {
    const described = await fetchFile(about ? new URL(about, location.href) : sibling(url, ".metadata.json"));
    if (described) files.metadata = described;
  }
  return files;
}

/** Opens files that somebody chose: another poll's, or what the poll lacks. */
export const openFiles = (chosen: File[]) =>
  perform(texts.tasks.open, async () => {
    const read = await Promise.all(
      chosen.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const keyFile = read.find(({ name }) => name.endsWith(".key"));
    const documents = read.filter((file) => file !== keyFile);
    const about = documents.find(({ bytes }) => /"title"\s*:/.test(text(bytes)));
    const named = documents.find((file) => file !== about);
    // Of another poll nothing is kept.
    const next: KeptPoll = named ? { pollFile: text(named.bytes) } : { ...(files.value ?? { pollFile: "" }) };
    if (keyFile) next.joinKey = keyFile.bytes;
    if (about) next.metadata = about.bytes;
    if (!next.pollFile) throw new MaciError("input", texts.noPollChosen);
    await open(next);
  });

/** The node or the wallet that the chain is read through. */
function reader(chainId: number | undefined, fallback: string | null | undefined): Provider | null {
  if (nodeUrl.value) return httpProvider(nodeUrl.value);
  const connected = connection.value;
  if (connected && (chainId === undefined || connected.chainId === chainId)) return connected.wallet.provider;
  return fallback ? httpProvider(fallback) : null;
}

async function open(read: KeptPoll): Promise<void> {
  const said = parsed(read.pollFile);
  files.value = read;
  const provider = reader(said.chainId, said.rpcUrl);
  if (!provider) {
    poll.value = null;
    throw new MaciError("usage", texts.noNode(said.chainId));
  }
  const opened = await Poll.open(await engine(), provider, read.pollFile, running());
  // A ballot for options that nobody knows is not filled in.
  const about = await metadataOf(opened, read);
  const { chainId, poll: at, maci } = opened.facts;
  const place = keptOf(`${chainId}:${at}`, `${chainId}:${maci}`);
  const [keys, signed, waiting] = await Promise.all([place.ring(), place.ballots(), place.pending()]);
  const isAnother = poll.value?.facts.poll !== at;
  if (isAnother) await forgetHandles();
  kept = place;
  batch(() => {
    poll.value = opened;
    metadata.value = about;
    ring.value = keys;
    ballots.value = signed;
    pending.value = waiting;
    verified.value = null;
    if (isAnother) {
      status.value = null;
      voter.value = null;
    }
  });
  await lastPoll.write(read);
  await refresh();
  inTheBackground(texts.tasks.settle, settle());
}

/** Erases keys that are unlocked in the engine. */
async function forgetHandles(): Promise<void> {
  const keys = unlocked.value;
  unlocked.value = null;
  const machine = await engine();
  for (const handle of [keys?.identity, keys?.poll]) if (handle !== undefined) await machine.forgetKey(handle);
}

/** What is needed of a poll file before it is read by the engine. */
interface Said {
  chainId?: number;
  rpcUrl?: string;
  metadata?: string;
}

function parsed(text: string): Said {
  try {
    return JSON.parse(text) as Said;
  } catch {
    throw new MaciError("input", texts.notPollFile);
  }
}

/** A description that is not the one that the poll file names is not shown. */
async function metadataOf(opened: Poll, read: KeptPoll): Promise<Metadata | null> {
  if (!opened.facts.metadata) return null;
  if (!read.metadata) throw new MaciError("input", texts.noMetadata);
  return opened.metadata(read.metadata);
}

/** Looks again, where nothing else goes on and somebody sees it. */
async function look(): Promise<void> {
  if (!poll.value || task.value || document.visibilityState === "hidden") return;
  // What does not answer now may the next time.
  await lookAt(poll.value).catch(() => undefined);
}

/** Where the poll is now, and where ballots are if something was sent since. */
async function lookAt(opened: Poll): Promise<void> {
  await reread();
  const now = await opened.status();
  if (now.messages !== status.value?.messages || ballots.value.some(({ there }) => !there)) await placeBallots(opened);
  status.value = now;
  await watchRelayed(opened);
}

/** What other tabs have changed. */
async function reread(): Promise<void> {
  if (!kept) return;
  const [keys, signed, waiting] = await Promise.all([kept.ring(), kept.ballots(), kept.pending()]);
  batch(() => {
    ring.value = keys;
    ballots.value = signed;
    pending.value = waiting;
  });
}

/** Where the poll is, where the voter is, where ballots are: everything is read again. */
export async function refresh(): Promise<void> {
  const opened = poll.value;
  if (!opened) return;
  status.value = await opened.status(running());
  const keys = unlocked.value;
  if (keys?.identity !== undefined || keys?.poll !== undefined) {
    voter.value = await opened.voter({ key: keys.identity, pollKey: keys.poll }, running());
  }
  await placeBallots(opened);
}

/** Whom the voter joined as: by their own join, or the only one there is. */
export const joined = computed<Joined | null>(() => {
  const own = pollKey.value?.joined;
  if (own) return own;
  const joins = voter.value?.joins ?? [];
  return joins.length === 1 ? (joins[0] ?? null) : null;
});

/** A voter who says which of several they are. */
export const joinedAs = (one: Joined) => inTheBackground(texts.tasks.join, keepJoined(one));

async function keepJoined({ stateIndex, credits }: Joined): Promise<void> {
  const at = address.value;
  await changeRing((ring) => {
    const key = ring.polls[at];
    return key ? { ...ring, polls: { ...ring.polls, [at]: { ...key, joined: { stateIndex, credits } } } } : ring;
  });
}

/** All that were signed here: one that is in the poll may be there again, or no longer. */
async function placeBallots(opened: Poll): Promise<void> {
  for (const { ballot, there, last } of ballots.value) {
    const { complete, inOrder, places } = await opened.placement(ballot);
    const all = places.flat();
    const now = {
      there: complete && inOrder,
      broken: all.length > 0 && !(complete && inOrder) && isBroken(places),
      last: all.length > 0 ? Math.max(...all) : -1,
    };
    if (now.there !== there || now.last !== last || now.broken) await changeBallot(ballot.ballot, now);
  }
}

/** Whether what is missing cannot follow what is there. */
function isBroken(places: number[][]): boolean {
  const firstMissing = places.findIndex((at) => at.length === 0);
  const begun = firstMissing < 0 ? places : places.slice(0, firstMissing);
  const rest = firstMissing < 0 ? [] : places.slice(firstMissing);
  const inOrder = begun.every((at, i) => i === 0 || Math.max(...at) > Math.min(...(begun[i - 1] ?? [])));
  return !inOrder || rest.some((at) => at.length > 0);
}

/** What became of ballots that a relayer has, where nobody waits for them any more. */
async function watchRelayed(opened: Poll): Promise<void> {
  for (const one of ballots.value) {
    const { ballot, relayer: url, there } = one;
    if (!url || there || !isAlive(one)) continue;
    const by = await Relayer.open(url, opened).catch(() => null);
    const taken = (await by?.state(ballot.ballot).catch(() => null)) ?? undefined;
    const { late } = await opened.run<{ late: boolean }>("relayed", { messages: ballot.messages });
    await changeBallot(ballot.ballot, taken ? { taken, late } : { late });
  }
}

/** Whether an older ballot was sent after the newest one, so that it counts in its place. */
export const isUndone = computed(() => {
  const there = ballots.value.filter(({ last }) => last !== undefined && last >= 0);
  const newest = there.reduce<KeptBallot | null>((one, other) => (one && one.signed > other.signed ? one : other), null);
  return newest !== null && there.some((one) => one !== newest && (one.last ?? -1) > (newest.last ?? -1));
});

async function changeRing(change: (ring: KeyRing) => KeyRing): Promise<void> {
  await kept?.changeRing(change);
  ring.value = (await kept?.ring()) ?? ring.value;
}

async function changeBallot(id: string, change: Partial<KeptBallot>): Promise<void> {
  await kept?.changeBallots((all) => all.map((one) => (one.ballot.ballot === id ? { ...one, ...change } : one)));
  ballots.value = (await kept?.ballots()) ?? [];
}

async function changePending(change: (pending: Pending[]) => Pending[]): Promise<void> {
  await kept?.changePending(change);
  pending.value = (await kept?.pending()) ?? [];
}

// Wallets

/** A wallet that has let this page see its accounts before does so again. */
async function reconnect(wallet: Wallet): Promise<void> {
  const [account] = await accountsOf(wallet.provider, false).catch(() => []);
  if (!account || connection.value) return;
  await useAccount(wallet, account);
  await reopen();
}

/** Wallets whose changes are heard. */
const heard = new Set<string>();

async function useAccount(wallet: Wallet, account: `0x${string}`): Promise<void> {
  connection.value = { wallet, account, chainId: await chainOf(wallet.provider) };
  if (!heard.has(wallet.id)) {
    heard.add(wallet.id);
    // Of the wallet that is used, and no other.
    const mine = () => (connection.value?.wallet.id === wallet.id ? connection.value : null);
    wallet.provider.on?.("accountsChanged", (value) => {
      const [first] = value as `0x${string}`[];
      const known = mine();
      if (known) connection.value = first ? { ...known, account: first } : null;
    });
    wallet.provider.on?.("chainChanged", (value) => {
      const known = mine();
      if (!known) return;
      connection.value = { ...known, chainId: Number(value) };
      inTheBackground(texts.tasks.open, reopen());
    });
  }
}

/** The same files, read through what is there now. */
async function reopen(): Promise<void> {
  const read = files.value;
  if (!read) return;
  if (poll.value) {
    const provider = reader(poll.value.facts.chainId, poll.value.facts.rpcUrl);
    if (provider) poll.value = poll.value.through(provider);
    return;
  }
  if (!task.value) await perform(texts.tasks.open, () => open(read));
}

/** The same within a task. */
async function reopenNow(): Promise<void> {
  if (poll.value) await reopen();
  else if (files.value) await open(files.value);
}

export const connect = (wallet: Wallet) =>
  perform(texts.tasks.connect, async () => {
    const accounts = await accountsOf(wallet.provider, true).catch((error: unknown) => {
      throw fromWalletError(error);
    });
    const [account] = accounts;
    if (!account) throw new MaciError("usage", texts.noAccount);
    await useAccount(wallet, account);
    await reopenNow();
  });

export const changeChain = () =>
  perform(texts.tasks.chain, async () => {
    const connected = connection.value;
    const chainId = poll.value?.facts.chainId ?? parsed(files.value?.pollFile ?? "{}").chainId;
    if (!connected || chainId === undefined) return;
    await switchTo(connected.wallet.provider, chainId).catch((error: unknown) => {
      throw fromWalletError(error);
    });
    connection.value = { ...connected, chainId: await chainOf(connected.wallet.provider) };
    await reopenNow();
  });

/** Reads the chain through a node of the voter's choice; none is their wallet's, or the poll file's. */
export const useNode = (url: string) =>
  perform(texts.tasks.node, async () => {
    nodeUrl.value = url.trim();
    const read = files.value;
    if (read) await open(read);
  });

/** What sends, and what is remembered of it. */
function sender(purpose: Purpose) {
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
async function settle(): Promise<void> {
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

// Keys

async function keep(handle: KeyHandle, passphrase: string): Promise<KeptKey> {
  const machine = await engine();
  const [sealed, publicKey] = await Promise.all([machine.sealKey(handle, passphrase), machine.publicKey(handle)]);
  return { sealed, publicKey };
}

/** How a key is made. */
export type Origin = { kind: "random" } | { kind: "wallet" } | { kind: "file"; text: string };

async function makeKey(origin: Origin, use: "identity" | "poll"): Promise<KeyHandle> {
  const machine = await engine();
  const opened = poll.value;
  const connected = connection.value;
  switch (origin.kind) {
    case "random":
      return machine.randomKey();
    case "file":
      return machine.importKey(origin.text);
    case "wallet": {
      if (!connected || !opened) throw new MaciError("usage", texts.noWallet);
      const { chainId, maci, poll: at } = opened.facts;
      const purpose = use === "identity" ? { signUpAt: maci } : { pollAt: at };
      return deriveKey(machine, connected.wallet.provider, connected.account, chainId, purpose);
    }
  }
}

/** Makes both keys, and keeps them under a passphrase. */
export const makeKeys = (origins: { identity: Origin; poll: Origin }, passphrase: string) =>
  perform(texts.tasks.keys, async (at) => {
    at(origins.identity.kind === "wallet" ? texts.inWallet : "");
    const machine = await engine();
    const identity = await makeKey(origins.identity, "identity");
    const inPoll = await makeKey(origins.poll, "poll");
    if ((await machine.publicKey(identity)) === (await machine.publicKey(inPoll))) {
      throw new MaciError("usage", texts.sameKeys);
    }
    at(texts.sealing);
    const [keptIdentity, keptPoll] = [await keep(identity, passphrase), await keep(inPoll, passphrase)];
    // The browser may throw away what nobody asked it to keep.
    await navigator.storage?.persist?.().catch(() => false);
    const place = address.value;
    await changeRing((ring) => {
      // Another tab's are not written over.
      if (ring.identity) throw new MaciError("usage", texts.otherTab);
      const saved = origins.identity.kind !== "random" && origins.poll.kind !== "random";
      return { ...ring, identity: keptIdentity, polls: { ...ring.polls, [place]: keptPoll }, saved };
    });
    unlocked.value = { identity, poll: inPoll, passphrase };
    await refresh();
    return texts.keysKept;
  });

/** Unlocks the keys that are kept. */
export const unlock = (passphrase: string) =>
  perform(texts.tasks.unlock, async (at) => {
    at(texts.sealing);
    await reread();
    const machine = await engine();
    const { identity, polls } = ring.value;
    const handles: Unlocked = { passphrase };
    if (identity) handles.identity = await machine.unsealKey(identity.sealed, passphrase);
    const inPoll = polls[address.value];
    if (inPoll) handles.poll = await machine.unsealKey(inPoll.sealed, passphrase);
    unlocked.value = handles;
    await refresh();
  });

/** Makes the key in this poll, or takes another one in its place; the one before is kept among the later ones. */
export const takePollKey = (origin: Origin) =>
  perform(texts.tasks.keys, async (at) => {
    const keys = unlocked.value;
    if (!keys) throw new MaciError("usage", texts.locked);
    at(origin.kind === "wallet" ? texts.inWallet : "");
    const made = await makeKey(origin, "poll");
    const machine = await engine();
    if (keys.identity !== undefined && (await machine.publicKey(made)) === (await machine.publicKey(keys.identity))) {
      throw new MaciError("usage", texts.sameKeys);
    }
    at(texts.sealing);
    const keptPoll = await keep(made, keys.passphrase);
    const place = address.value;
    await changeRing((ring) => {
      const before = ring.polls[place];
      const later = before ? { ...ring.later, [place]: [...(ring.later[place] ?? []), before] } : ring.later;
      return { ...ring, polls: { ...ring.polls, [place]: keptPoll }, later, saved: origin.kind !== "random" };
    });
    unlocked.value = { ...keys, poll: made };
    await refresh();
    return texts.keysKept;
  });

/** A key in the clear, as its file has it: it leaves the engine. */
export async function exportKey(which: "identity" | "poll"): Promise<string> {
  return `${await (await engine()).exportKey(handleOf(which))}\n`;
}

/** The keys that ballots changed to, and those that were replaced, one after the other. */
export async function exportLater(): Promise<string[]> {
  const passphrase = unlocked.value?.passphrase;
  if (passphrase === undefined) throw new MaciError("usage", texts.locked);
  const machine = await engine();
  const saved: string[] = [];
  for (const { sealed } of ring.value.later[address.value] ?? []) {
    const handle = await machine.unsealKey(sealed, passphrase);
    saved.push(`${await machine.exportKey(handle)}\n`);
    await machine.forgetKey(handle);
  }
  return saved;
}

/** The voter has both keys in files. */
export const keysSaved = () => inTheBackground(texts.tasks.keys, changeRing((ring) => ({ ...ring, saved: true })));

/** Erases the keys of this MACI, in all its polls, from this browser. */
export const forgetKeys = () =>
  perform(texts.tasks.keys, async () => {
    await forgetHandles();
    await changeRing(() => ({ polls: {}, later: {}, saved: true }));
    voter.value = null;
  });

function handleOf(which: "identity" | "poll"): KeyHandle {
  const handle = unlocked.value?.[which];
  if (handle === undefined) throw new MaciError("usage", texts.locked);
  return handle;
}

function opened(): Poll {
  if (!poll.value) throw new MaciError("usage", texts.noPollChosen);
  return poll.value;
}

// A voter's way

export const signUp = (evidence: string) =>
  perform(texts.tasks.signUp, async () => {
    const options = { sender: sender("signUp"), ...running() };
    const { signedUp, gas } = await opened().signUp({ key: handleOf("identity"), evidence }, options);
    // What a node only says is not kept: it could be another tree.
    if (gas !== null) await keepSignUp(signedUp, options.sender.account);
    await refresh();
    return texts.signedUp;
  });

/** Four megabytes, which only a join and a relayer need. */
async function withJoinKey(at: (step: string) => void): Promise<void> {
  const read = files.value;
  let bytes = read?.joinKey;
  if (!bytes) {
    const { poll: named, joinKey } = asked();
    at(texts.loadingKey);
    const url = joinKey ? new URL(joinKey, location.href) : named && sibling(new URL(named, location.href), ".join.key");
    bytes = (url && (await fetchFile(url))) || undefined;
    if (!bytes) throw new MaciError("parameters", texts.noJoinKey, "join-key");
  }
  at(texts.readingKey);
  await opened().loadJoinKey(bytes);
  if (read && !read.joinKey) {
    files.value = { ...read, joinKey: bytes };
    await lastPoll.write(files.value);
  }
}

async function keepSignUp(signedUp: KnownRoot, signedUpBy: string): Promise<void> {
  await changeRing((ring) =>
    ring.identity ? { ...ring, identity: { ...ring.identity, signedUp, signedUpBy } } : ring,
  );
}

export const join = (by: "wallet" | "relayer", minCredits: number) =>
  perform(texts.tasks.join, async (at) => {
    await withJoinKey(at);
    const signedUp = identityKey.value?.signedUp;
    const request = { key: handleOf("identity"), pollKey: handleOf("poll"), signedUp, minCredits };
    at(texts.preparing);
    const joined =
      by === "wallet"
        ? await opened().join(request, { sender: sender("join"), ...running() })
        : await (await relayer()).join(request, running());
    await keepJoined(joined);
    await refresh();
    return texts.joined(joined.credits);
  });

const relayer = () => {
  if (!relayerUrl.value) throw new MaciError("usage", texts.noRelayer);
  return Relayer.open(relayerUrl.value, opened());
};

/** Whether a ballot can still get into the poll. */
export function isAlive({ ballot }: KeptBallot): boolean {
  const oldest = status.value?.window?.oldest;
  return ballot.signedAfter === null || oldest === undefined || ballot.signedAfter >= oldest;
}

/** A ballot that a relayer may have and the poll does not: sent after a newer one, it would undo that. */
export const held = (): KeptBallot | undefined =>
  ballots.value.find((kept) => kept.relayer !== undefined && !kept.there && !kept.broken && isAlive(kept));

/** How a ballot is made. */
export interface BallotForm {
  choices: Choice[];
  atLeast: number;
  changeKey: boolean;
}

/** Signs a ballot, keeps it, and sends it. */
export const vote = (form: BallotForm, by: "wallet" | "relayer" | "nobody") =>
  perform(texts.tasks.vote, async (at) => {
    const waiting = held();
    if (waiting) throw new MaciError("usage", texts.held(waiting.ballot.publishUntil));
    at(texts.signing);
    const newKey = form.changeKey ? await (await engine()).randomKey() : undefined;
    if (newKey !== undefined) await keepLater(newKey);
    const stateIndex = joined.value?.stateIndex;
    const request = { pollKey: handleOf("poll"), choices: form.choices, atLeast: form.atLeast, newKey, stateIndex };
    const made = await opened().ballot(request, running());
    const { ballot: id, messages, count, signedAfter, publishUntil, missing } = made;
    const ballot = { ballot: id, messages, count, signedAfter, publishUntil, missing };
    await kept?.changeBallots((all) => [...all, { ballot, signed: Date.now(), there: false }]);
    ballots.value = (await kept?.ballots()) ?? [];
    if (by === "nobody") return texts.ballotKept;
    return by === "wallet" ? publish(ballot) : relay(ballot, at);
  });

async function keepLater(handle: KeyHandle): Promise<void> {
  const passphrase = unlocked.value?.passphrase;
  if (passphrase === undefined) throw new MaciError("usage", texts.locked);
  const made = await keep(handle, passphrase);
  const at = address.value;
  await changeRing((ring) => ({ ...ring, later: { ...ring.later, [at]: [...(ring.later[at] ?? []), made] }, saved: false }));
}

/** Sends a ballot that was signed before: the same one. */
export const sendAgain = (ballot: KeptBallot["ballot"], by: "wallet" | "relayer") =>
  perform(texts.tasks.send, async (at) => (by === "wallet" ? publish(ballot) : relay(ballot, at)));

async function publish(ballot: KeptBallot["ballot"]): Promise<string> {
  const { messageFee } = opened().facts;
  await opened().publish(ballot, { sender: sender("publish"), messageFee, ...running() });
  await changeBallot(ballot.ballot, { there: true });
  await refresh();
  return texts.ballotThere;
}

async function relay(ballot: KeptBallot["ballot"], at: (step: string) => void): Promise<string> {
  await withJoinKey(at);
  at(texts.preparing);
  const by = await relayer();
  const kepts = kept;
  if (!kepts) throw new MaciError("usage", texts.noPollChosen);
  const request = { key: handleOf("identity"), signedUp: identityKey.value?.signedUp, tickets: kepts.tickets };
  // Before it leaves: the answer may be lost, and the relayer have it.
  await changeBallot(ballot.ballot, { relayer: by.url });
  await by.send(ballot, request, {
    ...running(),
    onTaken: (taken) => {
      at(texts.relayerHas(by.document.wait));
      inTheBackground(texts.tasks.send, changeBallot(ballot.ballot, { taken }));
    },
  });
  await changeBallot(ballot.ballot, { there: true });
  await refresh();
  return texts.ballotThere;
}

/** Forgets a ballot. Whoever else has it can publish it still. */
async function forgetBallot(ballot: KeptBallot["ballot"]): Promise<void> {
  await kept?.changeBallots((all) => all.filter((one) => one.ballot.ballot !== ballot.ballot));
  ballots.value = (await kept?.ballots()) ?? [];
}

/** The same as a button does it. */
export const discard = (ballot: KeptBallot["ballot"]) => inTheBackground(texts.tasks.send, forgetBallot(ballot));

export const topUp = (credits: number) =>
  perform(texts.tasks.topUp, async () => {
    const { facts } = opened();
    const stateIndex = joined.value?.stateIndex;
    if (pending.value.some(({ purpose }) => purpose === "topUp")) throw new MaciError("usage", texts.buying);
    if (!facts.topUps || stateIndex === undefined) throw new MaciError("usage", texts.notJoined);
    const tokens = (BigInt(facts.topUps.creditUnit) * BigInt(credits)).toString();
    const request = { stateIndex, credits, tokens, messageFee: facts.messageFee };
    const bought = await opened().topUp(request, { sender: sender("topUp"), ...running() });
    await refresh();
    return texts.toppedUp(bought.credits);
  });

export const verify = (keyDigest: string) =>
  perform(texts.tasks.verify, async (at) => {
    at(texts.verifying);
    const options = keyDigest.trim() ? { keyDigest: keyDigest.trim(), ...running() } : running();
    verified.value = await opened().verify(options);
  });
