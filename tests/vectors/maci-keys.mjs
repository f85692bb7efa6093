// Makes maci-keys.json, beside this file:
//   npm install @maci-protocol/domainobjs@3.0.0 @maci-protocol/crypto@3.0.0 \
//     maci-domainobjs-1@npm:maci-domainobjs@1.2.5 maci-domainobjs-2@npm:maci-domainobjs@2.5.0
//   node maci-keys.mjs
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { sign } from "@maci-protocol/crypto";
import { Keypair, PrivateKey } from "@maci-protocol/domainobjs";
import { Keypair as KeypairOf1, PrivKey as PrivateKeyOf1 } from "maci-domainobjs-1";
import { Keypair as KeypairOf2, PrivKey as PrivateKeyOf2 } from "maci-domainobjs-2";

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const digest = (text) => BigInt("0x" + createHash("sha256").update(text).digest("hex"));

// The edges of the field and of 256 bits, keys with zeros in front, and ten as good as random.
const keys = [
    0n, 1n, 0xabn, (1n << 64n) - 1n, digest("zeros in front") >> 13n,
    R - 1n, R, R + 1n, 5n * R, (1n << 254n) - 1n, 1n << 254n, 1n << 255n, (1n << 256n) - 2n, (1n << 256n) - 1n,
    ...[...Array(10).keys()].map((i) => digest(`key ${i}`)),
];
// One whose public key is written with fewer than 64 digits.
const isShort = (key) => new Keypair(new PrivateKey(key)).publicKey.serialize().length < 71;
let short = 0;
while (!isShort(digest(`short ${short}`))) short++;
keys.push(digest(`short ${short}`));

const other = new Keypair(new PrivateKey(digest("other")));
const message = (key) => digest(`message ${key}`) % R;
const vectors = keys.map((raw) => {
    const pair = new Keypair(new PrivateKey(raw));
    const serialized = pair.privateKey.serialize();
    // Earlier versions make the same of it.
    for (const [K, P] of [[KeypairOf1, PrivateKeyOf1], [KeypairOf2, PrivateKeyOf2]]) {
        const before = new K(new P(raw));
        const texts = [before.privKey.serialize(), before.pubKey.serialize()];
        if (String(texts) !== String([serialized, pair.publicKey.serialize()])) throw new Error(texts);
    }
    // Other texts that are read as this key.
    const texts = [...new Set([raw.toString(16), raw.toString(16).toUpperCase(), serialized.slice(7).toUpperCase()])]
        .map((digits) => "macisk." + digits);
    for (const text of texts) if (PrivateKey.deserialize(text).raw !== raw) throw new Error(text);
    const { R8, S } = sign(raw.toString(), message(raw));
    return {
        privateKey: raw,
        serializedPrivateKey: serialized,
        texts,
        secretScalar: pair.privateKey.asCircuitInputs(),
        publicKey: pair.publicKey.raw,
        serializedPublicKey: pair.publicKey.serialize(),
        sharedKey: Keypair.generateEcdhSharedKey(pair.privateKey, other.publicKey),
        message: message(raw),
        signature: { R8, S },
    };
});
const value = {
    note: "made by maci-keys.mjs with @maci-protocol/domainobjs 3.0.0; texts of the keys as maci-domainobjs 1.2.5 and 2.5.0",
    otherPublicKey: other.publicKey.raw,
    keys: vectors,
};
const text = JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v), 1);
// A list of texts on one line.
const lists = /\[\s+((?:"[^"]*")(?:,\s+(?:"[^"]*"))*)\s+\]/g;
writeFileSync(
    new URL("maci-keys.json", import.meta.url),
    text.replace(lists, (_, list) => `[${list.replace(/\s+/g, " ")}]`) + "\n",
);
