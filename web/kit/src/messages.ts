import type { Method, Saying } from "./engine.js";
import type { ErrorKind, Hint } from "./errors.js";

/** A call of an engine in a worker. */
export interface ToWorker {
  id: number;
  method: Method;
  args: unknown[];
}

/** What a worker says. */
export type FromWorker =
  | { id: number; value: unknown }
  | { id: number; error: { kind: ErrorKind; message: string; hint: Hint | undefined } }
  | { saying: Saying };
