// A chain, a poll on it, its service, and a folder of static files: what the page is tried on.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../..");
const anvil = join(root, "tests/node/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");

/** Two of anvil's accounts, whose keys everybody knows: the operator's, and the relayer's. */
const KEYS = [
  "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
];

export function check(holds, what) {
  if (!holds) throw new Error(what);
}

export async function until(what, look, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  let last;
  while (Date.now() < end) {
    last = await look().catch((error) => ((what += ` (${error.message.split("\n")[0]})`), false));
    if (last) return last;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`never: ${what}`);
}

async function freePort() {
  const server = createSocket();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A node with blocks twelve seconds apart by its clock, however fast they come. */
export class World {
  children = [];
  servers = [];
  folder = mkdtempSync(join(tmpdir(), "maci-nova-web-"));
  url = "";
  /** Served so far, but for WASM and keys. */
  bytes = 0;

  constructor(program) {
    this.program = program;
  }

  async start() {
    const port = await freePort();
    this.children.push(spawn(anvil, ["--port", `${port}`, "--silent"], { stdio: "ignore" }));
    this.url = `http://127.0.0.1:${port}`;
    await until("the node answers", () => this.ask("eth_chainId"));
    this.accounts = await this.ask("eth_accounts");
    KEYS.forEach((key, i) => {
      writeFileSync(join(this.folder, `account${i}.key`), `0x${key}\n`);
      chmodSync(join(this.folder, `account${i}.key`), 0o600);
    });
  }

  async stop() {
    this.children.forEach((child) => child.kill("SIGKILL"));
    await Promise.all(this.servers.map((server) => new Promise((done) => server.close(done) && server.closeAllConnections())));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of the program; what it prints. */
  run(line, more = []) {
    const options = { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return JSON.parse(execFileSync(this.program, [...line.split(" "), ...more, "--json", "--quiet"], options));
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

  /** Sends from an account of the node's own. */
  async send(from, to, data) {
    const hash = await this.ask("eth_sendTransaction", [{ from, ...(to ? { to } : {}), data }]);
    return until("a block", () => this.ask("eth_getTransactionReceipt", [hash]));
  }

  /** Deploys one of the contracts for trying out; its constructor takes an address, its owner. */
  async deploy(name, owner) {
    const artifact = JSON.parse(readFileSync(join(root, `contracts/out/${name}.sol/${name}.json`), "utf8"));
    const code = artifact.bytecode.object ?? artifact.bytecode;
    const receipt = await this.send(owner, null, `${code}${word(owner)}`);
    return receipt.contractAddress;
  }

  file(name) {
    return join(this.folder, name);
  }

  /** Serves a folder, and another one under /polls/. */
  async serve(folder) {
    const server = createServer((request, response) => {
      const path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
      const file = path.startsWith("/polls/") ? join(this.folder, path.slice(7)) : join(folder, path === "/" ? "index.html" : path);
      if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
      if (!/\.(wasm|key)$/.test(file)) this.bytes += statSync(file).size;
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "access-control-allow-origin": "*" });
      createReadStream(file).pipe(response);
    });
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    this.servers.push(server);
    return `http://127.0.0.1:${server.address().port}`;
  }

  /** A service that counts and relays the polls of these files; its address. */
  async service(polls) {
    const listed = polls.map((file) => `[[coordinator.polls]]\nfile = "${file}"\n`).join("");
    writeFileSync(
      this.file("serve.toml"),
      `[node]\nevery = "1s"\nconfirmations = 1\n[http]\nlisten = "127.0.0.1:0"\nrequests_a_second = 1000\nburst = 1000\n` +
        `[coordinator]\nout = "state"\nkey_file = "coordinator.key"\ninsecure_setup = true\naccount_key_file = "account0.key"\n${listed}` +
        `[relay]\nout = "relayed"\npolls = [${polls.map((file) => `"${file}"`).join(", ")}]\naccount_key_file = "account1.key"\nwait = "1s"\nconfirmations = 1\njoins = true\n`,
    );
    const child = spawn(this.program, ["serve", "--config", "serve.toml", "--json"], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", process.env.MACI_NOVA_LOUD ? "inherit" : "ignore"],
    });
    this.children.push(child);
    const line = await new Promise((done) => child.stdout.once("data", (data) => done(`${data}`)));
    return `http://${JSON.parse(line).listening}`;
  }
}

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** An address as a word of calldata, without 0x. */
export const word = (value) => BigInt(value).toString(16).padStart(64, "0");
