// Looks at the page of a service that counts and relays a poll, as people do: in a browser, on a
// screen and on a phone, with a script and without one. Leaves pictures of what it saw.
//
//     node page.mjs PROGRAM FOLDER
//
// needs anvil (tests/node), Debian's Chromium, and the program.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [program, pictures] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const anvil = join(here, "../node/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
const browserPath = process.env.MACI_NOVA_BROWSER ?? "/usr/bin/chromium";
const accounts = [
  "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
  "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
];

const folder = mkdtempSync(join(tmpdir(), "maci-nova-page-"));
const children = [];

function check(holds, what) {
  if (!holds) throw new Error(what);
}

function run(line) {
  const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
  return JSON.parse(execFileSync(program, [...line.split(" "), "--json", "--quiet"], options));
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function until(what, look) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    if (await look().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`never: ${what}`);
}

async function ask(url, method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const headers = { "content-type": "application/json" };
  const answer = await (await fetch(url, { method: "POST", headers, body })).json();
  if (answer.error) throw new Error(answer.error.message);
  return answer.result;
}

async function node() {
  const port = await freePort();
  const child = spawn(anvil, ["--port", `${port}`, "--silent"], { stdio: "ignore" });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  await until("the node answers", () => ask(url, "eth_chainId", []));
  return url;
}

// A poll that has not started, and a service that counts and relays it.
async function service(url) {
  accounts.forEach((key, i) => {
    writeFileSync(join(folder, `account${i}.key`), `0x${key}\n`);
    chmodSync(join(folder, `account${i}.key`), 0o600);
  });
  const pays = "--account-key-file account0.key";
  run(`deploy --rpc-url ${url} ${pays} --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all`);
  const key = run("keygen --out coordinator.key").publicKey.serialized;
  run(`poll create --coordinator-key ${key} --options 3 --start-in 1h --duration 1d --credits 100 ${pays}`);
  const config = `
    [node]
    every = "1s"
    [http]
    listen = "127.0.0.1:0"
    requests_a_second = 1000
    burst = 1000
    [coordinator]
    out = "state"
    key_file = "coordinator.key"
    insecure_setup = true
    account_key_file = "account0.key"
    [[coordinator.polls]]
    file = "poll.json"
    [relay]
    out = "relayed"
    polls = ["poll.json"]
    account_key_file = "account1.key"
  `;
  writeFileSync(join(folder, "serve.toml"), config);
  const child = spawn(program, ["serve", "--config", "serve.toml", "--json"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  const line = await new Promise((done) => child.stdout.once("data", (data) => done(`${data}`)));
  return `http://${JSON.parse(line).listening}`;
}

// Whatever a page complains of, and whatever it asks others for.
function watch(page, address, complaints) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(address)) complaints.push(`asks for ${request.url()}`);
  });
}

async function text(page) {
  return page.locator("body").innerText();
}

async function main() {
  mkdirSync(pictures, { recursive: true });
  const url = await node();
  const address = await service(url);
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const complaints = [];
  try {
    const screen = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    watch(screen, address, complaints);
    await screen.goto(address);
    await until("the poll is pending", async () => (await text(screen)).includes("has not started"));
    await until("the relayer is there", async () => (await text(screen)).includes("takes no ballots now"));
    check((await text(screen)).includes("INSECURE"), "keys for development show");
    await screen.screenshot({ path: join(pictures, "page-pending.png"), fullPage: true });

    // It changes without anybody who loads it again.
    await screen.evaluate(() => (window.here = true));
    const { startTime } = run("status");
    await ask(url, "evm_setNextBlockTimestamp", [startTime]);
    await ask(url, "evm_mine", []);
    await until("the page shows that the poll is open", async () => {
      const shown = await text(screen);
      return shown.includes("open: takes joins and messages") && shown.includes("takes ballots");
    });
    check(await screen.evaluate(() => window.here === true), "it was not loaded again");
    await screen.screenshot({ path: join(pictures, "page-open.png"), fullPage: true });

    const phone = await browser.newPage({ viewport: { width: 360, height: 740 }, isMobile: true });
    watch(phone, address, complaints);
    await phone.goto(address);
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth);
    check(wide <= 360, `a phone has to scroll sideways: ${wide} pixels`);
    await phone.screenshot({ path: join(pictures, "page-phone.png"), fullPage: true });

    const still = await browser.newContext({ javaScriptEnabled: false });
    const plain = await still.newPage();
    await plain.goto(address);
    check((await text(plain)).includes("takes ballots"), "it can be read without a script");
    check(complaints.length === 0, complaints.join("; "));
    console.log(`the page was seen in ${browser.version()}; pictures are in ${pictures}`);
  } finally {
    await browser.close();
  }
}

main()
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => children.forEach((child) => child.kill("SIGKILL")));
