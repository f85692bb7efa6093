// A node, and a folder in which people run the program: for tests that are written in JavaScript.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The node's program. */
export const ANVIL =
  process.env.MACI_NOVA_ANVIL ??
  fileURLToPath(new URL("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url));

/** The keys of its first accounts, which everybody knows. */
const KEYS = [
  "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
];

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

/** Looks until something holds; what it was, or an error with the last reason why not. */
export async function until(what, look, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let reason = "";
  while (Date.now() < end) {
    const found = await look().catch((error) => ((reason = ` (${error.message.split("\n")[0]})`), false));
    if (found) return found;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`never: ${what}${reason}`);
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A node that has started, and a folder with the keys of two of its accounts: `account0.key`, `account1.key`. */
export class Town {
  #anvil;
  #children = [];

  constructor(program) {
    this.program = program;
    this.folder = mkdtempSync(join(tmpdir(), "maci-nova-"));
    KEYS.forEach((key, i) => this.writeKey(`account${i}.key`, `0x${key}`));
  }

  async start() {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    // The shell waits for the end of its input, which comes however this process ends, and ends anvil.
    const script = '"$@" & anvil=$!; cat; kill "$anvil"; wait "$anvil"';
    const stdio = ["pipe", "ignore", "inherit"];
    this.#anvil = spawn("sh", ["-c", script, "sh", ANVIL, "--port", `${port}`, "--silent"], { stdio });
    this.#anvil.unref();
    this.#anvil.stdin.unref();
    await until("the node answers", () => this.ask("eth_chainId"));
  }

  /** Ends the node and what was begun here, and removes the folder. */
  async stop() {
    this.#children.forEach((child) => child.kill("SIGKILL"));
    if (this.#anvil) {
      const ended = new Promise((done) => this.#anvil.once("close", done));
      this.#anvil.ref();
      this.#anvil.stdin.end();
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Where a file of the folder is. */
  path(name) {
    return join(this.folder, name);
  }

  write(name, text) {
    writeFileSync(this.path(name), text);
  }

  writeKey(name, text) {
    this.write(name, `${text}\n`);
    chmodSync(this.path(name), 0o600);
  }

  /** Runs a command of the program in the folder; what it prints. What it warns of is in the error, if it fails. */
  run(line) {
    const options = { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return JSON.parse(execFileSync(this.program, [...line.split(" "), "--json", "--quiet"], options));
  }

  /** Serves with a configuration (TOML); the address. */
  async serve(configuration) {
    this.write("serve.toml", configuration);
    const child = spawn(this.program, ["serve", "--config", "serve.toml", "--json"], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", process.env.MACI_NOVA_LOUD ? "inherit" : "ignore"],
    });
    this.#children.push(child);
    const line = await new Promise((done) => child.stdout.once("data", (data) => done(`${data}`)));
    return `http://${JSON.parse(line).listening}`;
  }

  async ask(method, params = []) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "content-type": "application/json" };
    const answer = await (await fetch(this.url, { method: "POST", headers, body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result;
  }

  /** Goes to a time, in seconds since 1970. */
  async goTo(time) {
    await this.ask("evm_setNextBlockTimestamp", [time]);
    await this.ask("evm_mine");
  }
}
