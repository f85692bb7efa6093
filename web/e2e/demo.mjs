// The demo's page, as a newcomer sees it: one command, one of its wallets, a vote, and the results.
//
//     node demo.mjs PROGRAM FOLDER-OF-THE-SITE FOLDER-FOR-PICTURES
import { spawn } from "node:child_process";
import { resolve } from "node:path";

import { check, until } from "../../tests/node/town.mjs";
import { launch, Person } from "./browser.mjs";

const [program, site, pictures] = process.argv.slice(2).map((path) => resolve(path));
const PASSPHRASE = "correct horse battery";

const child = spawn(program, ["demo", "--web", site, "--minutes", "1", "--json", "--quiet"], {
  stdio: ["ignore", "pipe", "inherit"],
});

async function main() {
  const line = await new Promise((done) => child.stdout.once("data", (data) => done(`${data}`)));
  const { page } = JSON.parse(line);
  const there = await launch(pictures);
  try {
    const place = new URL(page).origin;
    const person = await Person.come(there, { url: place }, { page: place });
    await person.page.goto(page);
    await person.sees("What shall the town build?");
    await person.press("Connect Demo wallet 1");
    await person.sees("Demo wallet 1: account");
    await person.makeKeys(PASSPHRASE);
    await person.field("Token number").fill("0");
    await person.press("Sign up");
    await person.sees("You are sign-up 0.");
    await person.sees("It is open");
    await person.press("Join with my wallet");
    await person.sees("You are voter 1, with 100 credits.", 90);
    await person.fill({ "A well": 7 });
    await person.press("Vote with my wallet");
    await person.sees("Your ballot is in the poll: all of it, in order.");
    await person.picture("demo");
    await person.sees("It is finished: the results are final.", 240);
    await person.press("Check them in this browser");
    await person.sees("Checked here: every event of the poll", 90);
    const row = person.page.getByRole("row").filter({ has: person.page.getByRole("rowheader", { name: "A well" }) });
    check((await row.getByRole("cell").allInnerTexts()).join() === "7,49", "the vote was counted");
    person.quiet();
  } finally {
    await there.browser.close();
  }
  child.kill("SIGTERM");
  await until("the demo ends", async () => child.exitCode !== null, 10);
  check(child.exitCode === 0, `the demo ends with ${child.exitCode}`);
  console.log("the demo's page was seen, from the first look to the results");
}

await main()
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => child.kill("SIGKILL"));
