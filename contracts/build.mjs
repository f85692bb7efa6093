// Compiles the contracts with the pinned solc and writes the artifacts, or with --check compares them.
//
// Shipped artifacts go to out/<File>.sol/<Contract>.json, those that only tests use to tests/out.
// Sources are named relative to this folder, so the result does not depend on where it is built.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const root = dirname(fileURLToPath(import.meta.url));
const targets = [
  { sources: "src", out: "out" },
  { sources: "tests/sol", out: "tests/out" },
];

const settings = {
  optimizer: { enabled: true, runs: 1_000_000 },
  viaIR: true,
  // Older than the newest fork on purpose: code that also runs on chains that follow later.
  evmVersion: "cancun",
  // The bytecode is then a function of the code alone, not of comments.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

function solidityFiles(folder) {
  return readdirSync(join(root, folder)).filter((name) => name.endsWith(".sol")).sort();
}

function compile(solc) {
  const names = targets.flatMap(({ sources }) => solidityFiles(sources).map((name) => `${sources}/${name}`));
  const sources = Object.fromEntries(names.map((name) => [name, { content: readFileSync(join(root, name), "utf8") }]));
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
  const messages = output.errors ?? [];
  for (const { formattedMessage } of messages) process.stderr.write(formattedMessage);
  // Warnings stop the build as well.
  if (messages.length > 0) process.exit(1);
  return output.contracts;
}

function artifact(contract, solc) {
  const { bytecode } = contract.evm;
  const content = {
    compiler: { version: solc.version().split(".Emscripten")[0], evmVersion: settings.evmVersion, optimizer: settings.optimizer, viaIR: settings.viaIR },
    abi: contract.abi,
    bytecode: { object: `0x${bytecode.object}` },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

const check = process.argv.includes("--check");
const solc = createRequire(import.meta.url)("solc");
const contracts = compile(solc);
let stale = 0;
for (const { sources, out } of targets) {
  for (const file of solidityFiles(sources)) {
    for (const [name, contract] of Object.entries(contracts[`${sources}/${file}`])) {
      const path = join(root, out, file, `${name}.json`);
      const content = artifact(contract, solc);
      if (!check) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      } else if (!existsSync(path) || readFileSync(path, "utf8") !== content) {
        process.stderr.write(`${out}/${file}/${name}.json is not what the sources compile to\n`);
        stale += 1;
      }
    }
  }
}
if (stale > 0) process.exit(1);
