// Keys: as MACI v3's own package reads and writes them, under a passphrase, and from a signature.
import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";
import { before, describe, test } from "node:test";

import { Keypair, PrivateKey, PublicKey } from "@maci-protocol/domainobjs";

import { deriveKey, keyText, loadEngine } from "../dist/index.js";
import { failure } from "./failure.js";

let engine;

before(async () => {
  engine = await loadEngine();
});

const random = () => `macisk.${Buffer.from(webcrypto.getRandomValues(new Uint8Array(32))).toString("hex")}`;

describe("keys of MACI v3", () => {
  /** Both programs say the same of a private key. */
  async function same(serialized) {
    const theirs = new Keypair(PrivateKey.deserialize(serialized));
    const ours = await engine.importKey(serialized);
    const exported = await engine.exportKey(ours);
    assert.equal(exported, theirs.privateKey.serialize());
    assert.equal(PrivateKey.deserialize(exported).raw, theirs.privateKey.raw);
    const publicKey = await engine.publicKey(ours);
    assert.equal(publicKey, theirs.publicKey.serialize());
    assert.deepEqual(PublicKey.deserialize(publicKey).raw, theirs.publicKey.raw);
    await engine.forgetKey(ours);
    return publicKey;
  }

  test("150 that others made", async () => {
    for (let i = 0; i < 20; i += 1) await same(new Keypair().privateKey.serialize());
    for (let i = 0; i < 130; i += 1) await same(random());
  });

  test("50 that the kit made", async () => {
    const all = new Set();
    for (let i = 0; i < 50; i += 1) {
      const key = await engine.randomKey();
      const exported = await engine.exportKey(key);
      assert.match(exported, /^macisk\.[0-9a-f]{64}$/);
      const theirs = new Keypair(PrivateKey.deserialize(exported));
      assert.equal(await engine.publicKey(key), theirs.publicKey.serialize());
      assert.deepEqual(PublicKey.deserialize(await engine.publicKey(key)).raw, theirs.publicKey.raw);
      all.add(exported);
    }
    assert.equal(all.size, 50);
  });

  test("at the edges of the field, of the curve's order and of 256 bits", async () => {
    const field = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001n;
    const order = 2736030358979909402780800718157159386076813972158567259200215660948447373041n;
    const edges = [0n, 1n, 255n, 256n, order, field, 1n << 253n, 1n << 255n, (1n << 256n) - 1n];
    const around = edges.flatMap((edge) => [edge - 1n, edge, edge + 1n]);
    const keys = around.filter((key) => key >= 0n && key < 1n << 256n);
    const publicKeys = new Set();
    for (const key of keys) publicKeys.add(await same(new PrivateKey(key).serialize()));
    // None of them is reduced: each is another key.
    assert.equal(publicKeys.size, new Set(keys).size);
  });

  test("public keys with zeros in front are written as MACI's package writes them", async () => {
    for (const [key, expected] of [
      [158, "macipk.821105ff408b07b805a4056eff0afb822b8b6d1701790e0aa161ce48c39442"],
      [510, "macipk.12e9b6a999f753851439c69ccff53c48ce3ef487b467ef30fb0b115b01d9d8"],
      [1860, "macipk.03983d34309145ed9a800e19908af5fac42d8f0fe6589b5ba6340d6bfa43a4"],
    ]) {
      const publicKey = await same(new PrivateKey(BigInt(key)).serialize());
      assert.equal(publicKey, expected);
      assert.ok(publicKey.length < "macipk.".length + 64);
    }
  });
});

describe("key files", () => {
  const KEY = "macisk.00f1e2d3c4b5a6978877665544332211ffeeddccbbaa99887766554433221100";

  test("with spaces, marks and line ends around the key", async () => {
    for (const text of [
      KEY,
      `${KEY}\n`,
      `${KEY}\r\n`,
      `  \t${KEY}  \n\n`,
      `\u{feff}${KEY}\n`,
      `\u{feff} ${KEY}`,
      KEY.replace("macisk.00", "macisk."),
      `macisk.${KEY.slice(7).toUpperCase()}`,
    ]) {
      assert.equal(await engine.exportKey(await engine.importKey(text)), KEY, JSON.stringify(text));
    }
  });

  test("texts that are no keys are refused, and not repeated", async () => {
    const digits = KEY.slice(7);
    const publicKey = await engine.publicKey(await engine.importKey(KEY));
    for (const text of [
      "",
      "\n",
      "macisk.",
      digits,
      `0x${digits}`,
      publicKey,
      `MACISK.${digits}`,
      `macisk.0x${digits.slice(2)}`,
      `macisk.${digits}0`,
      `macisk.${digits.slice(0, 63)}g`,
      `macisk.${digits.slice(0, 30)} ${digits.slice(30)}`,
      `macisk.${digits.slice(0, 30)}\u{0}${digits.slice(31)}`,
      `macisk. ${digits}`,
      `${KEY}\n${KEY}`,
      `${KEY};`,
      `"${KEY}"`,
      "zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra vote",
    ]) {
      const error = await failure(engine.importKey(text));
      assert.equal(error.kind, "input", JSON.stringify(text));
      const said = `${error.message}\n${error.stack}\n${JSON.stringify(error)}`;
      for (const part of [digits.slice(0, 12), digits.slice(20, 30), digits.slice(-12), "zebra"]) {
        assert.ok(!said.includes(part), `it repeats a part of ${JSON.stringify(text)}: ${said}`);
      }
    }
  });

  test("a key that is forgotten, or never was, is not there", async () => {
    const key = await engine.randomKey();
    const kept = await engine.randomKey();
    await engine.forgetKey(key);
    for (const gone of [key, 4_000_000_000]) {
      for (const act of [engine.exportKey, engine.publicKey, (handle) => engine.sealKey(handle, "x")]) {
        assert.equal((await failure(act(gone))).kind, "input");
      }
    }
    assert.match(await engine.publicKey(kept), /^macipk\./);
    // A number is not given out again.
    assert.notEqual(await engine.randomKey(), key);
  });

  test("two engines have no keys in common", async () => {
    const other = await loadEngine();
    const key = await engine.randomKey();
    assert.equal((await failure(other.publicKey(key))).kind, "input");
    other.close();
    assert.match(await engine.publicKey(key), /^macipk\./);
  });
});

describe("under a passphrase", () => {
  const PASSPHRASE = "correct horse";
  let key;
  let text;
  let sealed;

  before(async () => {
    key = await engine.randomKey();
    text = await engine.exportKey(key);
    sealed = await engine.sealKey(key, PASSPHRASE);
  });

  test("a key comes back, through JSON too", async () => {
    const stored = JSON.parse(JSON.stringify(sealed));
    assert.deepEqual(stored, sealed);
    const again = await engine.unsealKey(stored, PASSPHRASE);
    assert.notEqual(again, key);
    assert.equal(await engine.exportKey(again), text);
  });

  test("as it says: AES-256-GCM under 600,000 rounds of PBKDF2 with SHA-256", async () => {
    assert.equal(sealed.version, 1);
    assert.equal(sealed.iterations, 600_000);
    const bytes = (hex) => Buffer.from(hex, "hex");
    assert.equal(bytes(sealed.salt).length, 16);
    assert.equal(bytes(sealed.iv).length, 12);
    const material = await webcrypto.subtle.importKey("raw", Buffer.from(PASSPHRASE), "PBKDF2", false, ["deriveBits"]);
    const parameters = { name: "PBKDF2", hash: "SHA-256", salt: bytes(sealed.salt), iterations: 600_000 };
    const bits = await webcrypto.subtle.deriveBits(parameters, material, 256);
    const aes = await webcrypto.subtle.importKey("raw", bits, "AES-GCM", false, ["decrypt"]);
    const opened = await webcrypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(sealed.iv) }, aes, bytes(sealed.data));
    assert.equal(Buffer.from(opened).toString(), text);
  });

  test("the same key is sealed differently each time", async () => {
    const again = await engine.sealKey(key, PASSPHRASE);
    for (const field of ["salt", "iv", "data"]) assert.notEqual(again[field], sealed[field], field);
    assert.ok(!JSON.stringify(again).includes(text.slice(7, 17)));
  });

  test("one passphrase, however its letters are composed", async () => {
    const composed = await engine.sealKey(key, "Ren\u{e9}");
    assert.equal(await engine.exportKey(await engine.unsealKey(composed, "Rene\u{301}")), text);
  });

  test("another passphrase does not open it", async () => {
    for (const other of ["", "correct horsf", "Correct horse", "correct horse "]) {
      const error = await failure(engine.unsealKey(sealed, other));
      assert.equal(error.kind, "input");
      assert.ok(!other || !error.message.includes(other));
    }
  });

  const flipped = (hex, at) => hex.slice(0, at) + (parseInt(hex[at], 16) ^ 1).toString(16) + hex.slice(at + 1);

  test("what is damaged does not open", async () => {
    const { salt, iv, data } = sealed;
    const damages = {
      salt: flipped(salt, 0),
      iv: flipped(iv, 23),
      first: flipped(data, 0),
      tag: flipped(data, data.length - 1),
      cut: data.slice(0, -2),
    };
    for (const damaged of [
      { ...sealed, salt: damages.salt },
      { ...sealed, iv: damages.iv },
      { ...sealed, data: damages.first },
      { ...sealed, data: damages.tag },
      { ...sealed, data: damages.cut },
      { ...sealed, data: "" },
      { ...sealed, iv: "" },
      { ...sealed, salt: `${salt.slice(0, -1)}g` },
      { ...sealed, salt: salt.slice(0, -1) },
      { ...sealed, iv: undefined },
    ]) {
      assert.equal((await failure(engine.unsealKey(damaged, PASSPHRASE))).kind, "input", JSON.stringify(damaged));
    }
  });

  test("what is no sealed key at all is an error of the kit's too", async () => {
    for (const none of [{}, { ...sealed, salt: 1234 }, { ...sealed, data: null }, null, "macisk.1", 7]) {
      assert.equal((await failure(engine.unsealKey(none, PASSPHRASE))).kind, "input", JSON.stringify(none));
    }
  });

  test("forged rounds and versions are refused, and keep nobody busy", async () => {
    const start = performance.now();
    for (const iterations of [0, -1, 1.5, 10_000_001, 4_294_967_296, Infinity, NaN, "600000", undefined]) {
      const error = await failure(engine.unsealKey({ ...sealed, iterations }, PASSPHRASE));
      assert.equal(error.kind, "input", String(iterations));
    }
    for (const version of [0, 2, "1", undefined]) {
      assert.equal((await failure(engine.unsealKey({ ...sealed, version }, PASSPHRASE))).kind, "input");
    }
    assert.ok(performance.now() - start < 1_000);
    // Fewer rounds are another key, so nothing is gained by writing them.
    for (const iterations of [1, 599_999]) {
      assert.equal((await failure(engine.unsealKey({ ...sealed, iterations }, PASSPHRASE))).kind, "input");
    }
  });
});

describe("from a signature", () => {
  const signature = Uint8Array.from({ length: 65 }, (_, i) => (i === 64 ? 27 : (7 * i + 3) % 256));
  const withV = (v) => Uint8Array.from(signature, (byte, i) => (i === 64 ? v : byte));
  const keyOf = async (bytes) => engine.exportKey(await engine.deriveKey(bytes));

  test("the same signature is the same key, as it always was", async () => {
    const domain = Buffer.from("maci-nova key from a signature, version 1");
    const hash = createHash("sha512").update(domain).update(signature.subarray(0, 64)).digest();
    const expected = `macisk.${hash.subarray(0, 32).toString("hex")}`;
    assert.equal(await keyOf(signature), expected);
    assert.equal(await keyOf(signature), expected);
  });

  test("whether a wallet counts v from 0 or from 27", async () => {
    const expected = await keyOf(signature);
    for (const v of [0, 1, 27, 28]) assert.equal(await keyOf(withV(v)), expected, String(v));
  });

  test("another signature is another key", async () => {
    const keys = new Set([await keyOf(signature)]);
    for (const at of [0, 31, 32, 63]) {
      keys.add(await keyOf(Uint8Array.from(signature, (byte, i) => (i === at ? byte ^ 1 : byte))));
    }
    assert.equal(keys.size, 5);
  });

  test("what is no account's signature is refused", async () => {
    const long = new Uint8Array(66);
    long.set(signature);
    for (const bytes of [
      new Uint8Array(0),
      signature.subarray(0, 64),
      long,
      new Uint8Array(65),
      new Uint8Array(65).fill(255),
    ]) {
      assert.equal((await failure(engine.deriveKey(bytes))).kind, "input", String(bytes.length));
    }
  });

  const ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
  const USE = { signUpAt: "0x5FbDB2315678afecb367f032d93F642f64180aa3" };
  const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;

  /** A wallet that gives these signatures, one after the other, and the last again. */
  function wallet(...signatures) {
    const asked = [];
    return {
      asked,
      async request(request) {
        asked.push(request);
        const next = signatures[Math.min(asked.length, signatures.length) - 1];
        if (next instanceof Error) throw next;
        return next;
      },
    };
  }

  test("a wallet is asked twice for the text, and gives its key", async () => {
    const asked = wallet(hex(signature));
    const key = await deriveKey(engine, asked, ACCOUNT, 31337, USE);
    assert.equal(await engine.exportKey(key), await keyOf(signature));
    assert.equal(asked.asked.length, 2);
    for (const { method, params } of asked.asked) {
      assert.equal(method, "personal_sign");
      assert.equal(Buffer.from(params[0].slice(2), "hex").toString(), keyText(31337, ACCOUNT, USE));
      assert.equal(params[1], ACCOUNT);
    }
  });

  test("the text names what the key is for", () => {
    const text = keyText(31337, ACCOUNT, USE);
    for (const part of [USE.signUpAt.toLowerCase(), "chain 31337", "sign up", "only on a page that you trust"]) {
      assert.ok(text.includes(part), part);
    }
    assert.equal(keyText(31337, ACCOUNT.toLowerCase(), { signUpAt: USE.signUpAt.toLowerCase() }), text);
    const others = [
      keyText(1, ACCOUNT, USE),
      keyText(31337, USE.signUpAt, USE),
      keyText(31337, ACCOUNT, { pollAt: USE.signUpAt }),
      keyText(31337, ACCOUNT, { signUpAt: ACCOUNT }),
    ];
    assert.equal(new Set([text, ...others]).size, 5);
  });

  test("a wallet whose signatures differ would lose the key", async () => {
    const differing = wallet(hex(signature), hex(Uint8Array.from(signature, (byte) => byte ^ 1)));
    const error = await failure(deriveKey(engine, differing, ACCOUNT, 31337, USE));
    assert.equal(error.kind, "usage");
    assert.ok(!error.message.includes(hex(signature).slice(2, 14)));
  });

  test("signatures of other lengths, as contracts' accounts give them, are refused", async () => {
    const text = hex(signature);
    for (const other of ["0x", hex(signature.subarray(1)), `${text}00`, `${text.slice(0, -1)}g`, null]) {
      assert.equal((await failure(deriveKey(engine, wallet(other), ACCOUNT, 31337, USE))).kind, "usage", String(other));
    }
  });

  test("somebody who says no, the first time or the second", async () => {
    const no = Object.assign(new Error("User rejected the request."), { code: 4001 });
    for (const answers of [[no], [hex(signature), no]]) {
      const declining = wallet(...answers);
      assert.equal((await failure(deriveKey(engine, declining, ACCOUNT, 31337, USE))).kind, "declined");
      assert.equal(declining.asked.length, answers.length);
    }
  });
});
