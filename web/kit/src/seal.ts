import { MaciError } from "./errors.js";
import { fromHex, toHex } from "./hex.js";

/** A private key under a passphrase, as JSON: AES-256-GCM under PBKDF2 with SHA-256. Safe to store. */
export interface SealedKey {
  version: 1;
  /** Rounds of PBKDF2. */
  iterations: number;
  /** 16 bytes, in hexadecimal. */
  salt: string;
  /** 12 bytes, in hexadecimal. */
  iv: string;
  /** The key's text and the tag, in hexadecimal. */
  data: string;
}

/** As OWASP asks for of PBKDF2 with SHA-256. */
const ITERATIONS = 600_000;

/** A file of somebody else's cannot keep a machine busy for longer. */
const MOST_ITERATIONS = 10_000_000;

function bytes(text: unknown): Uint8Array<ArrayBuffer> {
  if (typeof text !== "string" || !/^([0-9a-f]{2})*$/.test(text)) throw new MaciError("input", "this is not a sealed key");
  return fromHex(text);
}

async function derive(passphrase: string, salt: Uint8Array<ArrayBuffer>, iterations: number): Promise<CryptoKey> {
  const text = new TextEncoder().encode(passphrase.normalize("NFKC"));
  const material = await crypto.subtle.importKey("raw", text, "PBKDF2", false, ["deriveKey"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(parameters, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Seals a key's text. */
export async function seal(text: string, passphrase: string): Promise<SealedKey> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await derive(passphrase, salt, ITERATIONS);
  const plain = new TextEncoder().encode(text);
  const data = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain));
  plain.fill(0);
  return { version: 1, iterations: ITERATIONS, salt: toHex(salt), iv: toHex(iv), data: toHex(data) };
}

/** Opens a sealed key. Throws a {@link MaciError} of the kind `input` for another passphrase. */
export async function unseal(sealed: SealedKey, passphrase: string): Promise<string> {
  const { version, iterations } = (sealed ?? {}) as Partial<SealedKey>;
  if (iterations === undefined || version !== 1 || !Number.isInteger(iterations) || iterations < 1 || iterations > MOST_ITERATIONS) {
    throw new MaciError("input", "this is not a sealed key, or one of a later version");
  }
  const key = await derive(passphrase, bytes(sealed.salt), iterations);
  try {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(sealed.iv) }, key, bytes(sealed.data));
    const text = new TextDecoder().decode(plain);
    new Uint8Array(plain).fill(0);
    return text;
  } catch {
    throw new MaciError("input", "the passphrase is another one, or the sealed key is damaged");
  }
}
