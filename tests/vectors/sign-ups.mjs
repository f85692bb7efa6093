// Makes lean-imt.json and membership.json, beside this file:
//   npm install @zk-kit/lean-imt@2.2.5 poseidon-lite@0.3.0 ethers@6.13.5
//   node sign-ups.mjs
import { writeFileSync } from "node:fs";
import { LeanIMT } from "@zk-kit/lean-imt";
import { poseidon2, poseidon3 } from "poseidon-lite";
import { AbiCoder, keccak256, toBeHex } from "ethers";

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const write = (name, value) => {
    const text = JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v), 1);
    // A list of numbers and texts on one line.
    const lists = /\[\s+((?:"[^"]*"|\d+)(?:,\s+(?:"[^"]*"|\d+))*)\s+\]/g;
    writeFileSync(new URL(name, import.meta.url), text.replace(lists, (_, l) => `[${l.replace(/\s+/g, " ")}]`) + "\n");
};

// Trees of the first `size` of these leaves, each inserted alone.
const SIZES = [...Array(33).keys()].map((i) => i + 1).concat([63, 64, 65, 100, 127, 128, 129, 200]);
const leaves = [...Array(200).keys()].map((i) => poseidon3([2n, BigInt(i), 7n]));
const tree = new LeanIMT((a, b) => poseidon2([a, b]));
const trees = [];
leaves.forEach((leaf, i) => {
    tree.insert(leaf);
    const size = i + 1;
    if (!SIZES.includes(size)) return;
    const indices = size <= 7 ? [...Array(size).keys()] : [0, size >> 1, size - 1];
    const proofs = indices.map((leafIndex) => {
        // index: a bit for each sibling, lowest first, set if the sibling is on the left.
        const { index, siblings } = tree.generateProof(leafIndex);
        return { leafIndex, index, siblings };
    });
    trees.push({ size, depth: tree.depth, root: tree.root, proofs });
});
const note = "made by sign-ups.mjs with @zk-kit/lean-imt 2.2.5 and poseidon-lite 0.3.0";
write("lean-imt.json", { note, leaves, trees });

const abi = AbiCoder.defaultAbiCoder();
const modulo = (types, values) => BigInt(keccak256(abi.encode(types, values))) % R;
const address = (seed) => keccak256(toBeHex(seed)).slice(0, 42);
const cases = [...Array(6).keys()].map((i) => {
    const chainId = [1n, 31337n, 0n, (1n << 64n) - 1n, 10n, 8453n][i];
    const [maci, poll, sender] = i === 2 ? Array(3).fill("0x" + "00".repeat(20)) : [1, 2, 3].map((k) => address(16 * i + k));
    const pollId = [0n, (1n << 50n) - 1n, 0n, 1234567n, 1n, 5n][i];
    const pollKey = [poseidon2([i, 1]), i === 2 ? 0n : R - 1n - BigInt(i)];
    const creditData = ["0x", "0x00", "0x", "0x" + "ab".repeat(33), "0x" + "01".repeat(200), "0x6d616369"][i];
    const minCredits = [0n, 100n, 0n, (1n << 32n) - 1n, (1n << 64n) - 1n, 1n][i];
    const secret = poseidon2([i, 2]) % (1n << 250n);
    const scope = modulo(["uint256", "address", "uint256"], [chainId, maci, pollId]);
    const binding = modulo(
        ["uint256", "address", "uint256", "uint256", "address", "bytes32", "uint256"],
        [chainId, poll, pollKey[0], pollKey[1], sender, keccak256(creditData), minCredits],
    );
    const nullifier = poseidon2([secret, scope]);
    const leaf = poseidon3([2n, ...pollKey]);
    return { chainId, maci, poll, pollId, pollKey, sender, creditData, minCredits, secret, scope, binding, nullifier, leaf };
});
write("membership.json", {
    note: "made by sign-ups.mjs with ethers 6.13.5 (ABI, Keccak-256) and poseidon-lite 0.3.0; leaf is that of pollKey",
    cases,
});
