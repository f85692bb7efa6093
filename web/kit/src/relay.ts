import type { KeyHandle } from "./engine.js";
import { MaciError, messageOf } from "./errors.js";
import type { JoinRequest, Poll } from "./poll.js";
import { pause, stopIfAsked } from "./provider.js";
import type { RunOptions } from "./run.js";
import type { Ballot, Joined, KnownRoot } from "./types.js";

/** What a relayer says it does for a poll. */
export interface RelayDocument {
  chainId: number;
  poll: string;
  account: string;
  takes: boolean;
  reason?: string;
  day: number;
  slots: number;
  mostMessages: number;
  margin: number;
  wait: number;
  joins: boolean;
  queued: number;
}

/** Where a ballot is, as a relayer says, or as the chain shows. */
export interface RelayedBallot {
  ballot: string;
  state: "queued" | "sent" | "confirmed" | "expired";
  messages: number;
  transaction?: string;
  block?: number;
  firstMessage?: number;
}

/** Remembers which tickets were used: one that is used twice shows the relayer that one voter sent both. */
export interface TicketBook {
  /**
   * One of a day's tickets, 0 to `slots - 1`, that was not drawn for this relayer's account and day, at random; from
   * here on it is used, whatever becomes of it. In one step, or two tabs draw the same. Null if all are used.
   */
  draw(account: string, day: number, slots: number): Promise<number | null>;
}

/** Why a relayer refuses, of what may pass. */
const FOR_NOW = ["unknown-block", "unknown-root", "full", "busy", "node", "disk"];

/** Between two questions, and for how long what is refused for now is tried again, in milliseconds. */
const LOOK = 2_000;
const PATIENCE = 60_000;

/** The longest wait beyond the relayer's own. */
const LONGEST = 600_000;

class Refused extends MaciError {
  readonly code: string;

  constructor(code: string, text: string) {
    super(FOR_NOW.includes(code) ? "later" : "chain", `the relayer refuses: ${text.slice(0, 300)}`, "publish-yourself");
    this.code = code;
  }
}

/** A relayer of a poll: it publishes what it is handed, and pays for it. */
export class Relayer {
  readonly url: string;
  readonly poll: Poll;
  readonly document: RelayDocument;

  private constructor(url: string, poll: Poll, document: RelayDocument) {
    this.url = url;
    this.poll = poll;
    this.document = document;
  }

  /** Asks a relayer what it does for a poll. */
  static async open(url: string, poll: Poll): Promise<Relayer> {
    const base = url.replace(/\/+$/, "");
    const document = await ask<RelayDocument>(`${base}/relay/${poll.facts.poll}`);
    const isSame = document.chainId === poll.facts.chainId && sameText(document.poll, poll.facts.poll);
    if (!isSame) throw new MaciError("chain", "the relayer answers for another poll, or for one of another chain");
    return new Relayer(base, poll, document);
  }

  /**
   * Hands a ballot over, and waits until the chain has it, as the poll's own provider shows it. Where the
   * relayer does not publish it in time, this is an error with the hint `publish-yourself`: publish the SAME
   * ballot then, since another one could be undone by what the relayer has.
   */
  async send(
    ballot: Pick<Ballot, "messages">,
    request: { key: KeyHandle; signedUp?: KnownRoot | undefined; tickets: TicketBook },
    options: RunOptions & {
      /** From here on the relayer may have it, whatever it answers. */
      onLeaving?: () => void | Promise<void>;
      onTaken?: (taken: RelayedBallot) => void;
    } = {},
  ): Promise<RelayedBallot> {
    const { document, poll } = this;
    if (!document.takes) {
      const reason = document.reason ?? "it does not say why";
      throw new MaciError("later", `the relayer takes no ballots now: ${reason}`, "publish-yourself");
    }
    const { key, signedUp, tickets } = request;
    const slot = await tickets.draw(document.account, document.day, document.slots);
    if (slot === null) {
      throw new MaciError("usage", "all tickets of this day are used: send the ballot yourself", "publish-yourself");
    }
    const ticket = await poll.run<{ body: string; ballot: string }>(
      "ticket",
      { key, signedUp, messages: ballot.messages, relayer: document, slot },
      options,
    );
    const path = `${this.url}/relay/${poll.facts.poll}`;
    await options.onLeaving?.();
    const late = async () => (await this.#look(ballot, undefined, options)).late;
    const taken = await again(() => ask<RelayedBallot>(path, ticket.body), late, options.signal);
    options.onTaken?.(taken);
    return this.wait(ballot, taken, options);
  }

  /** Waits for a ballot that was handed over. */
  async wait(
    ballot: Pick<Ballot, "messages">,
    taken: RelayedBallot,
    options: RunOptions = {},
  ): Promise<RelayedBallot> {
    const end = Date.now() + Math.min(this.document.wait, 3600) * 1000 + LONGEST;
    let known: RelayedBallot | null = taken;
    for (;;) {
      // A node that does not answer now, or a relayer that answers nonsense, ends nothing.
      const looked = await this.#look(ballot, known ?? undefined, options).catch((error: unknown) => {
        if (error instanceof MaciError && error.kind === "interrupted") throw error;
        return { found: null, late: false };
      });
      const { found, late } = looked;
      if (found) return found;
      if (known?.state === "expired" || late || Date.now() > end) {
        const text = "the relayer has taken the ballot and not published it in time";
        throw new MaciError("later", text, "publish-yourself");
      }
      await pause(LOOK, options.signal);
      stopIfAsked(options.signal);
      // What it says is only where to look.
      known = await this.state(taken.ballot).catch(() => known);
    }
  }

  /** What the relayer says of a ballot; null if it knows nothing of it. */
  async state(ballot: string): Promise<RelayedBallot | null> {
    return known(ask<RelayedBallot>(`${this.url}/relay/${this.poll.facts.poll}/${ballot}`));
  }

  /** Has the relayer send a join, and waits until the poll has it. */
  async join(request: JoinRequest, options: RunOptions = {}): Promise<Joined> {
    const { document, poll } = this;
    if (!document.joins) throw new MaciError("chain", "the relayer takes no joins for this poll");
    const order = { join: { poll: poll.handle, ...request }, relayer: document };
    const made = await poll.run<{ joined?: Joined; join?: object; nullifier?: string }>(
      "relayedJoin",
      { poll: undefined, ...order },
      options,
    );
    if (made.joined) return made.joined;
    const path = `${this.url}/relay/${poll.facts.poll}/joins`;
    type State = { state: RelayedBallot["state"]; stateIndex?: number };
    let state: State | null = await again(
      () => ask<State>(path, JSON.stringify(made.join)),
      async () => false,
      options.signal,
    );
    const end = Date.now() + LONGEST;
    for (;;) {
      if (state?.state === "expired") throw new MaciError("chain", "the poll refuses the join, says the relayer");
      if (state?.stateIndex !== undefined) {
        const voter = await poll.voter({ key: request.key, pollKey: request.pollKey }, options);
        const joined = voter.joins.find(({ stateIndex }) => stateIndex === state?.stateIndex);
        if (joined) return joined;
      }
      if (Date.now() > end) {
        throw new MaciError("later", "the relayer has the join, and has not sent it yet: look again later");
      }
      await pause(LOOK, options.signal);
      stopIfAsked(options.signal);
      state = await known(ask<State>(`${path}/${made.nullifier ?? ""}`)).catch(() => state);
    }
  }

  #look(ballot: Pick<Ballot, "messages">, known: RelayedBallot | undefined, options: RunOptions) {
    const request = { messages: ballot.messages, ballot: known };
    return this.poll.run<{ found: RelayedBallot | null; late: boolean }>("relayed", request, options);
  }
}

const sameText = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

async function known<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.code === "unknown") return null;
    throw error;
  }
}

/** What is refused for now is tried again, as long as there is time to do without. */
async function again<T>(act: () => Promise<T>, late: () => Promise<boolean>, signal?: AbortSignal): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const passes = error instanceof MaciError && error.kind === "later";
      if (!passes || Date.now() > end || (await late())) throw error;
      await pause(LOOK, signal);
      stopIfAsked(signal);
    }
  }
}

async function ask<T>(url: string, body?: string): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      // Plain text needs no preflight.
      ...(body === undefined ? {} : { method: "POST", body, headers: { "content-type": "text/plain" } }),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(15_000),
    });
  } catch (error) {
    throw new MaciError("later", `the relayer does not answer: ${messageOf(error)}`, "publish-yourself");
  }
  const text = await response.text().catch(() => "");
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    document = undefined;
  }
  if (response.ok && document) return document as T;
  const refusal = document as { code?: string; error?: string } | undefined;
  if (refusal?.code && refusal.error) throw new Refused(refusal.code, refusal.error);
  const busy = [408, 429, 502, 503, 504].includes(response.status);
  if (busy) throw new MaciError("later", `the relayer has too much to do (status ${response.status})`, "publish-yourself");
  const unclear = `the relayer's answer cannot be understood (status ${response.status})`;
  throw new MaciError("later", unclear, "publish-yourself");
}
