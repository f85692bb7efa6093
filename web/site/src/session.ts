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
  type Ballot,
  type Choice,
  type Journal,
  type KeyHandle,
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
export const ring = signal<KeyRing>({ polls: {}, later: {} });
export const unlocked = signal<Unlocked | null>(null);
export const voter = signal<Voter | null>(null);
export const ballots = signal<KeptBallot[]>([]);
export const pending = signal<Pending[]>([]);
export const verified = signal<VerifiedPoll | null>(null);
export const task = signal<Task | null>(null);
export const problem = signal<Problem | null>(null);
export const said = signal("");
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

/** Runs what a button does: one thing at a time, its end said, its error shown. */
export async function perform(name: string, act: (at: (step: string) => void) => Promise<string | void>): Promise<void> {
  if (task.value) return;
  const at = (step: string) => {
    if (task.value) task.value = { name: task.value.name, since: task.value.since, step };
  };
  problem.value = null;
  said.value = "";
  task.value = { name, since: Date.now(), step: "" };
  try {
    said.value = (await act(at)) ?? "";
  } catch (error) {
    problem.value = { task: name, error: asProblem(error) };
  } finally {
    task.value = null;
  }
}

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
    void reconnect(wallet);
  });
  (await engine()).listen((saying) => {
    if (saying.kind === "stage" && task.value) task.value = { ...task.value, step: texts.stage(saying.text) };
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

/** Opens files that somebody chose. */
export const openFiles = (chosen: File[]) =>
  perform(texts.tasks.open, async () => {
    const read: KeptPoll = files.value ?? { pollFile: "" };
    const next = { ...read };
    for (const file of chosen) {
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (file.name.endsWith(".key")) next.joinKey = bytes;
      else if (/"title"\s*:/.test(new TextDecoder().decode(bytes))) next.metadata = bytes;
      else next.pollFile = new TextDecoder().decode(bytes);
    }
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
  await lastPoll.write(read);
  const provider = reader(said.chainId, said.rpcUrl);
  if (!provider) {
    poll.value = null;
    throw new MaciError("usage", texts.noNode(said.chainId));
  }
  const opened = await Poll.open(await engine(), provider, read.pollFile, { onReading });
  const { chainId, poll: at, maci } = opened.facts;
  kept = keptOf(`${chainId}:${at}`, `${chainId}:${maci}`);
  const [keys, signed, waiting] = await Promise.all([kept.ring(), kept.ballots(), kept.pending()]);
  batch(() => {
    poll.value = opened;
    ring.value = keys;
    ballots.value = signed;
    pending.value = waiting;
    metadata.value = null;
    unlocked.value = null;
    voter.value = null;
    verified.value = null;
  });
  await readMetadata(opened, read);
  await refresh();
  void settle();
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
async function readMetadata(opened: Poll, read: KeptPoll): Promise<void> {
  if (!opened.facts.metadata) return;
  if (!read.metadata) throw new MaciError("input", texts.noMetadata);
  metadata.value = await opened.metadata(read.metadata);
}

/** Looks again, where nothing else goes on and somebody sees it. */
async function look(): Promise<void> {
  if (!poll.value || task.value || document.visibilityState === "hidden") return;
  // What does not answer now may the next time.
  await lookAt(poll.value).catch(() => undefined);
}

/** Where the poll is now, and where ballots are if something was sent since. */
async function lookAt(opened: Poll): Promise<void> {
  const before = status.value?.messages;
  status.value = await opened.status();
  if (status.value.messages !== before) await placeBallots(opened);
}

/** Where the poll is, where the voter is, where ballots are: everything is read again. */
export async function refresh(): Promise<void> {
  const opened = poll.value;
  if (!opened) return;
  status.value = await opened.status({ onReading });
  const keys = unlocked.value;
  if (keys?.identity !== undefined || keys?.poll !== undefined) {
    voter.value = await opened.voter({ key: keys.identity, pollKey: keys.poll });
    await keepSignUp();
  }
  await placeBallots(opened);
}

async function keepSignUp(): Promise<void> {
  const signedUp = voter.value?.signedUp;
  if (!signedUp || !ring.value.identity || ring.value.identity.signedUp) return;
  await changeRing((ring) => (ring.identity ? { ...ring, identity: { ...ring.identity, signedUp } } : ring));
}

async function placeBallots(opened: Poll): Promise<void> {
  const state = status.value?.state;
  for (const { ballot, there } of ballots.value) {
    if (there || state === "pending") continue;
    const { complete, inOrder } = await opened.placement(ballot);
    if (complete && inOrder) await changeBallot(ballot.ballot, { there: true });
  }
}

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
  if (account && !connection.value) await useAccount(wallet, account);
}

async function useAccount(wallet: Wallet, account: `0x${string}`): Promise<void> {
  connection.value = { wallet, account, chainId: await chainOf(wallet.provider) };
  wallet.provider.on?.("accountsChanged", (value) => {
    const [first] = value as `0x${string}`[];
    const known = connection.value;
    if (known) connection.value = first ? { ...known, account: first } : null;
  });
  wallet.provider.on?.("chainChanged", (value) => {
    const known = connection.value;
    if (known) connection.value = { ...known, chainId: Number(value) };
    void reopen();
  });
  await reopen();
}

/** The same files, read through what is there now. */
async function reopen(): Promise<void> {
  const read = files.value;
  if (!read || task.value) return;
  if (poll.value) {
    const provider = reader(poll.value.facts.chainId, poll.value.facts.rpcUrl);
    if (provider) poll.value = poll.value.through(provider);
    return;
  }
  await perform(texts.tasks.open, () => open(read));
}

export const connect = (wallet: Wallet) =>
  perform(texts.tasks.connect, async () => {
    const accounts = await accountsOf(wallet.provider, true).catch((error: unknown) => {
      throw fromWalletError(error);
    });
    const [account] = accounts;
    if (!account) throw new MaciError("usage", texts.noAccount);
    task.value = null;
    await useAccount(wallet, account);
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
    task.value = null;
    await reopen();
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
      return changePending((all) => [...all, { purpose, transaction, at: Date.now() }]);
    },
    sent: (transaction, hash) => {
      if (task.value) task.value = { ...task.value, step: texts.inBlock(hash) };
      return changePending((all) => all.map((one) => (isSame(one, transaction) ? { ...one, hash } : one)));
    },
    settled: (transaction) => changePending((all) => all.filter((one) => !isSame(one, transaction))),
  };
  return walletSender(connected.wallet.provider, connected.account, journal);
}

/** Waits for what was on its way when the page was left. */
async function settle(): Promise<void> {
  const opened = poll.value;
  for (const one of pending.value) {
    if (!opened || !one.hash) continue;
    await waitForReceipt(opened.provider, one.hash).catch(() => undefined);
    await changePending((all) => all.filter((other) => other.hash !== one.hash));
    await refresh().catch(() => undefined);
  }
}

/** Forgets a request whose answer nobody knows: somebody has looked into their wallet. */
export const forgetPending = (one: Pending) =>
  changePending((all) => all.filter((other) => other.at !== one.at || other.transaction.data !== one.transaction.data));

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
    const identity = await makeKey(origins.identity, "identity");
    const inPoll = await makeKey(origins.poll, "poll");
    const machine = await engine();
    if ((await machine.publicKey(identity)) === (await machine.publicKey(inPoll))) {
      throw new MaciError("usage", texts.sameKeys);
    }
    at(texts.sealing);
    const [keptIdentity, keptPoll] = [await keep(identity, passphrase), await keep(inPoll, passphrase)];
    await changeRing((ring) => ({
      ...ring,
      identity: keptIdentity,
      polls: { ...ring.polls, [address.value]: keptPoll },
    }));
    unlocked.value = { identity, poll: inPoll, passphrase };
    await refresh();
    return texts.keysKept;
  });

/** Unlocks the keys that are kept; a poll that has none yet gets one. */
export const unlock = (passphrase: string, origin: Origin = { kind: "random" }) =>
  perform(texts.tasks.unlock, async (at) => {
    at(texts.sealing);
    const machine = await engine();
    const { identity, polls } = ring.value;
    const handles: Unlocked = { passphrase };
    if (identity) handles.identity = await machine.unsealKey(identity.sealed, passphrase);
    const inPoll = polls[address.value];
    if (inPoll) {
      handles.poll = await machine.unsealKey(inPoll.sealed, passphrase);
    } else {
      const made = await makeKey(origin, "poll");
      const keptPoll = await keep(made, passphrase);
      await changeRing((ring) => ({ ...ring, polls: { ...ring.polls, [address.value]: keptPoll } }));
      handles.poll = made;
    }
    unlocked.value = handles;
    await refresh();
  });

/** A key in the clear, as its file has it. */
export async function exportKey(which: "identity" | "poll"): Promise<string> {
  const handle = unlocked.value?.[which];
  if (handle === undefined) throw new MaciError("usage", texts.locked);
  return `${await (await engine()).exportKey(handle)}\n`;
}

/** Erases the keys of this browser. */
export const forgetKeys = () =>
  perform(texts.tasks.keys, async () => {
    const keys = unlocked.value;
    const machine = await engine();
    for (const handle of [keys?.identity, keys?.poll]) if (handle !== undefined) await machine.forgetKey(handle);
    await changeRing(() => ({ polls: {}, later: {} }));
    batch(() => {
      unlocked.value = null;
      voter.value = null;
    });
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
    const options = { sender: sender("signUp"), onReading };
    await opened().signUp({ key: handleOf("identity"), evidence }, options);
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

export const join = (by: "wallet" | "relayer", minCredits: number) =>
  perform(texts.tasks.join, async (at) => {
    await withJoinKey(at);
    const signedUp = identityKey.value?.signedUp;
    const request = { key: handleOf("identity"), pollKey: handleOf("poll"), signedUp, minCredits };
    at(texts.preparing);
    const joined =
      by === "wallet"
        ? await opened().join(request, { sender: sender("join"), onReading })
        : await (await relayer()).join(request, { onReading });
    await refresh();
    return texts.joined(joined.credits);
  });

const relayer = () => {
  if (!relayerUrl.value) throw new MaciError("usage", texts.noRelayer);
  return Relayer.open(relayerUrl.value, opened());
};

/** Whether a ballot can still get into the poll. */
function isAlive({ ballot }: KeptBallot): boolean {
  const present = status.value?.window?.present;
  return ballot.publishUntil === null || present === undefined || present <= ballot.publishUntil;
}

/** A ballot that a relayer has and the poll does not: sent after a newer one, it would undo that. */
function held(): KeptBallot | undefined {
  return ballots.value.find((kept) => kept.taken !== undefined && !kept.there && isAlive(kept));
}

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
    const request = { pollKey: handleOf("poll"), choices: form.choices, atLeast: form.atLeast, newKey };
    const ballot = await opened().ballot(request, { onReading });
    await kept?.changeBallots((all) => [...all, { ballot, signed: Date.now(), there: false }]);
    ballots.value = (await kept?.ballots()) ?? [];
    if (by === "nobody") return texts.ballotKept;
    return by === "wallet" ? publish(ballot) : relay(ballot, at);
  });

async function keepLater(handle: KeyHandle): Promise<void> {
  const passphrase = unlocked.value?.passphrase ?? "";
  const made = await keep(handle, passphrase);
  const at = address.value;
  await changeRing((ring) => ({ ...ring, later: { ...ring.later, [at]: [...(ring.later[at] ?? []), made] } }));
}

/** Sends a ballot that was signed before: the same one. */
export const sendAgain = (ballot: Ballot, by: "wallet" | "relayer") =>
  perform(texts.tasks.send, async (at) => (by === "wallet" ? publish(ballot) : relay(ballot, at)));

async function publish(ballot: Ballot): Promise<string> {
  const { messageFee } = opened().facts;
  await opened().publish(ballot, { sender: sender("publish"), messageFee, onReading });
  await changeBallot(ballot.ballot, { there: true });
  await refresh();
  return texts.ballotThere;
}

async function relay(ballot: Ballot, at: (step: string) => void): Promise<string> {
  await withJoinKey(at);
  at(texts.preparing);
  const by = await relayer();
  const kepts = kept;
  if (!kepts) throw new MaciError("usage", texts.noPollChosen);
  const request = { key: handleOf("identity"), signedUp: identityKey.value?.signedUp, tickets: kepts.tickets };
  await by.send(ballot, request, {
    onReading,
    onTaken: (taken) => {
      at(texts.relayerHas(by.document.wait));
      void changeBallot(ballot.ballot, { relayer: by.url, taken });
    },
  });
  await changeBallot(ballot.ballot, { there: true });
  await refresh();
  return texts.ballotThere;
}

/** Forgets a ballot. Whoever else has it can publish it still. */
export async function discard(ballot: Ballot): Promise<void> {
  await kept?.changeBallots((all) => all.filter((one) => one.ballot.ballot !== ballot.ballot));
  ballots.value = (await kept?.ballots()) ?? [];
}

export const topUp = (credits: number) =>
  perform(texts.tasks.topUp, async () => {
    const { facts } = opened();
    const stateIndex = voter.value?.joined?.stateIndex;
    if (!facts.topUps || stateIndex === undefined) throw new MaciError("usage", texts.notJoined);
    const tokens = (BigInt(facts.topUps.creditUnit) * BigInt(credits)).toString();
    const request = { stateIndex, credits, tokens, messageFee: facts.messageFee };
    const bought = await opened().topUp(request, { sender: sender("topUp"), onReading });
    await refresh();
    return texts.toppedUp(bought.credits);
  });

export const verify = (keyDigest: string) =>
  perform(texts.tasks.verify, async (at) => {
    at(texts.verifying);
    const options = keyDigest.trim() ? { keyDigest: keyDigest.trim(), onReading } : { onReading };
    verified.value = await opened().verify(options);
  });
