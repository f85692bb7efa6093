// An engine in a worker: the same as in this thread, with private keys in the worker alone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";

import { METHODS } from "../dist/engine.js";
import { engineInWorker, loadEngine } from "../dist/index.js";
import { failure } from "./failure.js";

/** What a page's worker has that Node's lacks, for the kit's `worker.js` to be run in. */
const BOOT = `
  const { parentPort, workerData } = require("node:worker_threads");
  globalThis.self = globalThis;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  import(workerData).then(() => parentPort.on("message", (data) => self.onmessage({ data })));
`;

/** A worker as a page has it; all that passes is written down. */
class PageWorker {
  passed = [];
  #worker;

  constructor(script) {
    this.#worker = new Worker(BOOT, { eval: true, workerData: new URL(script, import.meta.url).href });
    this.#worker.unref();
  }

  addEventListener(type, listener) {
    this.#worker.on(type, (given) => {
      if (type === "message") this.passed.push(given);
      listener(type === "message" ? { data: given } : { message: given.message });
    });
  }

  postMessage(message) {
    this.passed.push(message);
    this.#worker.postMessage(message);
  }

  terminate() {
    void this.#worker.terminate();
  }
}

/** Fails instead of waiting for ever. */
function soon(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} is not settled`)), 2_000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

describe("in a worker", () => {
  let worker;
  let engine;

  before(() => {
    worker = new PageWorker("../dist/worker.js");
    engine = engineInWorker(worker);
  });

  after(() => engine.close());

  test("keys are made, sealed and opened, and no private key comes out", async () => {
    const key = await engine.randomKey();
    const publicKey = await engine.publicKey(key);
    const sealed = await engine.sealKey(key, "passphrase");
    const again = await engine.unsealKey(sealed, "passphrase");
    assert.equal(await engine.publicKey(again), publicKey);
    await engine.deriveKey(Uint8Array.from({ length: 65 }, (_, i) => i));
    assert.ok(worker.passed.length >= 12);
    assert.ok(!JSON.stringify(worker.passed).includes("macisk"));

    const exported = await engine.exportKey(key);
    assert.match(exported, /^macisk\.[0-9a-f]{64}$/);
    const here = await loadEngine();
    assert.equal(await here.publicKey(await here.unsealKey(sealed, "passphrase")), publicKey);
    assert.equal(await here.publicKey(await here.importKey(exported)), publicKey);
    here.close();
  });

  test("errors come out as they are: kind, sentence and hint", async () => {
    const none = await failure(engine.importKey("macipk.1234"));
    assert.equal(none.kind, "input");
    assert.match(none.message, /macisk/);
    assert.equal((await failure(engine.exportKey(4_000_000))).kind, "input");
    assert.equal((await failure(engine.begin("{}"))).kind, "usage");
  });

  test("several questions at once have each its own answer", async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => engine.randomKey()));
    const publicKeys = await Promise.all(keys.map((key) => engine.publicKey(key)));
    assert.equal(new Set(publicKeys).size, 20);
    const again = await Promise.all([...keys].reverse().map((key) => engine.publicKey(key)));
    assert.deepEqual(again.reverse(), publicKeys);
  });

  test("an operation runs there, and says what it lacks", async () => {
    const handle = await engine.begin(JSON.stringify({ operation: "open", pollFile: "{}" }));
    const outcome = JSON.parse(await engine.run(handle));
    assert.deepEqual([outcome.outcome, outcome.error.kind], ["failed", "input"]);
  });

  test("every method of an engine is there", () => {
    for (const method of [...METHODS, "listen", "close"]) assert.equal(typeof engine[method], "function", method);
  });
});

describe("a worker that is gone", () => {
  test("fails what it was asked for, and all that it is asked for later", async () => {
    const engine = engineInWorker(new PageWorker("../dist/worker.js"));
    const key = await engine.randomKey();
    const waiting = failure(engine.publicKey(key));
    engine.close();
    assert.equal((await soon(waiting, "a question before the end")).kind, "internal");
    assert.equal((await soon(failure(engine.publicKey(key)), "a question after the end")).kind, "internal");
  });

  test("that could not be loaded fails everything, too", async () => {
    let failed;
    const engine = engineInWorker({
      addEventListener: (type, listener) => {
        if (type === "error") failed = listener;
      },
      postMessage: () => undefined,
      terminate: () => undefined,
    });
    const waiting = failure(engine.randomKey());
    failed({ message: "" });
    const error = await soon(waiting, "a question before the error");
    assert.equal(error.kind, "internal");
    assert.match(error.message, /could not be loaded/);
    assert.equal((await soon(failure(engine.randomKey()), "a question after the error")).kind, "internal");
  });
});
