// A chain, a poll on it, its service, and a folder of static files: what the page is tried on.
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { Town, until } from "../../tests/node/town.mjs";

const artifacts = fileURLToPath(new URL("../../contracts/out", import.meta.url));

/** A node with what the page is tried on. */
export class World extends Town {
  #servers = [];
  /** Served so far, but for WASM and keys. */
  bytes = 0;

  async start() {
    await super.start();
    this.accounts = await this.ask("eth_accounts");
  }

  async stop() {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    await super.stop();
  }

  /** Sends from an account of the node's own. */
  async send(from, to, data) {
    const hash = await this.ask("eth_sendTransaction", [{ from, ...(to ? { to } : {}), data }]);
    return until("a block", () => this.ask("eth_getTransactionReceipt", [hash]));
  }

  /** Deploys one of the contracts for trying out; its constructor takes an address, its owner. */
  async deploy(name, owner) {
    const artifact = JSON.parse(readFileSync(join(artifacts, `${name}.sol/${name}.json`), "utf8"));
    const code = artifact.bytecode.object ?? artifact.bytecode;
    const receipt = await this.send(owner, null, `${code}${word(owner)}`);
    return receipt.contractAddress;
  }

  /** Serves a folder, and another one under /polls/. */
  async host(folder) {
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
    this.#servers.push(server);
    return `http://127.0.0.1:${server.address().port}`;
  }

  /** A service that counts and relays the polls of these files; its address. */
  async service(polls) {
    const listed = polls.map((file) => `[[coordinator.polls]]\nfile = "${file}"\n`).join("");
    return this.serve(
      `[node]\nevery = "1s"\nconfirmations = 1\n[http]\nlisten = "127.0.0.1:0"\nrequests_a_second = 1000\nburst = 1000\n` +
        `[coordinator]\nout = "state"\nkey_file = "coordinator.key"\ninsecure_setup = true\naccount_key_file = "account0.key"\n${listed}` +
        `[relay]\nout = "relayed"\npolls = [${polls.map((file) => `"${file}"`).join(", ")}]\naccount_key_file = "account1.key"\nwait = "1s"\nconfirmations = 1\njoins = true\n`,
    );
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
