// A chain of this machine's, and the program that deploys to it.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { ANVIL, Town } from "../../../tests/node/town.mjs";

const PROGRAM =
  process.env.MACI_NOVA_PROGRAM ?? fileURLToPath(new URL("../../../target/release/maci-nova", import.meta.url));

/** What is lacking here for tests on a chain, if anything is. */
export function lacking() {
  const missing = [
    [ANVIL, "run `npm ci` in tests/node/"],
    [PROGRAM, "run `cargo build --release --package maci-nova`"],
  ].filter(([path]) => !existsSync(path));
  return missing.map(([path, remedy]) => `${path} is missing: ${remedy}`).join("; ");
}

/** A node that has started. */
export class Chain extends Town {
  static async start() {
    const chain = new Chain(PROGRAM);
    await chain.start();
    return chain;
  }

  read(name) {
    return readFileSync(this.path(name), "utf8");
  }

  readBytes(name) {
    return new Uint8Array(readFileSync(this.path(name)));
  }
}
