import { METHODS, type Engine, type Method, type Saying } from "./engine.js";
import { MaciError } from "./errors.js";
import type { FromWorker, ToWorker } from "./messages.js";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: MaciError): void;
}

/**
 * An engine in a worker that runs the kit's `worker.js`: a page goes on while something is proven, and
 * private keys are in the worker's memory alone.
 */
export function engineInWorker(worker: Worker): Engine {
  const waiting = new Map<number, Waiting>();
  /** Why nothing is answered any more. */
  let ended: string | undefined;
  const listeners = new Set<(saying: Saying) => void>();
  let next = 0;

  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if ("saying" in data) {
      for (const listener of listeners) listener(data.saying);
      return;
    }
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ("error" in data) call?.reject(new MaciError(data.error.kind, data.error.message, data.error.hint));
    else call?.resolve(data.value);
  });
  const fail = (text: string) => {
    ended = text;
    for (const call of waiting.values()) call.reject(new MaciError("internal", text));
    waiting.clear();
  };
  worker.addEventListener("error", (event) => fail(`the worker stopped: ${event.message || "it could not be loaded"}`));

  const ask = (method: Method, args: unknown[]) =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(new MaciError("internal", ended));
      const id = next++;
      waiting.set(id, { resolve, reject });
      const message: ToWorker = { id, method, args };
      worker.postMessage(message);
    });
  const methods = Object.fromEntries(METHODS.map((method) => [method, (...args: unknown[]) => ask(method, args)]));
  return {
    ...(methods as unknown as Engine),
    listen: (listener) => void listeners.add(listener),
    close: () => {
      worker.terminate();
      fail("the worker was ended");
    },
  };
}
