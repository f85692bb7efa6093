/** What weights mean and cost: w² credits, w, all credits for one option, or w² with votes against. */
export type Mode = "quadratic" | "linear" | "full" | "negative";

/** Where a poll is. `expired`: the deadline has passed, and nobody has aborted it. */
export type PollState = "pending" | "open" | "ended" | "expired" | "finalized" | "aborted";

/** What a gatekeeper wants of who signs up. */
export type Evidence =
  | { kind: "nothing" }
  /** The id of one of the sender's tokens. */
  | { kind: "token"; token: string }
  /** What the policy wants, ABI-encoded. */
  | { kind: "policy"; policy: string }
  | { kind: "unknown"; gatekeeper: string };

/** What voters start with. */
export type Credits = { kind: "constant"; credits: string } | { kind: "votes"; token: string } | { kind: "unknown" };

/** What never changes about a poll. Times are seconds since 1970, amounts decimal strings or hexadecimal words. */
export interface PollFacts {
  chainId: number;
  poll: `0x${string}`;
  maci: `0x${string}`;
  pollId: number;
  owner: `0x${string}`;
  startTime: number;
  endTime: number;
  options: number;
  mode: Mode;
  /** Blocks for which a signed message is taken; 0: until the poll's end, by anybody, any number of times. */
  signedWithin: number;
  coordinatorKey: string;
  /** Wei for each message. */
  messageFee: string;
  /** How credits are bought, if they can be: tokens for one, in the token's smallest unit. */
  topUps: { token: `0x${string}`; creditUnit: string } | null;
  evidence: Evidence;
  credits: Credits;
  /** The digest of the proving key of joins; null in a file that was made from a chain. */
  joinKey: string | null;
  /** keccak256 of the document that says what the poll is about. */
  metadata: string | null;
  /** A node of the chain, as the poll file names it. */
  rpcUrl: string | null;
  /** Why the proof will show nothing to those who do not trust whoever made the keys, if a reason is known. */
  insecure: string | null;
}

/** What a poll is about: plain text. */
export interface Metadata {
  version: 1;
  title: string;
  description?: string;
  options: { name: string; description?: string }[];
}

/** What an option received. */
export interface OptionResult {
  option: number;
  /** Negative if more were against it. */
  votes: string;
  spent: string;
}

/** What a contract has stored of a finalized poll. */
export interface Results {
  chainId: number;
  poll: string;
  pollId: number;
  results: OptionResult[];
  totalSpent: string;
  totalVotes: string;
  stateRoot: string;
}

/** What was checked of a finalized poll. */
export interface VerifiedPoll extends Results {
  voters: number;
  messages: number;
  verifier: string;
  /** Why the proof shows nothing to those who do not trust whoever made the keys. */
  insecure: string | null;
  /** Names the ceremony that made the keys. */
  keyDigest: string;
  /** Whether the gatekeeper, or the contract that gives credits, is another one than the project's. */
  unknownGatekeeper: boolean;
  unknownCredits: boolean;
  transaction: string;
  block: number;
}

/** Until when others can send again what has been sent. */
export interface Repeats {
  present: number;
  oldest: number;
  /** The last block that takes what was signed until now, about `seconds` from now. */
  last: number;
  seconds: number;
  /** Whether the poll has a message that could be sent again. */
  possible: boolean;
  /** Whether a ballot that is sent after that block stands; if not, the poll ends before. */
  followed: boolean;
}

/** Where a poll is now. */
export interface PollStatus {
  state: PollState;
  /** The chain's time. */
  now: number;
  startTime: number;
  endTime: number;
  /** From when on it can be given up. */
  deadline: number;
  provingPerMessage: number;
  signUps: number;
  joins: number;
  mostJoins: number;
  /** Places taken by messages, top-ups and bundles. */
  messages: number;
  mostMessages: number;
  window: Repeats | null;
  results: { results: OptionResult[]; totalSpent: string; totalVotes: string } | null;
}

/** A root that the tree of sign-ups had. */
export interface KnownRoot {
  index: number;
  root: string;
}

/** A voter in a poll. */
export interface Joined {
  stateIndex: number;
  /** Without top-ups. */
  credits: number;
}

/**
 * What is known of a voter. Whether the key that signed up has joined is not asked: the question would tell the node
 * which voter it is.
 */
export interface Voter {
  /** Their sign-up: keep it, for joins and tickets. */
  signedUp: KnownRoot | null;
  /** Whether they signed up in time for the poll. */
  inTime: boolean | null;
  /**
   * Those who joined with the poll key, the first one first. Anybody can join with somebody else's: the voter's own
   * is the one that their join gave.
   */
  joins: Joined[];
}

/** An option, and what it gets; negative for votes against. */
export interface Choice {
  option: number;
  weight: number;
}

/** A signed ballot: keep it until the poll has all of it. It is encrypted: anybody may see it, and send it. */
export interface Ballot {
  /** Its digest. */
  ballot: string;
  /** The block that it was signed after; null in polls without anchors. */
  signedAfter: number | null;
  /** Its messages, a line of JSON each: what the program's `publish` and a relayer take. */
  messages: string;
  count: number;
  stateIndex: number;
  /** The voter's, when they joined. */
  credits: number;
  cost: string;
  /** Credits that somebody has to add AFTER this ballot for all of it to count. */
  missing: string;
  /** The last block, as far as can be told, in which it is taken; null where that is the poll's end. */
  publishUntil: number | null;
}

/** Where a ballot's messages are in the poll. */
export interface Placement {
  /** Of each message, its places among the poll's. */
  places: number[][];
  /** Whether all are there. */
  complete: boolean;
  /** Whether those that are there are in their order. */
  inOrder: boolean;
}
