import type { Engine, KeyHandle } from "./engine.js";
import { MaciError } from "./errors.js";
import { fromHex, toHex } from "./hex.js";
import type { Provider } from "./provider.js";
import { fromWallet } from "./sender.js";

/** What a key is for. A key that signs up is good for all polls of its MACI; a poll's key for that poll alone. */
export type KeyUse = { signUpAt: string } | { pollAt: string };

/** The text that an account signs to get a key. */
export function keyText(chainId: number, account: string, use: KeyUse): string {
  const [what, where] = "signUpAt" in use ? ["sign up with MACI", use.signUpAt] : ["vote in the poll", use.pollAt];
  return [
    "Make a voting key.",
    "",
    "Sign this only on a page that you trust. Whoever has this signature has the key, and can vote with it. Every page",
    "that you sign it on gets the same key.",
    "",
    `To ${what} ${where.toLowerCase()}`,
    `On chain ${chainId}`,
    `With account ${account.toLowerCase()}`,
    "Version 1",
  ].join("\n");
}

/**
 * Derives a key from an account's signature, so that it can be had again: the wallet is asked twice, since
 * some wallets give another signature each time, and a key made of one would be lost.
 */
export async function deriveKey(
  engine: Engine,
  provider: Provider,
  account: string,
  chainId: number,
  use: KeyUse,
): Promise<KeyHandle> {
  const sign = async () => {
    try {
      const signed = await provider.request({ method: "personal_sign", params: [`0x${toHex(new TextEncoder().encode(keyText(chainId, account, use)))}`, account] });
      return String(signed);
    } catch (error) {
      throw fromWallet(error);
    }
  };
  const [first, second] = [await sign(), await sign()];
  if (first !== second || !/^0x[0-9a-f]{130}$/i.test(first)) {
    throw new MaciError(
      "usage",
      "this wallet gives another signature each time, or none of an account's: a key made of it would be lost. Make a random key",
    );
  }
  return engine.deriveKey(fromHex(first.slice(2)));
}
