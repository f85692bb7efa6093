// A voter's way: sign up, join, vote, buy credits, check the results.
import { MaciError, Relayer, type Choice, type Joined, type KnownRoot } from "@maci-nova/sdk";

import { engine } from "./engine.ts";
import { fetchFile, sibling } from "./files.ts";
import { keepLater } from "./keys.ts";
import { asked } from "./opening.ts";
import { refresh } from "./reading.ts";
import { sender } from "./sending.ts";
import {
  address,
  ballots,
  changeBallot,
  changeRing,
  files,
  handleOf,
  held,
  identityKey,
  joined,
  keeper,
  opened,
  pending,
  relayerUrl,
  verified,
} from "./state.ts";
import { lastPoll, type KeptBallot } from "./storage.ts";
import { inTheBackground, perform, running, unlessStopped } from "./tasks.ts";
import { texts } from "./texts.ts";

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

/** A voter who says which of several they are. */
export const joinedAs = (one: Joined) => inTheBackground(texts.tasks.join, keepJoined(one));

async function keepJoined({ stateIndex, credits }: Joined): Promise<void> {
  const at = address.value;
  await changeRing((ring) => {
    const key = ring.polls[at];
    return key ? { ...ring, polls: { ...ring.polls, [at]: { ...key, joined: { stateIndex, credits } } } } : ring;
  });
}

export const relayer = () => {
  if (!relayerUrl.value) throw new MaciError("usage", texts.noRelayer);
  return Relayer.open(relayerUrl.value, opened());
};

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
    // Before it is signed: what is signed ages.
    if (by === "relayer") await withJoinKey(at);
    at(texts.signing);
    const newKey = form.changeKey ? await (await engine()).randomKey() : undefined;
    if (newKey !== undefined) await keepLater(newKey);
    const stateIndex = joined.value?.stateIndex;
    const request = { pollKey: handleOf("poll"), choices: form.choices, atLeast: form.atLeast, newKey, stateIndex };
    const made = await opened().ballot(request, running());
    const { ballot: id, messages, count, signedAfter, publishUntil, missing } = made;
    const ballot = { ballot: id, messages, count, signedAfter, publishUntil, missing };
    await keeper().changeBallots((all) => [...all, { ballot, signed: Date.now(), there: false }]);
    ballots.value = await keeper().ballots();
    if (by === "nobody") return texts.ballotKept;
    return by === "wallet" ? publish(ballot) : relay(ballot, at);
  });

/** Sends a ballot that was signed before: the same one. */
export const sendAgain = (ballot: KeptBallot["ballot"], by: "wallet" | "relayer") =>
  perform(texts.tasks.send, async (at) => (by === "wallet" ? publish(ballot) : relay(ballot, at)));

/** In one tab at a time: two that send the same pay twice. */
async function alone<T>(name: string, act: () => Promise<T>): Promise<T> {
  const done = await navigator.locks.request(`maci-nova ${name}`, { ifAvailable: true }, (lock) => {
    if (!lock) throw new MaciError("later", texts.otherTabSends);
    return unlessStopped(act());
  });
  return done as T;
}

const publish = (ballot: KeptBallot["ballot"]) => alone(ballot.ballot, () => publishNow(ballot));

async function publishNow(ballot: KeptBallot["ballot"]): Promise<string> {
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
  const request = { key: handleOf("identity"), signedUp: identityKey.value?.signedUp, tickets: keeper().tickets };
  await by.send(ballot, request, {
    ...running(),
    // The answer may be lost, and the relayer have it.
    onLeaving: () => changeBallot(ballot.ballot, { relayer: by.url }),
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
  await keeper().changeBallots((all) => all.filter((one) => one.ballot.ballot !== ballot.ballot));
  ballots.value = await keeper().ballots();
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
    const buy = () => opened().topUp(request, { sender: sender("topUp"), ...running() });
    const bought = await alone(`credits ${facts.poll}`, buy);
    await refresh();
    return texts.toppedUp(bought.credits);
  });

export const verify = (keyDigest: string) =>
  perform(texts.tasks.verify, async (at) => {
    at(texts.verifying);
    const options = keyDigest.trim() ? { keyDigest: keyDigest.trim(), ...running() } : running();
    verified.value = await opened().verify(options);
  });
