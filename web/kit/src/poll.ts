import type { Engine, KeyHandle } from "./engine.js";
import { MaciError } from "./errors.js";
import type { Provider } from "./provider.js";
import { run, type RunOptions } from "./run.js";
import type {
  Ballot,
  Choice,
  Joined,
  KnownRoot,
  Metadata,
  Placement,
  PollFacts,
  PollStatus,
  Results,
  VerifiedPoll,
  Voter,
} from "./types.js";

/** How to join. */
export interface JoinRequest {
  /** The key that signed up. */
  key: KeyHandle;
  /** The first key in the poll: another one, or everybody sees who joins. */
  pollKey: KeyHandle;
  /** The key's own sign-up, if it was kept: a node that shows another tree is found out. */
  signedUp?: KnownRoot | undefined;
  /** For the contract that gives credits, in hexadecimal. */
  creditData?: string | undefined;
  /** With fewer credits the poll refuses, so that the one join is not used up for less. */
  minCredits?: number | undefined;
}

/** What a ballot says. */
export interface BallotRequest {
  /** The key that joined. */
  pollKey: KeyHandle;
  /** At most one for each option; the first is counted first. */
  choices: Choice[];
  /** The key that it changes to in the end; by default one that nobody has, so that nothing sent before counts. */
  newKey?: KeyHandle | undefined;
  /** The voter, where several joined with the key. */
  stateIndex?: number | undefined;
  /** The fewest messages: ballots that are padded to the same number look alike. */
  atLeast?: number | undefined;
}

/** A poll, as a poll file names it. */
export class Poll {
  readonly engine: Engine;
  readonly provider: Provider;
  readonly facts: PollFacts;
  /** Its number in the engine. */
  readonly handle: number;

  private constructor(engine: Engine, provider: Provider, handle: number, facts: PollFacts) {
    this.engine = engine;
    this.provider = provider;
    this.handle = handle;
    this.facts = facts;
  }

  /**
   * Opens the poll of a poll file. The file is the word for where the poll is and what never changes about
   * it: take it from somebody you trust. What the node says has to be the same.
   *
   * @throws {@link MaciError}: `input` for a file that is none; `usage` where the provider is on another chain;
   *   `chain` where the node says something else than the file; `later` where it does not answer.
   */
  static async open(engine: Engine, provider: Provider, pollFile: string, options?: RunOptions): Promise<Poll> {
    const opened = await run<{ poll: number; facts: PollFacts }>(
      engine,
      provider,
      { operation: "open", pollFile },
      options,
    );
    return new Poll(engine, provider, opened.poll, opened.facts);
  }

  /** The same poll read through another provider. */
  through(provider: Provider): Poll {
    return new Poll(this.engine, provider, this.handle, this.facts);
  }

  /** Runs an operation on this poll. */
  run<T>(operation: string, request: object = {}, options?: RunOptions): Promise<T> {
    return run<T>(this.engine, this.provider, { operation, poll: this.handle, ...request }, options);
  }

  /** Where it is now. */
  status(options?: RunOptions): Promise<PollStatus> {
    return this.run("status", {}, options);
  }

  /** What is known of a voter who has these keys. */
  voter(keys: { key?: KeyHandle | undefined; pollKey?: KeyHandle | undefined }, options?: RunOptions): Promise<Voter> {
    return this.run("voter", keys, options);
  }

  /** Signs a key up, once for all polls of the MACI; nothing is sent if it has signed up. */
  signUp(
    request: { key: KeyHandle; evidence?: string | undefined },
    options: RunOptions,
  ): Promise<{ signedUp: KnownRoot; gas: number | null }> {
    return this.run("signUp", request, options);
  }

  /**
   * Loads the proving key of joins, `poll.join.key`: that of the poll file, and no other. It is kept in the
   * engine. Takes some seconds.
   */
  async loadJoinKey(bytes: Uint8Array): Promise<void> {
    const digest = this.facts.joinKey;
    if (!digest) {
      throw new MaciError("parameters", "the poll file was made from a chain, and names no proving key of joins");
    }
    await this.engine.loadJoinKey(bytes, digest);
  }

  /**
   * Joins with a proof that one of those who signed up joins, which tells nobody which; nothing is sent if
   * the key has joined. Takes seconds; the account that sends is visible.
   */
  join(request: JoinRequest, options: RunOptions): Promise<Joined & { gas: number | null }> {
    return this.run("join", request, options);
  }

  /**
   * Signs a ballot, which takes the place of every earlier one. Keep it before anything is sent: publishing
   * the same ballot again is safe, and signing another one is a new ballot.
   */
  ballot(request: BallotRequest, options?: RunOptions): Promise<Ballot> {
    return this.run("ballot", request, options);
  }

  /**
   * Publishes what the poll does not have of a ballot. `messageFee` is the fee in wei for a message that was
   * agreed to; a poll that asks for more is refused before anything is sent.
   */
  publish(
    ballot: Pick<Ballot, "messages">,
    options: RunOptions & { messageFee?: string },
  ): Promise<{ first: number; count: number; gas: number | null }> {
    const { messageFee = "0", ...rest } = options;
    return this.run("publish", { messages: ballot.messages, messageFee }, rest);
  }

  /** Where a ballot's messages are in the poll. */
  placement(ballot: Pick<Ballot, "messages">, options?: RunOptions): Promise<Placement> {
    return this.run("placement", { messages: ballot.messages }, options);
  }

  /** Buys credits for a voter, paid in the poll's token. The most that was agreed to is refused to be passed. */
  topUp(
    request: { stateIndex: number; credits: number; tokens: string; messageFee?: string },
    options: RunOptions,
  ): Promise<{ index: number; credits: number; tokens: string; gas: number | null }> {
    return this.run("topUp", request, options);
  }

  /** What the contract has stored. An error of the kind `later` before that. */
  results(options?: RunOptions): Promise<Results> {
    return this.run("results", {}, options);
  }

  /**
   * Checks a finalized poll from its chain alone: events, code, results and the proof have to agree. What it
   * rests on: that the node tells the truth about the chain, and the ceremony that `keyDigest` names.
   */
  verify(options?: RunOptions & { keyDigest?: string }): Promise<VerifiedPoll> {
    const { keyDigest, ...rest } = options ?? {};
    return this.run("verify", keyDigest === undefined ? {} : { keyDigest }, rest);
  }

  /** Reads the document that says what the poll is about: that of the poll file, and no other. */
  async metadata(bytes: Uint8Array): Promise<Metadata> {
    const { metadata, options } = this.facts;
    if (!metadata) throw new MaciError("input", "the poll file names no description of the poll");
    return JSON.parse(await this.engine.readMetadata(bytes, metadata, options)) as Metadata;
  }
}
