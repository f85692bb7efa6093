// A poll is opened: its files, what reads its chain, and the wallet.
import { fromWalletError, httpProvider, MaciError, Poll, type Metadata, type Provider } from "@maci-nova/sdk";
import { batch } from "@preact/signals";

import { engine } from "./engine.ts";
import { fetchFile, sibling } from "./files.ts";
import { forgetHandles } from "./keys.ts";
import { lookAt, refresh } from "./reading.ts";
import { settle } from "./sending.ts";
import {
  ballots,
  connection,
  files,
  keepIn,
  metadata,
  nodeUrl,
  pending,
  poll,
  relayerUrl,
  ring,
  status,
  verified,
  voter,
  wallets,
} from "./state.ts";
import { keptOf, lastPoll, type KeptPoll } from "./storage.ts";
import { inTheBackground, perform, running, task, warnings } from "./tasks.ts";
import { texts } from "./texts.ts";
import { accountsOf, chainOf, discover, switchTo, type Wallet } from "./wallets.ts";

/** Between two looks at the poll, in milliseconds. */
const LOOK = 12_000;

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
  if (!window.isSecureContext) {
    return perform(texts.tasks.open, () => Promise.reject(new MaciError("usage", texts.notSecure)));
  }
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
  keepIn(place);
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

/** What is needed of a poll file before it is read by the engine. */
interface Said {
  chainId?: number;
  rpcUrl?: string;
  metadata?: string;
}

function parsed(text: string): Said {
  try {
    return (JSON.parse(text) as Said | null) ?? {};
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

/** Reads the chain through a node of the voter's choice; none is their wallet's, or the poll file's. */
export const useNode = (url: string) =>
  perform(texts.tasks.node, async () => {
    nodeUrl.value = url.trim();
    const read = files.value;
    if (read) await open(read);
  });

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
