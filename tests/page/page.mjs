// Looks at the page of a service that counts and relays a poll, as people do: in a browser, on a
// screen and on a phone, with a script and without one. Leaves pictures of what it saw.
//
//     node page.mjs PROGRAM FOLDER
//
// needs anvil (tests/node), Debian's Chromium, and the program.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

import { check, Town, until } from "../node/town.mjs";
import { LAUNCH } from "./chromium.mjs";

const [program, pictures] = process.argv.slice(2).map((path) => resolve(path));
const town = new Town(program);

// A poll that has not started, and a service that counts and relays it.
async function service() {
  const pays = "--account-key-file account0.key";
  town.run(`deploy --rpc-url ${town.url} ${pays} --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all`);
  const key = town.run("keygen --out coordinator.key").publicKey.serialized;
  town.run(`poll create --coordinator-key ${key} --options 3 --start-in 1h --duration 1d --credits 100 ${pays}`);
  return town.serve(`
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
  `);
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
  await town.start();
  const address = await service();
  const browser = await chromium.launch(LAUNCH);
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
    const { startTime } = town.run("status");
    await town.goTo(startTime);
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
  .finally(() => town.stop());
