// A chain of this machine's, and the program that deploys to it.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ANVIL = here("../../../tests/node/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
const PROGRAM = process.env.MACI_NOVA_PROGRAM ?? here("../../../target/release/maci-nova");

/** The key of anvil's first account, which everybody knows. */
const ACCOUNT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/** What is lacking here for tests on a chain, if anything is. */
export function lacking() {
  const missing = [
    [ANVIL, "run `npm ci` in tests/node/"],
    [PROGRAM, "run `cargo build --release --package maci-nova`"],
  ].filter(([path]) => !existsSync(path));
  return missing.map(([path, remedy]) => `${path} is missing: ${remedy}`).join("; ");
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A chain, and a folder with the account's key in `account.key`. */
export class Chain {
  #anvil;

  static async start() {
    const chain = new Chain();
    chain.folder = mkdtempSync(join(tmpdir(), "maci-nova-kit-"));
    chain.writeKey("account.key", ACCOUNT_KEY);
    const port = await freePort();
    chain.url = `http://127.0.0.1:${port}`;
    // The shell waits for the end of its input, which comes however this process ends, and ends anvil.
    const script = '"$@" & anvil=$!; cat; kill "$anvil"; wait "$anvil"';
    const stdio = ["pipe", "ignore", "inherit"];
    chain.#anvil = spawn("sh", ["-c", script, "sh", ANVIL, "--port", String(port), "--silent"], { stdio });
    chain.#anvil.unref();
    chain.#anvil.stdin.unref();
    return chain;
  }

  async stop() {
    const ended = new Promise((done) => this.#anvil.once("close", done));
    this.#anvil.ref();
    this.#anvil.stdin.end();
    await ended;
    rmSync(this.folder, { recursive: true });
  }

  path(name) {
    return join(this.folder, name);
  }

  read(name) {
    return readFileSync(this.path(name), "utf8");
  }

  readBytes(name) {
    return new Uint8Array(readFileSync(this.path(name)));
  }

  write(name, text) {
    writeFileSync(this.path(name), text);
  }

  writeKey(name, text) {
    this.write(name, `${text}\n`);
    chmodSync(this.path(name), 0o600);
  }

  /** Runs the program in the folder; what it prints. What it warns of is in the error, if it fails. */
  program(line) {
    const options = { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return JSON.parse(execFileSync(PROGRAM, [...line.split(" "), "--json", "--quiet"], options));
  }
}
