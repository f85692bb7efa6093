import { fromWasm } from "./errors.js";
import { seal, unseal, type SealedKey } from "./seal.js";

/** A private key's number: the key itself stays in the engine's memory. */
export type KeyHandle = number;

/** What an operation says while it runs. */
export type Saying =
  | { kind: "note"; text: string }
  | { kind: "warning"; text: string }
  | { kind: "stage"; text: string };

/** What runs operations and holds keys: WASM in this thread ({@link loadEngine}), or in a worker ({@link engineInWorker}). */
export interface Engine {
  begin(operation: string, account?: string): Promise<number>;
  run(handle: number): Promise<string>;
  answer(handle: number, answer: string): Promise<void>;
  sent(handle: number, transaction: string, receipt: string): Promise<void>;
  end(handle: number): Promise<void>;
  loadJoinKey(bytes: Uint8Array, digest: string): Promise<void>;
  readMetadata(bytes: Uint8Array, digest: string, options: number): Promise<string>;
  digestMetadata(bytes: Uint8Array, options: number): Promise<string>;
  randomKey(): Promise<KeyHandle>;
  deriveKey(signature: Uint8Array): Promise<KeyHandle>;
  importKey(file: string): Promise<KeyHandle>;
  exportKey(key: KeyHandle): Promise<string>;
  sealKey(key: KeyHandle, passphrase: string): Promise<SealedKey>;
  unsealKey(sealed: SealedKey, passphrase: string): Promise<KeyHandle>;
  publicKey(key: KeyHandle): Promise<string>;
  forgetKey(key: KeyHandle): Promise<void>;
  /** Hears what operations say. */
  listen(listener: (saying: Saying) => void): void;
  /** Ends a worker. Keys in it are gone. */
  close(): void;
}

/** The names of an engine's methods that a worker answers. */
export const METHODS = [
  "begin",
  "run",
  "answer",
  "sent",
  "end",
  "loadJoinKey",
  "readMetadata",
  "digestMetadata",
  "randomKey",
  "deriveKey",
  "importKey",
  "exportKey",
  "sealKey",
  "unsealKey",
  "publicKey",
  "forgetKey",
] as const;

export type Method = (typeof METHODS)[number];

type Wasm = InstanceType<typeof import("../wasm/maci_nova.js").Engine>;

class LocalEngine implements Engine {
  readonly #wasm: Wasm;

  constructor(wasm: Wasm) {
    this.#wasm = wasm;
  }

  async #do<T>(act: (wasm: Wasm) => T): Promise<T> {
    try {
      return act(this.#wasm);
    } catch (error) {
      throw fromWasm(error);
    }
  }

  begin = (operation: string, account?: string) => this.#do((wasm) => wasm.begin(operation, account));
  run = (handle: number) => this.#do((wasm) => wasm.run(handle));
  answer = (handle: number, answer: string) => this.#do((wasm) => wasm.answer(handle, answer));
  sent = (handle: number, transaction: string, receipt: string) =>
    this.#do((wasm) => wasm.sent(handle, transaction, receipt));
  end = (handle: number) => this.#do((wasm) => wasm.end(handle));
  loadJoinKey = (bytes: Uint8Array, digest: string) => this.#do((wasm) => wasm.loadJoinKey(bytes, digest));
  readMetadata = (bytes: Uint8Array, digest: string, options: number) =>
    this.#do((wasm) => wasm.readMetadata(bytes, digest, options));
  digestMetadata = (bytes: Uint8Array, options: number) => this.#do((wasm) => wasm.digestMetadata(bytes, options));
  randomKey = () => this.#do((wasm) => wasm.randomKey());
  deriveKey = (signature: Uint8Array) => this.#do((wasm) => wasm.deriveKey(signature));
  importKey = (file: string) => this.#do((wasm) => wasm.importKey(file));
  exportKey = (key: KeyHandle) => this.#do((wasm) => wasm.exportKey(key));
  publicKey = (key: KeyHandle) => this.#do((wasm) => wasm.publicKey(key));
  forgetKey = (key: KeyHandle) => this.#do((wasm) => wasm.forgetKey(key));

  sealKey = async (key: KeyHandle, passphrase: string) => seal(await this.exportKey(key), passphrase);
  unsealKey = async (sealed: SealedKey, passphrase: string) => this.importKey(await unseal(sealed, passphrase));

  listen(listener: (saying: Saying) => void): void {
    this.#wasm.listen((text: string) => listener(JSON.parse(text) as Saying));
  }

  close(): void {
    this.#wasm.free();
  }
}

/**
 * Loads the WASM into this thread, which stands still while something is proven (seconds): in a page,
 * use {@link engineInWorker}.
 *
 * @param wasm The module: its bytes, an answer of `fetch`, or its address. By default the file beside
 *   the kit's own.
 */
export async function loadEngine(wasm?: BufferSource | Response | URL | string): Promise<Engine> {
  const module = await import("../wasm/maci_nova.js");
  const source = wasm ?? new URL("../wasm/maci_nova_bg.wasm", import.meta.url);
  await module.default({ module_or_path: await bytesOf(source) });
  return new LocalEngine(new module.Engine());
}

/** `fetch` knows no files in Node.js. */
async function bytesOf(source: BufferSource | Response | URL | string) {
  const isFile = source instanceof URL && source.protocol === "file:";
  if (!isFile) return source as BufferSource | Response | URL;
  const { readFile } = await import(/* @vite-ignore */ "node:fs/promises".toString());
  return (await readFile(source)) as BufferSource;
}
