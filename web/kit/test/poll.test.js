// A poll from its opening to its verified results, on a chain; and what is refused on the way.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { Keypair, Message, PrivateKey, PublicKey, VoteCommand } from "@maci-protocol/domainobjs";

import {
  costOf,
  costOfBallot,
  deriveKey,
  httpProvider,
  loadEngine,
  Poll,
  Relayer,
  waitForReceipt,
  walletSender,
} from "../dist/index.js";
import { Chain, lacking } from "./anvil.js";
import { failure } from "./failure.js";

const REQUIRED = process.env.MACI_NOVA_REQUIRE_ANVIL === "1";
const LACKING = lacking();

if (LACKING) test("a poll", { skip: REQUIRED ? false : LACKING }, () => assert.fail(LACKING));

const DAY = 86_400;
/** Anvil's. */
const CHAIN = 31_337;
const NEVER_SENT = "nothing may be sent";

const onChain = LACKING ? () => undefined : describe;

onChain("a poll", () => {
  /** @type {Chain} */
  let chain;
  let node;
  let engine;
  let poll;
  /** A poll of the same MACI that takes messages of MACI v3's clients. */
  let unanchored;
  let accounts;
  let coordinator;
  /** The key that signs up, and those in both polls. */
  let key;
  let pollKey;
  let unanchoredKey;
  let signedUp;
  /** The ballot that is published, and the one that takes its place. */
  let ballot;

  before(async () => {
    chain = await Chain.start();
    node = httpProvider(chain.url);
    accounts = await node.request({ method: "eth_accounts" });
    const setup = "--insecure-setup --state-depth 4 --vote-depth 1 --gatekeeper free-for-all";
    chain.run(`deploy --rpc-url ${chain.url} --account-key-file account0.key ${setup}`);
    const coordinatorKey = chain.run("keygen --out coordinator.key").publicKey.serialized;
    coordinator = new Keypair(PrivateKey.deserialize(chain.read("coordinator.key").trim()));
    const common = `--coordinator-key ${coordinatorKey} --options 5 --credits 100 --start-in 60s --duration 1d`;
    chain.run(`poll create ${common} --signed-within 75 --account-key-file account0.key`);
    const other = "--deployment poll.json --poll-file other.json --signed-within off --message-fee 7";
    chain.run(`poll create ${other} ${common} --account-key-file account0.key`);
    await pass(120);

    engine = await loadEngine();
    poll = await Poll.open(engine, node, chain.read("poll.json"));
    unanchored = await Poll.open(engine, node, chain.read("other.json"));
    [key, pollKey, unanchoredKey] = await Promise.all([1, 2, 3].map(() => engine.randomKey()));
  });

  after(async () => {
    await chain?.stop();
  });

  /** Lets time pass on the chain. */
  async function pass(seconds) {
    await node.request({ method: "evm_increaseTime", params: [seconds] });
    await node.request({ method: "evm_mine", params: [] });
  }

  /** The node with some of its answers replaced: those for which `change` gives something. */
  const changed = (change) => ({ request: async (asked) => (await change(asked)) ?? node.request(asked) });

  /** Transactions that an account has sent. */
  async function sent(account) {
    return Number(await node.request({ method: "eth_getTransactionCount", params: [account, "latest"] }));
  }

  /** Does something that fails, and that sends nothing; the error. */
  async function nothingSent(account, act) {
    const before = await sent(account);
    const error = await failure(act());
    assert.equal(await sent(account), before, NEVER_SENT);
    return error;
  }

  /** A sender that must not be asked. */
  const untouched = (account) => ({ account, send: () => assert.fail(NEVER_SENT) });

  const wallet = (index) => walletSender(node, accounts[index], CHAIN);

  /** A wallet whose owner says no, or something else. */
  function refusing(index, error, journal) {
    const provider = changed(({ method }) => {
      if (method === "eth_sendTransaction") throw error;
    });
    return walletSender(provider, accounts[index], CHAIN, journal);
  }

  const coded = (code, message, data) => Object.assign(new Error(message), { code, data });
  const declined = () => coded(4001, "User rejected the request.");

  /** The commands in a ballot's lines, as MACI v3's package decrypts them, each with its signature. */
  function decrypted({ messages }) {
    const lines = messages.split("\n").filter((line) => line);
    return lines.map((line) => {
      const { kind, data, encryptionPublicKey, anchor, blockNumber, ...rest } = JSON.parse(line);
      assert.equal(kind, "message");
      assert.deepEqual(rest, {});
      const encryptionKey = new PublicKey(encryptionPublicKey.map(BigInt));
      const shared = Keypair.generateEcdhSharedKey(coordinator.privateKey, encryptionKey);
      return { ...VoteCommand.decrypt(new Message(data.map(BigInt)), shared), anchor, blockNumber };
    });
  }

  describe("is opened", () => {
    test("with what never changes about it", () => {
      const file = JSON.parse(chain.read("poll.json"));
      const { facts } = poll;
      assert.equal(facts.chainId, 31337);
      assert.equal(facts.poll.toLowerCase(), file.poll.address.toLowerCase());
      assert.equal(facts.maci.toLowerCase(), file.contracts.maci.address.toLowerCase());
      assert.equal(facts.owner.toLowerCase(), accounts[0].toLowerCase());
      assert.equal(facts.coordinatorKey, coordinator.publicKey.serialize());
      assert.equal(facts.endTime - facts.startTime, DAY);
      assert.deepEqual([facts.options, facts.mode, facts.signedWithin], [5, "quadratic", 75]);
      assert.deepEqual([facts.messageFee, facts.topUps], ["0", null]);
      assert.deepEqual(facts.evidence, { kind: "nothing" });
      const { kind, credits } = facts.credits;
      assert.deepEqual([kind, BigInt(credits)], ["constant", 100n]);
      assert.equal(facts.joinKey, file.keys.join);
      assert.equal(facts.metadata, null);
      assert.match(facts.insecure, /without a ceremony|development setup/);
      assert.ok(facts.rpcUrl.startsWith(chain.url));
      assert.deepEqual([unanchored.facts.signedWithin, unanchored.facts.messageFee], [0, "7"]);
      assert.notEqual(unanchored.facts.poll, facts.poll);
      assert.equal(unanchored.facts.maci, facts.maci);
    });

    test("and says where it is", async () => {
      const status = await poll.status();
      assert.equal(status.state, "open");
      assert.ok(poll.facts.startTime <= status.now && status.now < poll.facts.endTime);
      assert.deepEqual([status.signUps, status.joins, status.messages, status.results], [0, 0, 0, null]);
      assert.equal(status.window.possible, false);
      assert.ok(status.window.oldest < status.window.present && status.window.present < status.window.last);
      assert.equal((await unanchored.status()).window, null);
    });

    /** The poll file, changed. */
    function edited(change) {
      const file = JSON.parse(chain.read("poll.json"));
      change(file);
      return JSON.stringify(file);
    }
    const opening = (text, provider = node) => failure(Poll.open(engine, provider, text));

    test("not from the file of another chain, nor by a wallet on another one", async () => {
      const error = await opening(edited((file) => (file.chainId = 1)));
      assert.equal(error.kind, "usage");
      assert.match(error.message, /chain 1,.*chain 31337/);
      const elsewhere = changed(({ method }) => (method === "eth_chainId" ? "0x1" : undefined));
      assert.equal((await opening(chain.read("poll.json"), elsewhere)).kind, "usage");
    });

    test("not where the contract says something else than the file", async () => {
      const digest = `0x${"11".repeat(32)}`;
      const error = await opening(edited((file) => (file.pollInfo = digest)));
      assert.equal(error.kind, "chain");
      const other = JSON.parse(chain.read("other.json")).poll;
      assert.equal((await opening(edited((file) => (file.poll = other)))).kind, "chain");
      const verifier = edited((file) => (file.contracts.joinVerifier.address = accounts[5]));
      assert.equal((await opening(verifier)).kind, "chain");
    });

    test("not where there is no contract, nor through a node that lies about a key", async () => {
      const nowhere = edited((file) => (file.poll.address = accounts[6]));
      assert.equal((await opening(nowhere)).kind, "chain");
      // The coordinator's key in the contract's answer is replaced by another point.
      const point = coordinator.publicKey.raw.map((x) => x.toString(16).padStart(64, "0"));
      const another = new Keypair().publicKey.raw.map((x) => x.toString(16).padStart(64, "0"));
      let lies = 0;
      const lying = changed(async (asked) => {
        if (asked.method !== "eth_call") return undefined;
        const answer = await node.request(asked);
        if (!answer.includes(point[0])) return undefined;
        lies += 1;
        return answer.replaceAll(point[0], another[0]).replaceAll(point[1], another[1]);
      });
      assert.equal((await opening(chain.read("poll.json"), lying)).kind, "chain");
      assert.ok(lies > 0);
    });

    test("not from what is no poll file", async () => {
      const changes = [(file) => (file.more = 1), (file) => (file.version = 3), (file) => delete file.contracts.maci];
      for (const text of ["", "[]", "{}", "poll", ...changes.map(edited)]) {
        assert.equal((await opening(text)).kind, "input", text.slice(0, 40));
      }
      const deployment = edited((file) => {
        for (const field of ["poll", "pollInfo", "signUps"]) delete file[field];
      });
      assert.equal((await opening(deployment)).kind, "usage");
    });

    test("with a mark in front of the file, too", async () => {
      const again = await Poll.open(engine, node, `\u{feff}${chain.read("poll.json")}\n`);
      assert.deepEqual(again.facts, poll.facts);
    });

    test("with the document that the file names, and no other", async () => {
      assert.equal((await failure(poll.metadata(new Uint8Array()))).kind, "input");
      const options = ["a", "b", "c", "d", "e"].map((name) => ({ name }));
      const document = Buffer.from(JSON.stringify({ version: 1, title: "What to build", options }));
      const metadata = await engine.digestMetadata(document, 5);
      assert.match(metadata, /^0x[0-9a-f]{64}$/);
      const described = await Poll.open(engine, node, edited((file) => (file.metadata = metadata)));
      assert.equal(described.facts.metadata, metadata);
      assert.deepEqual(await described.metadata(document), JSON.parse(document.toString()));
      const other = Buffer.from(document.toString().replace("build", "burn"));
      assert.equal((await failure(described.metadata(other))).kind, "usage");
      assert.equal((await failure(engine.digestMetadata(document, 4))).kind, "usage");
    });

    test("not for somebody who has asked to stop, or does meanwhile", async () => {
      let asked = 0;
      const counting = changed(() => void (asked += 1));
      const aborted = { signal: AbortSignal.abort() };
      assert.equal((await failure(Poll.open(engine, counting, chain.read("poll.json"), aborted))).kind, "interrupted");
      assert.equal(asked, 0);
      const stop = new AbortController();
      const stopping = changed(() => {
        asked += 1;
        if (asked === 3) stop.abort();
      });
      const opened = Poll.open(engine, stopping, chain.read("poll.json"), { signal: stop.signal });
      assert.equal((await failure(opened)).kind, "interrupted");
      assert.equal(asked, 3);
    });

    test("again after the network failed once", async () => {
      let failures = 1;
      const shaky = changed(() => {
        if (failures-- > 0) throw new TypeError("fetch failed");
      });
      assert.deepEqual((await Poll.open(engine, shaky, chain.read("poll.json"))).facts, poll.facts);
    });
  });

  describe("signs up", () => {
    test("nobody without an account", async () => {
      const error = await failure(poll.signUp({ key }, {}));
      assert.equal(error.kind, "usage");
    });

    test("nobody who says no in the wallet", async () => {
      const told = [];
      const journal = {
        asking: ({ to }) => told.push(["asking", to.toLowerCase()]),
        sent: () => told.push(["sent"]),
        settled: () => told.push(["settled"]),
      };
      const account = accounts[1];
      const sender = refusing(1, declined(), journal);
      const error = await nothingSent(account, () => poll.signUp({ key }, { sender }));
      assert.deepEqual([error.kind, error.hint], ["declined", undefined]);
      assert.deepEqual(told, [["asking", poll.facts.maci.toLowerCase()], ["settled"]]);
      assert.deepEqual(await poll.voter({ key }), { signedUp: null, inTime: null, joins: [] });
    });

    test("nobody whose wallet waits for something else, or refuses", async () => {
      const pending = refusing(1, coded(-32002, "Already processing eth_requestAccounts."));
      assert.equal((await nothingSent(accounts[1], () => poll.signUp({ key }, { sender: pending }))).kind, "later");
      const locked = refusing(1, coded(4100, "The account is locked."));
      const error = await nothingSent(accounts[1], () => poll.signUp({ key }, { sender: locked }));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /account is locked/);
    });

    test("nobody whom a contract would refuse: the wallet is not asked", async () => {
      const reverting = changed(({ method }) => {
        if (method === "eth_estimateGas") throw coded(3, "execution reverted: not today", "0x");
      });
      const signing = () => poll.through(reverting).signUp({ key }, { sender: untouched(accounts[1]) });
      const error = await nothingSent(accounts[1], signing);
      assert.equal(error.kind, "chain");
    });

    test("a key, once, and tells the journal", async () => {
      const told = [];
      const journal = {
        asking: (transaction) => told.push({ asking: transaction }),
        sent: (transaction, hash) => told.push({ sent: transaction, hash }),
        settled: (transaction) => told.push({ settled: transaction }),
      };
      const sender = walletSender(node, accounts[1], CHAIN, journal);
      const first = await poll.signUp({ key }, { sender });
      signedUp = first.signedUp;
      assert.equal(signedUp.index, 0);
      assert.ok(first.gas > 21_000);
      assert.deepEqual(told.map((entry) => Object.keys(entry)[0]), ["asking", "sent", "settled"]);
      const receipt = await waitForReceipt(node, told[1].hash);
      assert.equal(receipt.status, "0x1");
      assert.equal(Number(receipt.gasUsed), first.gas);
      assert.equal(told[0].asking.to.toLowerCase(), poll.facts.maci.toLowerCase());

      const again = await poll.signUp({ key }, { sender: untouched(accounts[1]) });
      assert.deepEqual(again, { signedUp, gas: null });
      const voter = await poll.voter({ key, pollKey });
      assert.deepEqual(voter, { signedUp, inTime: true, joins: [] });
      assert.equal((await poll.status()).signUps, 1);
    });

    test("a key whose page went away before the receipt: what was sent is not sent again", async () => {
      const late = await engine.randomKey();
      const gone = new Error("the page is gone");
      const journal = [];
      const wallet = walletSender(node, accounts[4], CHAIN, {
        sent: (transaction, hash) => {
          journal.push({ transaction, hash });
          throw gone;
        },
      });
      await assert.rejects(poll.signUp({ key: late }, { sender: wallet }), gone);
      const [{ transaction, hash }] = journal;
      const earlier = [{ transaction, receipt: await waitForReceipt(node, hash) }];
      const again = await poll.signUp({ key: late }, { sender: untouched(accounts[4]), earlier });
      assert.equal(again.gas, Number(earlier[0].receipt.gasUsed));
      assert.deepEqual(again.signedUp, (await poll.voter({ key: late })).signedUp);
    });

    test("a key that an account's signature gives, which is the same each time", async () => {
      const derive = (account, use) => deriveKey(engine, node, account, 31337, use);
      const use = { signUpAt: poll.facts.maci };
      const derived = [derive(accounts[2], use), derive(accounts[2], use)];
      const others = [derive(accounts[3], use), derive(accounts[2], { pollAt: poll.facts.poll })];
      const publicKeys = [];
      for (const asked of [...derived, ...others]) publicKeys.push(await engine.publicKey(await asked));
      assert.equal(publicKeys[0], publicKeys[1]);
      assert.equal(new Set(publicKeys).size, 3);
    });
  });

  describe("while a transaction waits in the wallet", () => {
    /** Another transaction takes the place of one, as soon as somebody looks for it. */
    function replacing(change) {
      let isReplaced = false;
      return changed(async (asked) => {
        const answer = await node.request(asked);
        if (asked.method !== "eth_getTransactionByHash" || !answer || isReplaced) return answer;
        isReplaced = true;
        const { from, to, input, value, gas, nonce } = answer;
        const fees = { maxFeePerGas: "0x2540be400", maxPriorityFeePerGas: "0x2540be400" };
        const replacement = { from, to, input, value, gas, nonce, ...fees, ...change(from) };
        await node.request({ method: "eth_sendTransaction", params: [replacement] });
        await node.request({ method: "evm_mine", params: [] });
        return answer;
      });
    }

    async function withoutMining(act) {
      await node.request({ method: "evm_setAutomine", params: [false] });
      try {
        return await act();
      } finally {
        await node.request({ method: "evm_setAutomine", params: [true] });
      }
    }

    test("one that is sped up is waited for", async () => {
      const fast = await engine.randomKey();
      const sender = walletSender(replacing(() => ({})), accounts[5], CHAIN);
      const before = await sent(accounts[5]);
      const { gas } = await withoutMining(() => poll.signUp({ key: fast }, { sender }));
      assert.ok(gas > 21_000);
      assert.equal(await sent(accounts[5]), before + 1);
      assert.notEqual((await poll.voter({ key: fast })).signedUp, null);
    });

    test("one that is cancelled is an error, and settled", async () => {
      const never = await engine.randomKey();
      const told = [];
      const journal = { sent: () => told.push("sent"), settled: () => told.push("settled") };
      const cancelling = replacing((from) => ({ to: from, input: "0x", value: "0x0" }));
      const sender = walletSender(cancelling, accounts[5], CHAIN, journal);
      const error = await withoutMining(() => failure(poll.signUp({ key: never }, { sender })));
      assert.equal(error.kind, "chain");
      assert.equal((await poll.voter({ key: never })).signedUp, null);
      // Else a journal would look for it for ever.
      assert.deepEqual(told, ["sent", "settled"]);
    });
  });

  describe("is joined", () => {
    test("by nobody without the proving key, that of the poll file", async () => {
      const joining = () => poll.join({ key, pollKey }, { sender: untouched(accounts[2]) });
      const error = await nothingSent(accounts[2], joining);
      assert.deepEqual([error.kind, error.hint], ["parameters", "join-key"]);
      const bytes = Uint8Array.from(Buffer.from("not a proving key"));
      assert.equal((await failure(poll.loadJoinKey(bytes))).kind, "parameters");
      const noKeys = JSON.parse(chain.read("poll.json"));
      delete noKeys.keys;
      const imported = await Poll.open(engine, node, JSON.stringify(noKeys));
      assert.equal((await failure(imported.loadJoinKey(bytes))).kind, "parameters");
    });

    test("by nobody with a proving key that is damaged", async () => {
      const bytes = chain.readBytes("poll.join.key");
      const damaged = Uint8Array.from(bytes);
      damaged[damaged.length >> 1] ^= 1;
      assert.equal((await failure(poll.loadJoinKey(damaged))).kind, "parameters");
      await poll.loadJoinKey(bytes);
    });

    test("by nobody who has not signed up", async () => {
      const stranger = await engine.randomKey();
      const joining = () => poll.join({ key: stranger, pollKey }, { sender: untouched(accounts[2]) });
      const error = await nothingSent(accounts[2], joining);
      assert.deepEqual([error.kind, error.hint], ["chain", "sign-up"]);
    });

    test("by nobody under the key that signed up, which would show who joins", async () => {
      const error = await failure(poll.join({ key, pollKey: key }, { sender: untouched(accounts[2]) }));
      assert.equal(error.kind, "usage");
    });

    test("by nobody for fewer credits than were asked for", async () => {
      const joining = () => poll.join({ key, pollKey, minCredits: 101 }, { sender: untouched(accounts[2]) });
      const error = await nothingSent(accounts[2], joining);
      assert.deepEqual([error.kind, error.hint], ["chain", "min-credits"]);
    });

    test("by nobody whose node shows another tree of sign-ups than their own", async () => {
      const root = `0x${"00".repeat(31)}07`;
      const request = { key, pollKey, signedUp: { ...signedUp, root } };
      const error = await nothingSent(accounts[2], () => poll.join(request, { sender: untouched(accounts[2]) }));
      assert.equal(error.hint, "other-node");
    });

    test("once: again under the same key nothing is sent, under another one it is refused", async () => {
      const request = { key, pollKey, minCredits: 1, signedUp };
      const joined = await poll.join(request, { sender: wallet(2) });
      assert.deepEqual([joined.stateIndex, joined.credits], [1, 100]);
      assert.ok(joined.gas > 100_000);

      const again = await poll.join(request, { sender: untouched(accounts[2]) });
      assert.deepEqual(again, { stateIndex: 1, credits: 100, gas: null });
      const other = { key, pollKey: await engine.randomKey() };
      const error = await nothingSent(accounts[2], () => poll.join(other, { sender: untouched(accounts[2]) }));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /another poll key/);
      const voter = await poll.voter({ key, pollKey });
      assert.deepEqual(voter, { signedUp, inTime: true, joins: [{ stateIndex: 1, credits: 100 }] });
      assert.equal((await poll.status()).joins, 1);
    });
  });

  describe("takes a ballot", () => {
    const CHOICES = [
      { option: 2, weight: 9 },
      { option: 4, weight: 3 },
    ];

    test("of no option that it lacks, no weight that its mode lacks, and none twice", async () => {
      for (const choices of [
        [{ option: 5, weight: 1 }],
        [{ option: -1, weight: 1 }],
        [{ option: 1.5, weight: 1 }],
        [{ option: 1, weight: -1 }],
        [{ option: 1, weight: 0.5 }],
        [
          { option: 1, weight: 1 },
          { option: 1, weight: 2 },
        ],
      ]) {
        assert.equal((await failure(poll.ballot({ pollKey, choices }))).kind, "usage", JSON.stringify(choices));
      }
    });

    test("of no more than the voter's credits", async () => {
      const error = await failure(poll.ballot({ pollKey, choices: [{ option: 2, weight: 11 }] }));
      assert.equal(error.kind, "usage");
      assert.match(error.message, /costs 121 .* has 100/);
      const whole = await poll.ballot({ pollKey, choices: [{ option: 2, weight: 10 }] });
      assert.deepEqual([whole.cost, whole.missing, whole.credits], ["100", "0", 100]);
    });

    test("of no key that has not joined", async () => {
      for (const other of [key, await engine.randomKey()]) {
        const error = await failure(poll.ballot({ pollKey: other, choices: CHOICES }));
        assert.deepEqual([error.kind, error.hint], ["chain", "key-of-join"]);
      }
    });

    test("that says what it costs, and that MACI v3's package decrypts", async () => {
      ballot = await poll.ballot({ pollKey, choices: CHOICES });
      assert.match(ballot.ballot, /^0x[0-9a-f]{64}$/);
      assert.deepEqual([ballot.count, ballot.stateIndex, ballot.credits], [2, 1, 100]);
      assert.deepEqual([ballot.cost, ballot.missing], ["90", "0"]);
      assert.equal(costOfBallot(poll.facts.mode, CHOICES), 90);
      const { window } = await poll.status();
      assert.ok(window.present < ballot.publishUntil && ballot.publishUntil <= window.last);

      const [second, first] = decrypted(ballot);
      const common = { stateIndex: 1n, pollId: BigInt(poll.facts.pollId) };
      const fields = ({ command }) => {
        const { stateIndex, voteOptionIndex, newVoteWeight, nonce, pollId } = command;
        return { stateIndex, voteOptionIndex, newVoteWeight, nonce, pollId };
      };
      // What is published last is counted first.
      assert.deepEqual(fields(first), { ...common, voteOptionIndex: 2n, newVoteWeight: 9n, nonce: 1n });
      assert.deepEqual(fields(second), { ...common, voteOptionIndex: 4n, newVoteWeight: 3n, nonce: 2n });
      for (const { command, anchor, blockNumber } of [first, second]) {
        assert.equal(command.salt, BigInt(anchor));
        assert.notEqual(anchor, "0");
        assert.ok(blockNumber < window.present && blockNumber >= window.oldest);
      }
      const signer = PublicKey.deserialize(await engine.publicKey(pollKey));
      assert.ok(first.command.verifySignature(first.signature, signer));
      assert.ok(!second.command.verifySignature(second.signature, signer));
      // The first one changes the key to one that nobody has, which signs the other.
      assert.ok(second.command.verifySignature(second.signature, first.command.newPublicKey));
      assert.ok(!first.command.newPublicKey.equals(signer));
      assert.ok(!second.command.newPublicKey.equals(signer));
    });

    test("that is padded, and changes the key to a given one", async () => {
      const newKey = await engine.randomKey();
      const choices = [{ option: 1, weight: 4 }];
      const padded = await poll.ballot({ pollKey, choices, newKey, atLeast: 3 });
      assert.deepEqual([padded.count, padded.cost], [3, "16"]);
      const commands = decrypted(padded);
      assert.deepEqual(commands.map(({ command }) => command.nonce), [3n, 2n, 1n]);
      assert.deepEqual(new Set(commands.map(({ command }) => command.newVoteWeight)), new Set([4n]));
      assert.equal(commands[0].command.newPublicKey.serialize(), await engine.publicKey(newKey));
    });

    test("only when it is published, and not if somebody says no", async () => {
      assert.equal((await poll.status()).messages, 0);
      const sender = refusing(2, declined());
      const error = await nothingSent(accounts[2], () => poll.publish(ballot, { sender }));
      assert.equal(error.kind, "declined");
      assert.deepEqual(await poll.placement(ballot), { places: [[], []], complete: false, inOrder: true });
    });

    test("and once: published again, nothing is sent", async () => {
      const published = await poll.publish(ballot, { sender: wallet(2) });
      assert.deepEqual([published.first, published.count], [0, 2]);
      assert.ok(published.gas > 100_000);
      const again = await poll.publish(ballot, { sender: untouched(accounts[2]) });
      assert.deepEqual([again.first, again.gas], [0, null]);
      assert.deepEqual(await poll.placement(ballot), { places: [[0], [1]], complete: true, inOrder: true });
      const status = await poll.status();
      assert.deepEqual([status.messages, status.window.possible], [2, true]);
      chain.write("ballot.jsonl", ballot.messages);
      const told = chain.run("status --messages ballot.jsonl");
      assert.deepEqual(told.sent, { places: [[0], [1]], complete: true, inOrder: true });
    });

    test("not out of its order, not twice in one, and not what is none", async () => {
      const lines = (await poll.ballot({ pollKey, choices: CHOICES })).messages.split("\n").filter((line) => line);
      const publishing = (messages) => () => poll.publish({ messages }, { sender: untouched(accounts[2]) });
      const twice = `${lines[0]}\n${lines[0]}\n`;
      assert.equal((await nothingSent(accounts[2], publishing(twice))).kind, "usage");
      for (const none of ["", "{}", `${lines[0].slice(0, -1)}`, lines[0].replace('"message"', '"join"')]) {
        assert.equal((await nothingSent(accounts[2], publishing(none))).kind, "usage", none.slice(0, 20));
      }
      const reversed = ballot.messages.split("\n").filter((line) => line).reverse().join("\n");
      const error = await nothingSent(accounts[2], publishing(reversed));
      assert.deepEqual([error.kind, error.hint], ["chain", "vote-again"]);
    });

    test("not when it is too old", async () => {
      const old = await poll.ballot({ pollKey, choices: CHOICES });
      await node.request({ method: "anvil_mine", params: ["0x50"] });
      const error = await nothingSent(accounts[2], () => poll.publish(old, { sender: untouched(accounts[2]) }));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /too old/);
    });

    test("in place of an earlier one", async () => {
      const choices = [{ option: 1, weight: 6 }];
      const second = await poll.ballot({ pollKey, choices });
      await poll.publish(second, { sender: wallet(6) });
      assert.deepEqual((await poll.placement(second)).places, [[2]]);
    });

    test("and no top-up, where there are none", async () => {
      const request = { stateIndex: 1, credits: 5, tokens: "5" };
      const error = await nothingSent(accounts[2], () => poll.topUp(request, { sender: untouched(accounts[2]) }));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /no top-ups/);
    });
  });

  describe("is relayed", () => {
    const DOCUMENT = { takes: true, slots: 16, mostMessages: 5, margin: 10, wait: 5, joins: false, queued: 0 };
    let server;
    let url;
    /** What the relayer answers, by method and path below the poll's. */
    let answers = {};
    const asked = [];

    before(async () => {
      server = createServer((request, response) => {
        let body = "";
        request.on("data", (part) => (body += part));
        request.on("end", async () => {
          asked.push({ body, headers: request.headers });
          const path = request.url.slice(`/relay/${poll.facts.poll}`.length);
          const answer = answers[`${request.method} ${path}`] ?? [404, { code: "unknown", error: "unknown here" }];
          const [status, document] = typeof answer === "function" ? await answer(body) : answer;
          response.writeHead(status, { "content-type": "application/json" });
          response.end(JSON.stringify(document));
        });
      });
      await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
      url = `http://127.0.0.1:${server.address().port}/`;
    });

    after(() => {
      server.closeAllConnections();
      server.close();
    });

    const document = (change) => {
      const { chainId } = poll.facts;
      const day = Math.floor(Date.now() / 86_400_000);
      return [200, { chainId, poll: poll.facts.poll, account: accounts[7], day, ...DOCUMENT, ...change }];
    };

    /** Remembers in memory, and what it was asked. */
    class Tickets {
      spent = [];
      async draw(account, day, slots) {
        const free = Array.from({ length: slots }, (_, slot) => slot).find((slot) => !this.spent.some((one) => one.slot === slot));
        if (free === undefined) return null;
        this.spent.push({ account, day, slot: free });
        return free;
      }
    }

    test("by nobody who answers for another poll, or takes nothing", async () => {
      answers = { "GET ": document({ chainId: 1 }) };
      assert.equal((await failure(Relayer.open(url, poll))).kind, "chain");
      answers = { "GET ": document({ poll: unanchored.facts.poll }) };
      assert.equal((await failure(Relayer.open(url, poll))).kind, "chain");
      answers = {};
      assert.equal((await failure(Relayer.open(url, poll))).kind, "chain");
      assert.deepEqual((await failure(Relayer.open("http://127.0.0.1:1", poll))).hint, "publish-yourself");

      answers = { "GET ": document({ takes: false, reason: "the poll is over" }) };
      const relayer = await Relayer.open(url, poll);
      const tickets = new Tickets();
      const error = await failure(relayer.send(ballot, { key, tickets }));
      assert.deepEqual([error.kind, error.hint], ["later", "publish-yourself"]);
      assert.match(error.message, /the poll is over/);
      assert.deepEqual(tickets.spent, []);
      assert.equal((await failure(relayer.join({ key, pollKey }))).kind, "chain");
    });

    test("with a ticket that is spent before it is shown, until the chain has the ballot", async () => {
      const relayed = await poll.ballot({ pollKey, choices: [{ option: 3, weight: 7 }] });
      const tickets = new Tickets();
      // All but one are used.
      tickets.spent = Array.from({ length: 16 }, (_, slot) => ({ slot })).filter(({ slot }) => slot !== 11);
      const state = { ballot: relayed.ballot, state: "queued", messages: 1 };
      answers = {
        "GET ": document(),
        "POST ": async () => {
          assert.equal(tickets.spent.at(-1).slot, 11);
          // What the relayer says is no proof: that it is sent, in a block that has it not.
          answers[`GET /${relayed.ballot}`] = async () => {
            await poll.publish(relayed, { sender: wallet(7) });
            const block = Number(await node.request({ method: "eth_blockNumber" }));
            return [200, { ...state, state: "sent", block, firstMessage: 0 }];
          };
          return [202, { ...state, state: "sent", block: 1, firstMessage: 3 }];
        },
      };
      const relayer = await Relayer.open(url, poll);
      assert.equal(relayer.document.account, accounts[7]);
      let taken;
      const request = { key, signedUp, tickets };
      const found = await relayer.send(relayed, request, { onTaken: (told) => (taken = told) });
      assert.equal(taken.block, 1);
      assert.deepEqual([found.ballot, found.state, found.messages, found.firstMessage], [relayed.ballot, "sent", 1, 3]);
      assert.deepEqual((await poll.placement(relayed)).places, [[3]]);
      assert.deepEqual(tickets.spent.at(-1), { account: accounts[7], day: relayer.document.day, slot: 11 });

      const { body, headers } = asked.find((request) => request.body);
      assert.equal(headers["content-type"], "text/plain");
      const [ticket, ...lines] = body.split("\n").filter((line) => line);
      assert.equal(lines.join("\n"), relayed.messages.trim());
      const { kind, day, slot, rootIndex, ...rest } = JSON.parse(ticket);
      assert.deepEqual([kind, day, slot], ["ticket", relayer.document.day, 11]);
      assert.ok(rootIndex >= signedUp.index);
      assert.deepEqual(Object.keys(rest).sort(), ["nullifier", "proof", "root"]);

      // Now all tickets of the day are used, and nothing is shown to the relayer.
      const shown = asked.length;
      const error = await failure(relayer.send(relayed, request));
      assert.equal(error.kind, "usage");
      assert.equal(asked.length, shown);
    });
  });

  describe("without anchors", () => {
    /** A ballot of one message, made as a client of MACI v3 makes it. */
    function foreign(command, signer) {
      const oneTime = new Keypair();
      const shared = Keypair.generateEcdhSharedKey(oneTime.privateKey, coordinator.publicKey);
      const { data } = command.encrypt(command.sign(signer), shared);
      const line = {
        kind: "message",
        data: data.map(String),
        encryptionPublicKey: oneTime.publicKey.raw.map(String),
        anchor: "0",
        blockNumber: 0,
      };
      return { messages: `${JSON.stringify(line)}\n` };
    }

    test("takes messages of MACI v3's package, and counts them", async () => {
      const joined = await unanchored.join({ key, pollKey: unanchoredKey }, { sender: wallet(3) });
      assert.equal(joined.stateIndex, 1);
      const signer = PrivateKey.deserialize(await engine.exportKey(unanchoredKey));
      const newKey = new Keypair(signer).publicKey;
      const command = new VoteCommand(1n, newKey, 3n, 8n, 1n, BigInt(unanchored.facts.pollId));
      const theirs = foreign(command, signer);
      assert.deepEqual((await unanchored.placement(theirs)).places, [[]]);
      // It takes a fee, which somebody has to have agreed to.
      for (const messageFee of [undefined, "6"]) {
        const options = { sender: untouched(accounts[3]), ...(messageFee && { messageFee }) };
        const error = await nothingSent(accounts[3], () => unanchored.publish(theirs, options));
        assert.equal(error.kind, "usage");
        assert.match(error.message, /\b7\b/);
      }
      const published = await unanchored.publish(theirs, { sender: wallet(3), messageFee: "7" });
      assert.deepEqual([published.first, published.count], [0, 1]);
      assert.deepEqual(await unanchored.placement(theirs), { places: [[0]], complete: true, inOrder: true });

      const from = "--poll-file other.json --confirmations 0";
      chain.run(`export-log ${from} --out log.jsonl`);
      const count = chain.run("tally --log log.jsonl --key-file coordinator.key");
      assert.deepEqual(count.results[3], { option: 3, votes: "8", spent: "64" });
      assert.equal(count.totalSpent, "64");
    });

    test("takes the kit's own ballots, whose salts are random", async () => {
      const own = await unanchored.ballot({ pollKey: unanchoredKey, choices: [{ option: 0, weight: 2 }] });
      assert.equal(own.publishUntil, null);
      const [{ command, anchor, blockNumber }] = decrypted(own);
      assert.deepEqual([anchor, blockNumber], ["0", 0]);
      assert.ok(command.salt > 1n << 128n);
    });

    test("takes nothing that was signed for another poll, nor does that take what has no anchor", async () => {
      const options = { sender: untouched(accounts[3]), messageFee: "7" };
      const error = await nothingSent(accounts[3], () => unanchored.publish(ballot, options));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /no anchors/);
      const signer = new Keypair();
      const command = new VoteCommand(1n, signer.publicKey, 3n, 1n, 1n, BigInt(poll.facts.pollId));
      const theirs = foreign(command, signer.privateKey);
      const anchored = () => poll.publish(theirs, options);
      assert.equal((await nothingSent(accounts[3], anchored)).kind, "chain");
    });
  });

  describe("has results", () => {
    test("only when it is finalized", async () => {
      assert.equal((await failure(poll.results())).kind, "later");
      assert.equal((await failure(poll.verify())).kind, "later");
    });

    test("which no ballot changes after the end", async () => {
      await pass(DAY);
      assert.equal((await poll.status()).state, "ended");
      const choices = [{ option: 0, weight: 1 }];
      const error = await failure(poll.ballot({ pollKey, choices }));
      assert.equal(error.kind, "chain");
      assert.match(error.message, /has ended/);
    });

    test("that are those of the last ballot, and verified from the chain alone", async () => {
      const from = "--poll-file poll.json --key-file coordinator.key --out proof --insecure-setup";
      chain.run(`finalize ${from} --confirmations 0 --account-key-file account0.key`);
      const results = await poll.results();
      const result = (votes, option) => ({ option, votes: String(votes), spent: String(votes ** 2) });
      const expected = [0, 0, 0, 7, 0].map(result);
      assert.deepEqual(results.results, expected);
      assert.deepEqual([results.totalVotes, results.totalSpent, results.chainId], ["7", "49", 31337]);
      const status = await poll.status();
      assert.deepEqual([status.state, status.results.results], ["finalized", expected]);

      // Under no other ceremony's keys than those that somebody names.
      const other = await failure(poll.verify({ keyDigest: `0x${"22".repeat(32)}` }));
      assert.equal(other.kind, "parameters");
      const [keyDigest] = other.message.match(/0x[0-9a-f]{64}/);
      const verified = await poll.verify({ keyDigest });
      assert.equal(verified.keyDigest, keyDigest);
      for (const field of Object.keys(results)) assert.deepEqual(verified[field], results[field], field);
      assert.deepEqual([verified.voters, verified.messages], [1, 4]);
      assert.deepEqual([verified.unknownGatekeeper, verified.unknownCredits], [false, false]);
      assert.match(verified.insecure, /development setup/);
    });

    test("that a node cannot change, however consistently", async () => {
      const words = [
        [7n, 8n],
        [49n, 64n],
      ].map((pair) => pair.map((number) => number.toString(16).padStart(64, "0")));
      let lies = 0;
      const lying = changed(async (asked) => {
        if (!["eth_call", "eth_getLogs", "eth_getTransactionByHash"].includes(asked.method)) return undefined;
        const truth = JSON.stringify(await node.request(asked));
        const told = words.reduce((answer, [word, lie]) => answer.replaceAll(word, lie), truth);
        lies += Number(told !== truth);
        return JSON.parse(told);
      });
      const through = poll.through(lying);
      assert.equal((await through.results()).totalVotes, "8");
      const error = await failure(through.verify());
      assert.equal(error.kind, "chain");
      assert.match(error.message, /tally root/);
      assert.ok(lies >= 3);
    });
  });
});

test("what weights cost, in each mode", () => {
  const modes = ["quadratic", "linear", "full", "negative"];
  assert.deepEqual(modes.map((mode) => costOf(mode, 7)), [49, 7, 7, 49]);
  assert.equal(costOf("negative", -3), 9);
  const choices = [
    { option: 0, weight: 3 },
    { option: 1, weight: -4 },
  ];
  assert.equal(costOfBallot("negative", choices), 25);
  assert.equal(costOfBallot("linear", choices.slice(0, 1)), 3);
  assert.equal(costOfBallot("quadratic", []), 0);
});
