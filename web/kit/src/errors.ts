/**
 * What kind of error it is, for a program:
 *
 * - `usage`: what was asked for is wrong, or does not fit what it names;
 * - `input`: a file or a text that is none;
 * - `wrong-key`: another key than the one that is needed;
 * - `parameters`: a proving key that is missing, wrong or not allowed;
 * - `later`: not now, a node is away or lags, or it is too early; the same may go well later;
 * - `chain`: what the chain, a contract, a node or a relayer refuses, until somebody does something;
 * - `declined`: somebody said no in their wallet, and nothing was sent;
 * - `interrupted`: it was asked to stop;
 * - `internal`: the kit contradicts itself.
 */
export type ErrorKind =
  | "usage"
  | "input"
  | "wrong-key"
  | "parameters"
  | "checkpoint"
  | "proof"
  | "io"
  | "later"
  | "chain"
  | "declined"
  | "interrupted"
  | "internal";

/** What may help, where something is known. */
export type Hint =
  | "other-poll-file"
  | "other-node"
  | "other-node-or-proof"
  | "state-index"
  | "key-of-join"
  | "nonce"
  | "min-credits"
  | "vote-again"
  | "join-key"
  | "sign-up"
  | "key-digest"
  | "proof"
  | "publish-yourself";

/** Why something could not be done: a sentence for people, a kind and a hint for programs. */
export class MaciError extends Error {
  readonly kind: ErrorKind;
  readonly hint: Hint | undefined;

  constructor(kind: ErrorKind, message: string, hint?: Hint) {
    super(message);
    this.name = "MaciError";
    this.kind = kind;
    this.hint = hint;
  }
}

/** What the WASM throws: JSON in an error's message. */
export function fromWasm(error: unknown): MaciError {
  if (error instanceof MaciError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof WebAssembly.RuntimeError) {
    return new MaciError("internal", "the program stopped inside, please report this; load it again");
  }
  try {
    const { kind, message, hint } = JSON.parse(text) as { kind: ErrorKind; message: string; hint?: Hint };
    if (typeof kind === "string" && typeof message === "string") return new MaciError(kind, message, hint);
  } catch {
    // It is an error of the machine, and not of the kit's.
  }
  return new MaciError("internal", text);
}

/** A code that a node or a wallet gives its errors (EIP-1193, EIP-1474); those of the machine have others. */
export function codeOf(error: unknown): number | undefined {
  if (typeof DOMException !== "undefined" && error instanceof DOMException) return undefined;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "number" ? code : undefined;
}

/** Of an error that nothing else is known of. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === "string" ? message : String(error);
}
