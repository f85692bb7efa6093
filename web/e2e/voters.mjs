// Three voters and an operator in browsers, and a coordinator's service: from an empty chain to results
// that are read, and checked, on the page. Everything that the page can do is done once, with the page
// loaded again, the wallet saying no, or the network gone in the middle of it.
//
//     node voters.mjs PROGRAM FOLDER-OF-THE-SITE FOLDER-FOR-PICTURES
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

import { toFunctionSelector } from "viem";

import { check, until } from "../../tests/node/town.mjs";
import { launch, Person } from "./browser.mjs";
import { word, World } from "./world.mjs";

const [program, site, pictures] = process.argv.slice(2).map((path) => resolve(path));
const began = Date.now();
const say = (text) => console.log(`${String(Math.round((Date.now() - began) / 1000)).padStart(4)} s  ${text}`);
const world = new World(program);
const PASSPHRASE = "correct horse battery";
const PASSPHRASE_OF_BERT = "another passphrase";
const OPTIONS = ["A well", "A bridge", "A school", "A park", "Nothing"];

// Contracts for trying out: owners of a token sign up, another token buys credits.
async function contracts() {
  const [operator, , ...voters] = world.accounts;
  const ticket = await world.deploy("SignUpToken", operator);
  const money = await world.deploy("SampleToken", operator);
  const call = (signature, ...words) => toFunctionSelector(signature) + words.map(word).join("");
  for (const [i, voter] of voters.slice(0, 3).entries()) {
    await world.send(operator, ticket, call("giveToken(address)", voter));
    await world.send(operator, money, call("mint(address,uint256)", voter, 1000 * (i + 1)));
  }
  return { ticket, money };
}

async function makePoll() {
  const { ticket, money } = await contracts();
  const pays = "--account-key-file account0.key";
  world.run(`deploy --rpc-url ${world.url} ${pays} --insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper token:${ticket}`);
  const key = world.run("keygen --out coordinator.key").publicKey.serialized;
  const topUps = `--top-up-token ${money} --credit-unit 2 --beneficiary ${world.accounts[0]}`;
  world.run(`poll create --coordinator-key ${key} --options 5 --start-in 1h --duration 1d --credits 100 ${topUps} ${pays}`);
}

// The operator says what the poll is about, on the operator's page.
async function describe(there, page) {
  const operator = await Person.come(there, world, { page });
  await operator.page.goto(`${page}/operator.html?poll=/polls/poll.json`);
  await operator.sees("What the poll is about");
  await operator.field("Title").fill("Where the money goes");
  await operator.field("Description").fill("Of this year.\n\nAll of it.");
  await operator.press("Save both files");
  await operator.sees("option 0 is empty");
  for (const [i, name] of OPTIONS.entries()) await operator.field(`Name of option ${i}`).fill(name);
  await operator.field("More about option 0").fill("With a pump.");
  const saved = [];
  operator.page.on("download", (download) => saved.push(download));
  await operator.press("Save both files");
  await until("both files are saved", async () => saved.length === 2);
  for (const download of saved) await download.saveAs(world.path(download.suggestedFilename()));
  await operator.audit("the operator's page");
  await operator.narrow("operator");
  operator.quiet();
  check(JSON.parse(readFileSync(world.path("poll.json"), "utf8")).metadata.length === 66, "the poll file names the description");
  world.run("status");
  await operator.context.close();
}

async function main() {
  await world.start();
  await makePoll();
  say("a poll is made");
  const there = await launch(pictures);
  try {
    const page = await world.host(site);
    await describe(there, page);
    say("and described");
    const service = await world.service(["poll.json"]);
    const places = { page, service };
    const link = `${page}/?poll=/polls/poll.json&relayer=${service}`;
    const [, , first, second, third] = world.accounts;

    const anna = await Person.come(there, world, places, first);
    await annaSignsUp(anna, link);
    const { startTime } = world.run("status");
    await world.goTo(startTime + 1);
    await annaVotes(anna);
    const bert = await Person.come(there, world, places, second);
    await bertVotes(bert, link);
    const cleo = await Person.come(there, world, places, third, { colorScheme: "dark" });
    await cleoVotes(cleo, link);
    await count(anna, bert, cleo);
    await embed(there, page);
    console.log(`the page was seen in ${there.browser.version()}; pictures are in ${pictures}`);
  } finally {
    await there.browser.close();
  }
}

// With a wallet, random keys, a token to sign up with; before the poll has started.
async function annaSignsUp(anna, link) {
  const before = world.bytes;
  await anna.page.goto(link);
  await anna.sees("Where the money goes");
  await anna.sees("It has not started.");
  const bytes = world.bytes - before;
  check(bytes > 10_000 && bytes < 300_000, `the first load is of ${bytes} bytes`);
  say(`the first load is of ${bytes} bytes, without WASM and keys`);
  await anna.audit("the first look");
  await anna.picture("first");
  await anna.connect();
  await anna.field("Passphrase").fill("short");
  await anna.press("Make my keys");
  await anna.sees("fewer than 8 characters");
  // Another tab that was there before cannot write over what this one makes.
  const tab = await anna.tab();
  await tab.makeReady(PASSPHRASE);
  await anna.makeKeys(PASSPHRASE);
  await tab.press("Make my keys");
  await tab.sees("Keys were made in another tab");
  await tab.page.close();
  await anna.sees("These keys are only in this browser");
  await anna.audit("keys");
  await anna.press("Sign up");
  await anna.sees("A token number is a whole number.");
  // Somebody else's token.
  await anna.field("Token number").fill("1");
  await anna.press("Sign up");
  await anna.sees("the contract refuses");
  await anna.field("Token number").fill("0");
  await anna.page.evaluate(() => (window.wallet.decline = true));
  await anna.press("Sign up");
  await anna.sees("you said no in your wallet, and nothing was sent");
  await anna.page.evaluate(() => (window.wallet.decline = false));
  // The page is left while the wallet asks; the wallet has sent nothing.
  await anna.page.evaluate(() => (window.wallet.hang = true));
  await anna.press("Sign up");
  await anna.sees("look into your wallet");
  await anna.reload();
  await anna.sees("Your wallet was asked for this, and the page was left before it answered");
  await anna.press("I have looked");
  await anna.field("Passphrase").fill("another passphrase");
  await anna.press("Unlock my keys");
  await anna.sees("the passphrase is another one");
  await anna.unlock(PASSPHRASE);
  await anna.field("Token number").fill("0");
  await anna.press("Sign up");
  await anna.sees("You are sign-up 0.");
  check(await anna.button("Join with my wallet").isDisabled(), "nobody joins before the start");
  // Another network, and back.
  await anna.page.evaluate(() => window.wallet.change(5));
  await anna.sees("The wallet is on chain 5");
  await anna.press("Change to chain 31337");
  await until("it is on the right chain", async () => !(await anna.text()).includes("is on chain 5"));
  anna.quiet();
  say("Anna has signed up");
}

async function annaVotes(anna) {
  await anna.reload();
  await anna.unlock(PASSPHRASE);
  // The page is left in the middle of the proof: nothing was sent, and it is made again.
  await anna.press("Join with my wallet");
  await anna.sees("proving that you are one of those");
  await anna.reload();
  await anna.unlock(PASSPHRASE);
  check((await anna.page.evaluate(() => window.wallet.sent.length)) === 0, "nothing was sent");
  const joining = Date.now();
  await anna.press("Join with my wallet");
  await anna.sees("You are voter 1, with 100 credits.", 90);
  const seconds = (Date.now() - joining) / 1000;
  say(`Anna has joined, in ${seconds.toFixed(1)} s with the check of the key, the proof and the transaction`);
  await anna.audit("the ballot");
  await anna.picture("ballot");
  await anna.narrow("ballot");
  await anna.press("Vote with my wallet");
  await anna.sees("Give at least one option a vote.");
  await anna.fill({ "A well": 11 });
  await anna.sees("21 credits too many");
  await anna.sees("counts as a whole only if somebody buys that many for you AFTER it was sent");
  await anna.fill({ "A well": "1.5" });
  await anna.press("Vote with my wallet");
  await anna.sees("Votes are whole numbers.");
  await anna.fill({ "A well": 9, "A school": 3 });
  await anna.sees("10 of 100 credits left");
  await anna.page.evaluate(() => (window.wallet.decline = true));
  await anna.press("Vote with my wallet");
  await anna.sees("you said no in your wallet");
  // It was signed, and is kept; the same is sent after the page is loaded again.
  await anna.reload();
  check(!(await anna.text()).includes("Ballots from this browser"), "who has not the passphrase does not see ballots");
  await anna.unlock(PASSPHRASE);
  await anna.sees("Not in the poll, or not all of it.");
  await anna.press("Send it with my wallet");
  await anna.sees("Your ballot is in the poll: all of it, in order.");
  await anna.sees("others can send again what you have sent until now");
  // Once more, by the relayer, with a new key, for more than she has.
  await anna.page.getByText("More choices").click();
  await anna.page.getByLabel("Change my key with it", { exact: false }).check();
  await anna.fill({ "A well": 0, "A school": 0, "A park": 10, Nothing: 2 });
  await anna.sees("4 credits too many");
  await anna.press("Vote through the relayer");
  await anna.sees("the relayer has it, and publishes it");
  await anna.sees("Your ballot is in the poll: all of it, in order.");
  check((await anna.text()).split("In the poll: all of it, in order.").length === 3, "two ballots are in the poll");
  // Credits count for ballots that were sent before.
  await anna.sees("counts only if somebody buys 4 credits for you AFTER it was sent");
  await anna.field("Credits").fill("7");
  await anna.sees("costs 14");
  // The page is left while the approval is on its way, which is then not asked for again.
  await world.ask("evm_setAutomine", [false]);
  await anna.press("Buy");
  await anna.sees("waiting for a block");
  await anna.reload();
  await anna.sees("On its way: letting the poll take tokens");
  await world.ask("evm_setAutomine", [true]);
  await world.ask("evm_mine");
  await anna.sees("It is in a block: letting the poll take tokens");
  await anna.unlock(PASSPHRASE);
  await anna.field("Credits").fill("7");
  await anna.press("Buy");
  await anna.sees("7 credits bought.");
  check((await anna.page.evaluate(() => window.wallet.sent.length)) === 1, "one transaction was sent, and no second approval");
  // Somebody sends the first ballot again, after the second.
  await anna.press("Look again");
  check(!(await anna.text()).includes("and counts in its place. Vote again."), "nothing is undone");
  anna.quiet();
  say("Anna has voted, voted again through the relayer for more than she has, and bought the rest");
}

// With keys from a signature of the wallet; joins through the relayer, without a transaction of his own.
async function bertVotes(bert, link) {
  await bert.page.goto(link);
  await bert.sees("It is open");
  await bert.connect();
  await bert.makeKeys(PASSPHRASE, "From a signature of my wallet");
  const keys = await publicKeys(bert);
  // The same account has the same keys again.
  await bert.press("Remove the keys from this browser");
  await bert.makeKeys(PASSPHRASE_OF_BERT, "From a signature of my wallet");
  check(JSON.stringify(await publicKeys(bert)) === JSON.stringify(keys), "the keys are the same again");
  await bert.field("Token number").fill("1");
  await bert.press("Sign up");
  await bert.sees("You are sign-up 1.");
  await bert.press("Join through the relayer");
  await bert.sees("You are voter 2, with 100 credits.", 120);
  // The network goes while he votes: what was signed is kept.
  await bert.fill({ "A bridge": 10 });
  await bert.context.setOffline(true);
  await bert.press("Vote with my wallet");
  await bert.sees("does not answer");
  await bert.context.setOffline(false);
  await bert.press("Vote with my wallet");
  await bert.sees("Your ballot is in the poll: all of it, in order.");
  // The page is left while the relayer has a ballot: what became of it is seen when it comes back.
  await bert.fill({ "A bridge": 10 });
  await bert.press("Vote through the relayer");
  await bert.sees("the relayer has it");
  await bert.reload();
  await bert.unlock(PASSPHRASE_OF_BERT);
  const isThere = async () => (await bert.text()).split("In the poll: all of it, in order.").length === 3;
  await until("both ballots are in the poll", isThere);
  bert.quiet("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED");
  say("Bert has voted");
}

async function publicKeys(person) {
  await person.page.getByText("Save as key files").click();
  return person.page.locator("dd.code").allInnerTexts();
}

// With key files of the command-line program; a ballot that is only signed, saved, and sent by somebody else.
async function cleoVotes(cleo, link) {
  for (const name of ["cleo", "cleo-poll"]) world.run(`keygen --out ${name}.key`);
  await cleo.page.goto(link);
  await cleo.sees("It is open");
  await cleo.connect();
  await cleo.page.getByLabel("From key files", { exact: false }).check();
  await cleo.field("Key that signed up (or signs up)").setInputFiles(world.path("cleo.key"));
  await cleo.field("Key in this poll (or none, for a new one)").setInputFiles(world.path("cleo.key"));
  await cleo.field("Passphrase").fill(PASSPHRASE);
  await cleo.field("Passphrase again").fill(PASSPHRASE);
  await cleo.press("Make my keys");
  await cleo.sees("Both keys are the same");
  await cleo.field("Key in this poll (or none, for a new one)").setInputFiles(world.path("cleo-poll.key"));
  await cleo.press("Make my keys");
  await cleo.sees("Your keys are made", 120);
  await cleo.page.getByText("Save as key files").click();
  const [download] = await Promise.all([cleo.page.waitForEvent("download"), cleo.press("Save the key that votes here")]);
  await download.saveAs(world.path("saved.key"));
  check(readFileSync(world.path("saved.key"), "utf8") === readFileSync(world.path("cleo-poll.key"), "utf8"), "the saved key is the program's");
  await cleo.field("Token number").fill("2");
  // Loaded again when the transaction is on its way.
  await world.ask("evm_setAutomine", [false]);
  await cleo.press("Sign up");
  await cleo.sees("waiting for a block");
  await cleo.reload();
  await cleo.sees("On its way: signing up");
  await world.ask("evm_setAutomine", [true]);
  await world.ask("evm_mine");
  await until("it has landed", async () => !(await cleo.text()).includes("On its way"));
  await cleo.unlock(PASSPHRASE);
  await cleo.sees("You are sign-up 2.");
  // Without a network in the middle of joining.
  await cleo.context.setOffline(true);
  await cleo.press("Join with my wallet");
  await cleo.sees("Joining the poll:");
  await cleo.context.setOffline(false);
  await cleo.press("Join with my wallet");
  await cleo.sees("You are voter 3, with 100 credits.", 90);
  await cleo.fill({ "A school": 6, "A park": 8 });
  await cleo.page.getByText("More choices").click();
  await cleo.page.getByLabel("Send at least so many messages", { exact: false }).fill("4");
  await cleo.press("Only sign it");
  await cleo.sees("Your ballot is signed and kept here.");
  await cleo.audit("a ballot that was signed, in the dark");
  await cleo.picture("signed-dark");
  const [ballot] = await Promise.all([cleo.page.waitForEvent("download"), cleo.press("Save it as a file")]);
  await ballot.saveAs(world.path("ballot.jsonl"));
  // A wallet that does not answer is not waited for for ever.
  await cleo.page.evaluate(() => (window.wallet.hang = true));
  await cleo.press("Send it with my wallet");
  await cleo.press("Stop waiting");
  await cleo.sees("What your wallet was asked for may be sent still");
  await cleo.page.evaluate(() => (window.wallet.hang = false));
  await cleo.press("I have looked");
  // Nor does it keep the ballot from being sent.
  await cleo.page.evaluate(() => (window.wallet.decline = true));
  await cleo.press("Send it with my wallet");
  await cleo.sees("you said no in your wallet");
  await cleo.page.evaluate(() => (window.wallet.decline = false));
  world.run("publish --messages ballot.jsonl --account-key-file account1.key");
  await cleo.press("Look again");
  await cleo.sees("In the poll: all of it, in order.");
  cleo.quiet("ERR_INTERNET_DISCONNECTED");
  say("Cleo has voted, and the program has sent it");
}

// The service counts and finalizes; everybody reads the same results, and one checks them.
async function count(anna, bert, cleo) {
  const { endTime } = world.run("status");
  await world.goTo(endTime + 1);
  await anna.reload();
  await anna.sees("It has ended.");
  const mine = setInterval(() => void world.ask("evm_mine").catch(() => undefined), 500);
  await until("the poll is finalized", async () => world.run("status").state === "finalized", 180);
  clearInterval(mine);
  say("the poll is finalized");
  for (const person of [anna, bert, cleo]) {
    await person.reload();
    await person.sees("It is finished: the results are final.");
  }
  // Anna's second ballot, Bert's, Cleo's.
  const expected = { "A well": [0, 0], "A bridge": [10, 100], "A school": [6, 36], "A park": [18, 164], Nothing: [2, 4] };
  for (const person of [anna, bert, cleo]) {
    for (const [name, [votes, spent]] of Object.entries(expected)) {
      const row = person.page.getByRole("row").filter({ has: person.page.getByRole("rowheader", { name, exact: true }) });
      const cells = await row.getByRole("cell").allInnerTexts();
      check(JSON.stringify(cells) === JSON.stringify([String(votes), String(spent)]), `${name}: ${cells}`);
    }
  }
  await anna.field("Digest of the ceremony's keys, if you have it from somebody you trust").fill(`0x${"1".repeat(64)}`);
  await anna.press("Check them in this browser");
  await anna.sees("not the one that was given", 90);
  await anna.field("Digest of the ceremony's keys, if you have it from somebody you trust").fill("");
  await anna.press("Check them in this browser");
  await anna.sees("Checked here: every event of the poll", 90);
  await anna.sees("What this rests on, and no browser can check");
  await anna.audit("the results");
  await anna.picture("results");
  await anna.narrow("results");
  await cleo.picture("results-dark");
  await cleo.audit("the results, in the dark");
  for (const person of [anna, bert, cleo]) person.quiet();
  say("the results are read by all, and checked");
}

// In somebody else's page, of another origin.
async function embed(there, site) {
  const page = await world.host(world.folder);
  const person = await Person.come(there, world, { page, service: site });
  writeFileSync(
    world.path("embed.html"),
    `<!doctype html><html lang="en"><title>News</title><link rel="icon" href="data:,"><h1>News</h1><script type="module" src="${site}/maci-nova-results.js"></script>` +
      `<maci-nova-results poll="${site}/polls/poll.json" verify></maci-nova-results></html>`,
  );
  await person.page.goto(`${page}/embed.html`);
  await person.page.getByRole("rowheader", { name: "A bridge" }).waitFor({ timeout: 90_000 });
  await person.page.getByText("Checked here").waitFor();
  await person.picture("embedded");
  person.quiet();
  say("and in somebody else's page");
}

await main()
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => world.stop());
