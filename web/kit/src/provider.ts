import { codeOf, MaciError, messageOf } from "./errors.js";

/** What answers JSON-RPC: a wallet (EIP-1193), or a node ({@link httpProvider}). */
export interface Provider {
  request(request: { method: string; params?: unknown }): Promise<unknown>;
}

/** How far logs have been read. */
export interface Reading {
  /** Blocks so far, of all. */
  done: number;
  total: number;
}

/** An answer, as the engine takes it. */
export type Answer = { result: unknown } | { error: { code: number; message: string; data?: unknown } };

/** Blocks of the largest request for logs. */
const LARGEST = 10_000;

/** Tries of a request that gets no answer. */
const TRIES = 4;

/** Codes with which providers bound requests; of logs they also say that there are too many (EIP-1474). */
const TOO_MANY = 429;
const BUSY = [TOO_MANY, -32005, -32007, -32016, -32029];

/** Requests that must go well before more blocks are tried than were refused. */
const PROBATION = 8;

/** No chain has so many blocks. */
const MOST_BLOCKS = 2 ** 40;

/** For an answer, in milliseconds. */
const PATIENCE = 30_000;

/** Waits, unless somebody asks to stop. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
  });
}

/** A node behind HTTP. */
export function httpProvider(url: string): Provider {
  let id = 0;
  return {
    async request({ method, params }) {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params: params ?? [] }),
        signal: AbortSignal.timeout(PATIENCE),
        // A node is told nothing of the page, nor of who reads it.
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      const answer = (await response.json().catch(() => null)) as { result?: unknown; error?: object } | null;
      if (answer?.error) throw Object.assign(new Error(messageOf(answer.error)), answer.error);
      if (!response.ok || answer === null || answer.result === undefined) {
        throw new Error(`the node answers with status ${response.status}`);
      }
      return answer.result;
    },
  };
}

/** An error that a node or a wallet gives as its answer; none of the network's. */
function answerOf(error: unknown): Answer | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  const data = (error as { data?: unknown }).data;
  return { error: { code, message: messageOf(error), ...(data === undefined ? {} : { data: plain(data) }) } };
}

/** What can be written as JSON of what a wallet has put into its error. */
function plain(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value)) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether an error is for now: the same is answered a moment later. */
const isForNow = (method: string, code: number) =>
  method === "eth_getLogs" ? code === TOO_MANY : BUSY.includes(code);

/** Asks, and asks again where nothing comes back. */
export async function ask(provider: Provider, method: string, params: unknown, signal?: AbortSignal): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    stopIfAsked(signal);
    try {
      return { result: await provider.request({ method, params }) };
    } catch (error) {
      const answer = answerOf(error);
      const isBusy = answer !== undefined && "error" in answer && isForNow(method, answer.error.code);
      if (answer && (!isBusy || tries === TRIES)) return answer;
      if (tries === TRIES) throw new MaciError("later", `the node does not answer: ${messageOf(error)}`, "other-node");
      await pause(250 * 2 ** tries, signal);
    }
  }
}

/** Throws if somebody asked to stop. */
export function stopIfAsked(signal?: AbortSignal): void {
  if (signal?.aborted) throw new MaciError("interrupted", "stopped");
}

interface LogsFilter {
  fromBlock: string;
  toBlock: string;
}

/** Asks for logs of so many blocks at once as the node is willing to answer for. */
export async function askLogs(
  provider: Provider,
  params: [LogsFilter],
  onReading?: (reading: Reading) => void,
  signal?: AbortSignal,
): Promise<Answer> {
  const [filter] = params;
  const [first, last] = [Number(filter.fromBlock), Number(filter.toBlock)];
  const total = last - first + 1;
  if (!(total <= MOST_BLOCKS)) {
    throw new MaciError("later", "the node's newest block cannot be: use another node", "other-node");
  }
  const all: unknown[] = [];
  let blocks = LARGEST;
  let ceiling = LARGEST;
  let successes = 0;
  for (let from = first; from <= last; ) {
    const to = Math.min(last, from + blocks - 1);
    const range = { fromBlock: `0x${from.toString(16)}`, toBlock: `0x${to.toString(16)}` };
    const answer = await ask(provider, "eth_getLogs", [{ ...filter, ...range }], signal);
    if ("result" in answer) {
      // What is no list is for the engine to refuse.
      if (!Array.isArray(answer.result)) return answer;
      for (const log of answer.result as unknown[]) all.push(log);
      from = to + 1;
      successes += 1;
      if (successes % PROBATION === 0) ceiling = Math.min(LARGEST, ceiling * 2);
      blocks = Math.min(ceiling, blocks * 2);
      onReading?.({ done: from - first, total });
    } else if (from === to) {
      return answer;
    } else {
      // So many are not asked for again for some time.
      blocks = Math.max(1, Math.floor((to - from + 1) / 2));
      ceiling = blocks;
      successes = 0;
    }
  }
  return { result: all };
}
