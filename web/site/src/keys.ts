// A voter's keys: made, kept under a passphrase, unlocked, exported.
import { deriveKey, MaciError, type KeyHandle } from "@maci-nova/sdk";

import { engine } from "./engine.ts";
import { refresh } from "./reading.ts";
import {
  type Unlocked,
  address,
  changeRing,
  connection,
  handleOf,
  poll,
  reread,
  ring,
  unlocked,
  voter,
} from "./state.ts";
import type { KeptKey } from "./storage.ts";
import { inTheBackground, perform } from "./tasks.ts";
import { texts } from "./texts.ts";

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

export async function keepLater(handle: KeyHandle): Promise<void> {
  const passphrase = unlocked.value?.passphrase;
  if (passphrase === undefined) throw new MaciError("usage", texts.locked);
  const made = await keep(handle, passphrase);
  const at = address.value;
  await changeRing((ring) => ({ ...ring, later: { ...ring.later, [at]: [...(ring.later[at] ?? []), made] }, saved: false }));
}

/** The voter has both keys in files. */
export const keysSaved = () => inTheBackground(texts.tasks.keys, changeRing((ring) => ({ ...ring, saved: true })));

/** Erases keys that are unlocked in the engine. */
export async function forgetHandles(): Promise<void> {
  const keys = unlocked.value;
  unlocked.value = null;
  const machine = await engine();
  for (const handle of [keys?.identity, keys?.poll]) if (handle !== undefined) await machine.forgetKey(handle);
}

/** Erases the keys of this MACI, in all its polls, from this browser. */
export const forgetKeys = () =>
  perform(texts.tasks.keys, async () => {
    await forgetHandles();
    await changeRing(() => ({ polls: {}, later: {}, saved: true }));
    voter.value = null;
  });
