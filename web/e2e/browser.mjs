// A browser, its pages, and what is asked of each: that it complains of nothing, asks nobody else for
// anything, can be used without a mouse or a screen, and fits a phone.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { check, until } from "../../tests/node/town.mjs";
import { LAUNCH } from "../../tests/page/chromium.mjs";
import { wallet } from "./wallet.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export async function launch(pictures) {
  mkdirSync(pictures, { recursive: true });
  const browser = await chromium.launch(LAUNCH);
  return { browser, pictures };
}

/** Somebody with a browser of their own, and a wallet if they have an account. */
export class Person {
  complaints = [];

  static async come({ browser, pictures }, world, places, account, options = {}) {
    const person = new Person();
    person.world = world;
    person.pictures = pictures;
    person.places = places;
    person.context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1100, height: 900 }, ...options });
    person.page = await person.context.newPage();
    if (account) {
      const chainId = Number(await world.ask("eth_chainId"));
      await person.page.addInitScript(wallet, { url: world.url, account, chainId, name: "Test Wallet" });
    }
    person.#watch();
    return person;
  }

  #watch() {
    const own = [this.places.page, this.places.service, this.world.url].filter(Boolean);
    this.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    this.page.on("pageerror", (error) => this.complaints.push(error.message));
    this.page.on("request", (request) => {
      const url = request.url();
      if (!/^(blob|data):/.test(url) && !own.some((place) => url.startsWith(place))) this.complaints.push(`asks for ${url}`);
    });
    this.page.on("dialog", (dialog) => dialog.accept());
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  field(label) {
    return this.page.getByLabel(label, { exact: true });
  }

  text() {
    return this.page.locator("body").innerText();
  }

  /** Waits until a text is on the page. */
  async sees(text, seconds = 40) {
    try {
      await until(`the page says “${text}”`, async () => (await this.text()).includes(text), seconds);
    } catch (error) {
      await this.picture("failed");
      throw error;
    }
  }

  async press(name) {
    const button = this.button(name);
    await button.waitFor({ timeout: 30_000 });
    await until(`“${name}” can be pressed`, () => button.isEnabled());
    await button.click();
  }

  /** Nothing goes on. */
  rest() {
    return until("nothing goes on", async () => (await this.page.locator(".working").count()) === 0, 90);
  }

  /** Another tab of the same browser, at the same place. */
  async tab() {
    const other = Object.create(this);
    other.page = await this.context.newPage();
    other.page.on("dialog", (dialog) => dialog.accept());
    await other.page.goto(this.page.url());
    await other.sees("Your keys");
    return other;
  }

  async makeReady(passphrase) {
    await this.field("Passphrase").fill(passphrase);
    await this.field("Passphrase again").fill(passphrase);
  }

  async connect() {
    await this.press("Connect Test Wallet");
    await this.sees("Test Wallet: account");
  }

  async makeKeys(passphrase, origin) {
    if (origin) await this.page.getByLabel(origin, { exact: false }).check();
    await this.field("Passphrase").fill(passphrase);
    await this.field("Passphrase again").fill(passphrase);
    await this.press("Make my keys");
    await this.sees("Your keys are made", 120);
  }

  async reload() {
    await this.page.reload();
    await until("the poll is open again", async () => /open: people|not started|has ended|finished/.test(await this.text()));
    await this.rest();
  }

  async unlock(passphrase) {
    await this.field("Passphrase").fill(passphrase);
    await this.press("Unlock my keys");
    await this.sees("Unlocked until you leave this page.", 120);
    await this.rest();
  }

  /** Votes in the form: numbers by the options' names. */
  async fill(votes) {
    for (const [name, number] of Object.entries(votes)) await this.field(`Votes for ${name}`).fill(String(number));
  }

  picture(name) {
    return this.page.screenshot({ path: join(this.pictures, `${name}.png`), fullPage: true });
  }

  /** What axe finds, of what is serious. */
  async audit(what) {
    await this.page.evaluate(axe);
    const found = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const serious = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    const list = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    check(list.length === 0, `${what}: ${list.join("; ")}`);
  }

  /** Fits a phone. */
  async narrow(what) {
    await this.page.setViewportSize({ width: 360, height: 740 });
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth);
    await this.picture(`${what}-phone`);
    await this.page.setViewportSize({ width: 1100, height: 900 });
    check(wide <= 360, `${what}: a phone has to scroll sideways: ${wide} pixels`);
  }

  /** Complains of nothing but what is expected. */
  quiet(...expected) {
    const left = this.complaints.filter((text) => !expected.some((known) => text.includes(known)));
    check(left.length === 0, `complaints: ${left.join("; ")}`);
    this.complaints.length = 0;
  }
}
