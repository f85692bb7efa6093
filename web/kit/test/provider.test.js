// How a node or a wallet is asked: retries, ranges of logs, errors that are answers, stopping.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { httpProvider, MaciError } from "../dist/index.js";
import { ask, askLogs } from "../dist/provider.js";
import { failure } from "./failure.js";

/** A provider that gives these answers, one after the other, and the last again; errors are thrown. */
function scripted(...answers) {
  const asked = [];
  return {
    asked,
    async request(request) {
      asked.push(request);
      const next = answers[Math.min(asked.length, answers.length) - 1];
      if (next instanceof Error) throw next;
      return next;
    },
  };
}

const coded = (code, message, more = {}) => Object.assign(new Error(message), { code, ...more });
const network = () => new TypeError("fetch failed");

/** A node with a log in each of these blocks, which answers for so many blocks at once. */
function node(blocks, most, refusal = coded(-32005, "query returned more than 10000 results")) {
  const asked = [];
  return {
    asked,
    async request({ method, params: [filter] }) {
      assert.equal(method, "eth_getLogs");
      const [from, to] = [Number(filter.fromBlock), Number(filter.toBlock)];
      asked.push([from, to]);
      if (to - from + 1 > most) throw refusal;
      return blocks.filter((block) => from <= block && block <= to).map((block) => ({ blockNumber: block, filter }));
    },
  };
}

const filter = (from, to) => [
  { address: "0xabc", topics: [["0x1"], null], fromBlock: `0x${from.toString(16)}`, toBlock: `0x${to.toString(16)}` },
];
const blocksOf = ({ result }) => result.map((log) => log.blockNumber);
const whole = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

// At once, since most of it is waiting.
describe("asking", { concurrency: true }, () => {
  describe("a question", { concurrency: true }, () => {
    test("is asked once where it is answered", async () => {
      const provider = scripted("0x1");
      assert.deepEqual(await ask(provider, "eth_chainId", []), { result: "0x1" });
      assert.deepEqual(provider.asked, [{ method: "eth_chainId", params: [] }]);
    });

    test("may be answered with null", async () => {
      const provider = scripted(null);
      assert.deepEqual(await ask(provider, "eth_getTransactionByHash", ["0x"]), { result: null });
      assert.equal(provider.asked.length, 1);
    });

    test("is asked again where the network fails", async () => {
      const provider = scripted(network(), network(), "0x2");
      assert.deepEqual(await ask(provider, "eth_chainId", []), { result: "0x2" });
      assert.equal(provider.asked.length, 3);
    });

    test("is given up after four failures, for now, with another node as the hint", async () => {
      const provider = scripted(network());
      const error = await failure(ask(provider, "eth_chainId", []));
      assert.equal(provider.asked.length, 4);
      assert.deepEqual([error.kind, error.hint], ["later", "other-node"]);
      assert.match(error.message, /fetch failed/);
    });

    test("is asked again where it timed out: a DOMException's code is none of JSON-RPC", async () => {
      const timeout = new DOMException("The operation was aborted due to timeout", "TimeoutError");
      const provider = scripted(timeout, "0x3");
      assert.deepEqual(await ask(provider, "eth_chainId", []), { result: "0x3" });
      assert.equal(provider.asked.length, 2);
    });

    test("is answered by an error of JSON-RPC, with its data", async () => {
      const provider = scripted(coded(3, "execution reverted", { data: "0x08c379a0" }));
      const answer = await ask(provider, "eth_call", [{}, "latest"]);
      assert.deepEqual(answer, { error: { code: 3, message: "execution reverted", data: "0x08c379a0" } });
      assert.equal(provider.asked.length, 1);
    });

    test("is answered by a wallet's error that is no Error, and holds what is no JSON", async () => {
      const circle = {};
      circle.itself = circle;
      for (const [data, expected] of [
        [{ originalError: { code: 3, data: "0x01" } }, { originalError: { code: 3, data: "0x01" } }],
        [circle, undefined],
        [() => 1, undefined],
      ]) {
        const provider = { request: () => Promise.reject({ code: -32603, message: "Internal JSON-RPC error.", data }) };
        const { error } = await ask(provider, "eth_call", []);
        assert.deepEqual([error.code, error.message], [-32603, "Internal JSON-RPC error."]);
        assert.deepEqual(error.data, expected);
        assert.doesNotThrow(() => JSON.stringify(error));
      }
    });

    test("is not asked for somebody who has asked to stop", async () => {
      const provider = scripted("0x1");
      const error = await failure(ask(provider, "eth_chainId", [], AbortSignal.abort()));
      assert.equal(error.kind, "interrupted");
      assert.equal(provider.asked.length, 0);
    });

    test("is not asked again for somebody who asks to stop meanwhile", async () => {
      const stop = new AbortController();
      const provider = scripted(network(), "0x1");
      const asked = ask(provider, "eth_chainId", [], stop.signal);
      stop.abort();
      assert.equal((await failure(asked)).kind, "interrupted");
      assert.equal(provider.asked.length, 1);
    });
  });

  describe("logs", { concurrency: true }, () => {
    test("of a range are asked for with the rest of the filter as it was", async () => {
      const provider = node([5], 10_000);
      const answer = await askLogs(provider, filter(3, 7));
      assert.deepEqual(provider.asked, [[3, 7]]);
      const expected = { address: "0xabc", topics: [["0x1"], null], fromBlock: "0x3", toBlock: "0x7" };
      assert.deepEqual(answer.result[0].filter, expected);
    });

    test("of one block too", async () => {
      const provider = node([5], 10_000);
      assert.deepEqual(blocksOf(await askLogs(provider, filter(5, 5))), [5]);
      assert.deepEqual(provider.asked, [[5, 5]]);
    });

    test("of many blocks are asked for in parts, none left out and none twice", async () => {
      const there = [0, 9_999, 10_000, 19_999, 20_000, 24_999];
      const provider = node(there, 10_000);
      assert.deepEqual(blocksOf(await askLogs(provider, filter(0, 24_999))), there);
      assert.deepEqual(provider.asked, [
        [0, 9_999],
        [10_000, 19_999],
        [20_000, 24_999],
      ]);
    });

    test("where a node refuses large ranges, of half as many blocks, until it answers", async () => {
      const provider = node(whole(100, 1_099), 130);
      assert.deepEqual(blocksOf(await askLogs(provider, filter(100, 1_099))), whole(100, 1_099));
      assert.deepEqual(provider.asked.slice(0, 4), [
        [100, 1_099],
        [100, 599],
        [100, 349],
        [100, 224],
      ]);
      for (const most of [1, 2, 3, 7, 999, 1_000]) {
        const answer = await askLogs(node(whole(5, 1_004), most), filter(5, 1_004));
        assert.deepEqual(blocksOf(answer), whole(5, 1_004), String(most));
      }
    });

    test("grow again after a part that is hard to answer for", async () => {
      const provider = node([], 10_000);
      const { request } = provider;
      let isRefusing = true;
      provider.request = (asked) => {
        const { fromBlock, toBlock } = asked.params[0];
        if (isRefusing && Number(toBlock) - Number(fromBlock) >= 10) throw coded(-32000, "too many logs");
        isRefusing = false;
        return request(asked);
      };
      await askLogs(provider, filter(0, 9_999));
      const sizes = provider.asked.map(([from, to]) => to - from + 1);
      // Not at once: a bound that is always there would be asked for again and again.
      const [first] = sizes;
      assert.ok(first <= 10 && sizes.slice(0, 8).every((size) => size === first), String(sizes.slice(0, 12)));
      assert.deepEqual(sizes.slice(8, 10), [2 * first, 2 * first]);
    });

    test("of which a node refuses a single block: its error is the answer", async () => {
      const provider = node([], 0, coded(-32601, "method not found", { data: { why: "none" } }));
      const answer = await askLogs(provider, filter(0, 15));
      assert.deepEqual(answer, { error: { code: -32601, message: "method not found", data: { why: "none" } } });
      assert.deepEqual(provider.asked.at(-1), [0, 0]);
      assert.equal(provider.asked.length, 5);
    });

    test("survive a failure of the network in between", async () => {
      const provider = node([1, 15_000], 10_000);
      const { request } = provider;
      let failures = 1;
      provider.request = async (asked) => {
        if (Number(asked.params[0].fromBlock) > 0 && failures-- > 0) throw network();
        return request(asked);
      };
      assert.deepEqual(blocksOf(await askLogs(provider, filter(0, 19_999))), [1, 15_000]);
      assert.deepEqual(provider.asked, [
        [0, 9_999],
        [10_000, 19_999],
      ]);
    });

    test("that are many in one answer", async () => {
      const many = Array.from({ length: 300_000 }, (_, index) => ({ index }));
      const answer = await askLogs(scripted(many), filter(0, 9));
      assert.equal(answer.result.length, 300_000);
      assert.equal(answer.result[299_999].index, 299_999);
    });

    test("that are no list: a node's nonsense is no crash", async () => {
      for (const nonsense of [null, {}, 7]) {
        const asked = askLogs(scripted(nonsense), filter(0, 9));
        // Either the kit's own error, or the nonsense as it is, which is then refused as none.
        const answer = await asked.catch((error) => assert.ok(error instanceof MaciError, `${error}`));
        if (answer) assert.ok(!("result" in answer) || !Array.isArray(answer.result), JSON.stringify(answer));
      }
    });

    test("how far they are read is told, to the end", async () => {
      const told = [];
      await askLogs(node([], 10_000), filter(1, 25_000), (reading) => told.push(reading));
      assert.deepEqual(told, [
        { done: 10_000, total: 25_000 },
        { done: 20_000, total: 25_000 },
        { done: 25_000, total: 25_000 },
      ]);
    });

    test("are not read on for somebody who asks to stop", async () => {
      const stop = new AbortController();
      const provider = node([], 10_000);
      const asked = askLogs(provider, filter(0, 99_999), ({ done }) => done >= 20_000 && stop.abort(), stop.signal);
      assert.equal((await failure(asked)).kind, "interrupted");
      assert.equal(provider.asked.length, 2);
    });
  });

  describe("a node behind HTTP", { concurrency: false }, () => {
    let server;
    let provider;
    let url;
    let answers = [];
    let requests = [];

    before(async () => {
      server = createServer((request, response) => {
        let body = "";
        request.on("data", (part) => (body += part));
        request.on("end", () => {
          requests.push({ headers: request.headers, method: request.method, body: JSON.parse(body) });
          const next = answers.shift() ?? { status: 500, body: "no more answers" };
          if (next === "silence") return;
          const { status = 200, body: text } = next;
          response.writeHead(status, { "content-type": "application/json" });
          response.end(typeof text === "string" ? text : JSON.stringify(text));
        });
      });
      await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
      url = `http://127.0.0.1:${server.address().port}`;
      provider = httpProvider(url);
    });

    after(() => {
      server.closeAllConnections();
      server.close();
    });

    function answering(...next) {
      answers = next;
      requests = [];
    }

    const result = (value) => ({ body: { jsonrpc: "2.0", id: 1, result: value } });

    test("is sent JSON-RPC, and tells its result", async () => {
      answering(result("0x7a69"), result(null), result(false));
      assert.equal(await provider.request({ method: "eth_chainId" }), "0x7a69");
      assert.equal(await provider.request({ method: "eth_getTransactionByHash", params: ["0x1"] }), null);
      assert.equal(await provider.request({ method: "eth_mining", params: [] }), false);
      const [first, second] = requests;
      assert.equal(first.method, "POST");
      assert.equal(first.headers["content-type"], "application/json");
      assert.equal(first.headers.referer, undefined);
      assert.equal(first.headers.cookie, undefined);
      assert.deepEqual({ ...first.body, id: 0 }, { jsonrpc: "2.0", id: 0, method: "eth_chainId", params: [] });
      assert.deepEqual(second.body.params, ["0x1"]);
      assert.notEqual(first.body.id, second.body.id);
    });

    test("tells its errors, whatever the status", async () => {
      const error = { code: 3, message: "execution reverted", data: "0x1234" };
      answering({ body: { error } }, { status: 400, body: { error } });
      for (let i = 0; i < 2; i += 1) {
        assert.deepEqual(await ask(provider, "eth_call", []), { error });
        assert.equal(requests.length, i + 1);
      }
    });

    test("is asked again after what is no answer", async () => {
      for (const none of [
        { status: 502, body: "<html>Bad gateway</html>" },
        { status: 429, body: "slow down" },
        { status: 200, body: "not JSON" },
        { status: 200, body: { jsonrpc: "2.0", id: 1 } },
        { status: 200, body: "null" },
        { status: 503, body: { result: "0xbad" } },
      ]) {
        answering(none, result("0x1"));
        assert.deepEqual(await ask(provider, "eth_chainId", []), { result: "0x1" }, JSON.stringify(none));
        assert.equal(requests.length, 2);
      }
    });

    test("that is not there is an error of the network", async () => {
      const nobody = httpProvider("http://127.0.0.1:1");
      await assert.rejects(nobody.request({ method: "eth_chainId" }), (error) => error.code === undefined);
    });

    test("that is silent for too long is asked again", async (t) => {
      const { timeout } = AbortSignal;
      t.mock.method(AbortSignal, "timeout", (milliseconds) => {
        assert.ok(milliseconds > 1_000);
        return timeout.call(AbortSignal, 100);
      });
      answering("silence", result("0x1"));
      assert.deepEqual(await ask(provider, "eth_chainId", []), { result: "0x1" });
      assert.equal(requests.length, 2);
    });
  });
});
