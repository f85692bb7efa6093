// Makes polls/full and polls/full-wiped, beside this file: full voting as MACI's core counts it.
//   npm install @maci-protocol/core@0.0.0-ci.de6bbd5
//   node full.mjs
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { EMode, MaciState } from "@maci-protocol/core";
import { Keypair, PrivateKey, VoteCommand } from "@maci-protocol/domainobjs";

const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const digest = (text) => BigInt("0x" + createHash("sha256").update(text).digest("hex")) % R;
const pair = (text) => new Keypair(new PrivateKey(digest(text)));
const text = (value, indent) =>
    JSON.stringify(value, (_, v) => (typeof v === "bigint" ? v.toString() : v), indent);

const OPTIONS = 5n;
const DEPTHS = { tallyProcessingStateTreeDepth: 1, voteOptionTreeDepth: 1, stateTreeDepth: 10 };

// A poll of one voter for each of these: credits, and votes in order of arrival as
// [nonce, option, weight, signs with, changes to], where 0 is the key of the join.
const make = (name, voters) => {
    const coordinator = pair(`${name} coordinator`);
    const keys = voters.map((_, v) => [0, 1, 2].map((k) => pair(`${name} voter ${v} key ${k}`)));
    const maci = new MaciState(10);
    keys.forEach((of) => maci.signUp(of[0].publicKey));
    const id = maci.deployPoll(2000000000n, DEPTHS, 20, coordinator, OPTIONS, EMode.FULL);
    const poll = maci.polls.get(id);
    // The core's first leaf, like leaf 0 here, is nobody's.
    poll.updatePoll(BigInt(maci.publicKeys.length));
    const elements = (key) => key.asArray();
    const log = [
        {
            kind: "poll", version: 2, pollId: id, coordinatorPublicKey: elements(coordinator.publicKey),
            voteOptions: Number(OPTIONS), mode: "full", signedWithin: 0, stateTreeDepth: 2, voteOptionTreeDepth: 1,
        },
    ];
    voters.forEach(({ credits }, v) => {
        const publicKey = keys[v][0].publicKey;
        if (poll.joinPoll(BigInt(v) + 1n, publicKey, credits) !== v + 1) throw new Error("another index");
        log.push({ kind: "join", publicKey: elements(publicKey), voiceCredits: credits });
    });
    voters.forEach(({ votes }, v) =>
        votes.forEach(([nonce, option, weight, signer, next], m) => {
            const salt = digest(`${name} salt ${v} ${m}`);
            const args = [BigInt(v) + 1n, keys[v][next].publicKey, option, weight, nonce, id, salt];
            const command = new VoteCommand(...args);
            const ephemeral = pair(`${name} ephemeral ${v} ${m}`);
            const shared = Keypair.generateEcdhSharedKey(ephemeral.privateKey, coordinator.publicKey);
            const message = command.encrypt(command.sign(keys[v][signer].privateKey), shared);
            poll.publishMessage(message, ephemeral.publicKey);
            const encryptionPublicKey = elements(ephemeral.publicKey);
            log.push({ kind: "message", data: message.data, encryptionPublicKey, anchor: "0" });
        }),
    );
    const decisions = poll.messages.map(() => "none");
    const process = poll.processMessage;
    poll.processMessage = (message, key) => {
        const at = poll.messages.indexOf(message);
        try {
            const out = process(message, key);
            decisions[at] = "applied";
            return out;
        } catch (error) {
            decisions[at] = error.message;
            throw error;
        }
    };
    poll.processAllMessages();
    while (poll.hasUntalliedBallots()) poll.tallyVotes();
    const expected = {
        results: poll.tallyResult.slice(0, Number(OPTIONS)),
        // The core keeps these for quadratic voting only: a weight costs itself.
        perOptionSpent: poll.tallyResult.slice(0, Number(OPTIONS)),
        totalSpent: poll.totalSpentVoiceCredits,
        decisions,
        leaves: poll.pollStateLeaves.map((leaf) => ({
            publicKey: elements(leaf.publicKey),
            voiceCreditBalance: leaf.voiceCreditBalance,
        })),
        ballots: poll.ballots.map(({ nonce, votes }) => ({ nonce, votes: votes.slice(0, Number(OPTIONS)) })),
    };
    const folder = new URL(`polls/${name}/`, import.meta.url);
    mkdirSync(folder, { recursive: true });
    writeFileSync(new URL("poll.jsonl", folder), log.map((line) => text(line) + "\n").join(""));
    writeFileSync(new URL("coordinator.key", folder), coordinator.privateKey.serialize() + "\n");
    writeFileSync(new URL("expected.json", folder), text(expected, 1) + "\n");
};

// Counted from the last to the first.
make("full", [
    // Everything; a credit too few; a credit too many; nothing.
    { credits: 100n, votes: [[1n, 2n, 100n, 0, 0]] },
    { credits: 100n, votes: [[1n, 2n, 99n, 0, 0]] },
    { credits: 100n, votes: [[1n, 2n, 101n, 0, 0]] },
    { credits: 100n, votes: [[1n, 2n, 0n, 0, 0]] },
    // The same vote again, which may change the key; then one with each key.
    { credits: 70n, votes: [[3n, 4n, 70n, 1, 2], [3n, 4n, 70n, 0, 2], [2n, 4n, 70n, 0, 1], [1n, 4n, 70n, 0, 0]] },
    // The same option again with less, with nothing, with more.
    { credits: 60n, votes: [[2n, 1n, 59n, 0, 0], [2n, 1n, 0n, 0, 0], [2n, 1n, 61n, 0, 0], [1n, 1n, 60n, 0, 0]] },
    // Another option after everything is spent: all of it, one credit.
    { credits: 50n, votes: [[2n, 3n, 50n, 0, 0], [2n, 3n, 1n, 0, 0], [1n, 0n, 50n, 0, 0]] },
    // A part, and then everything under the same nonce.
    { credits: 40n, votes: [[1n, 0n, 40n, 0, 0], [1n, 3n, 20n, 0, 0], [1n, 2n, 20n, 0, 0]] },
    // The last ballot stands; the one before it has a nonce that was used.
    { credits: 30n, votes: [[1n, 4n, 30n, 0, 0], [1n, 3n, 30n, 0, 0]] },
    // The bounds of a weight; an option that does not exist; a key that was never the voter's.
    {
        credits: 20n,
        votes: [
            [1n, 1n, 20n, 0, 1], [1n, 1n, (1n << 49n) - 1n, 0, 0], [1n, 1n, 1n << 49n, 0, 0],
            [1n, 1n, (1n << 49n) + 20n, 0, 0], [1n, OPTIONS, 20n, 0, 0], [1n, 1n, 20n, 2, 0],
        ],
    },
    // One credit; all that a join can have; none.
    { credits: 1n, votes: [[1n, 3n, 1n, 0, 0]] },
    { credits: (1n << 32n) - 1n, votes: [[1n, 3n, (1n << 32n) - 1n, 0, 0]] },
    { credits: 0n, votes: [[1n, 3n, 1n, 0, 0]] },
]);

// What the core takes and MACI's circuit does not: weight 0 spends the nothing that is left.
make("full-wiped", [
    { credits: 100n, votes: [[2n, 3n, 0n, 0, 0], [1n, 2n, 100n, 0, 0]] },
    { credits: 0n, votes: [[1n, 3n, 0n, 0, 0]] },
    { credits: 80n, votes: [[1n, 2n, 80n, 0, 0]] },
]);
