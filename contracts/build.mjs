// Compiles the contracts with the pinned solc and writes the artifacts, or with --check compares them.
//
// Shipped artifacts go to out/<File>.sol/<Contract>.json, those that only tests use to tests/out.
// Sources are named relative to this folder and packages by their names, so the result does not depend on where it
// is built. Libraries that are linked when they are deployed get artifacts of their own.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const root = dirname(fileURLToPath(import.meta.url));
const targets = [
  { sources: "src", out: "out" },
  { sources: "tests/sol", out: "tests/out" },
];

const common = {
  optimizer: { enabled: true, runs: 1_000_000 },
  // Older than the newest fork on purpose: code that also runs on chains that follow later.
  evmVersion: "cancun",
  // The bytecode is then a function of the code alone, not of comments.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};
const ownSettings = { ...common, viaIR: true };
// The other pipeline writes every constant of Poseidon wherever it is used: more than twice the size limit. Fewer
// runs would make the libraries smaller, computing the constants, and a hash twice as expensive.
const librarySettings = { ...common, viaIR: false };

// EIP-170 bounds deployed code, EIP-3860 twice that the code that deploys it.
const MAX_INIT_CODE = 2 * 24_576;

function solidityFiles(folder) {
  const names = readdirSync(join(root, folder), { recursive: true });
  return names.filter((name) => name.endsWith(".sol")).map((name) => `${folder}/${name.replaceAll("\\", "/")}`).sort();
}

function readImport(name) {
  const path = [join(root, name), join(root, "node_modules", name)].find(existsSync);
  return path === undefined ? { error: `there is no ${name}` } : { contents: readFileSync(path, "utf8") };
}

function readSource(name) {
  const { error, contents } = readImport(name);
  if (error) throw new Error(error);
  return { content: contents };
}

// The contracts of these sources, each with the settings that it was compiled with.
function compile(solc, names, settings) {
  const sources = Object.fromEntries(names.map((name) => [name, readSource(name)]));
  const wanted = ["abi", "evm.bytecode.object", "evm.bytecode.linkReferences"];
  const outputSelection = Object.fromEntries(names.map((name) => [name, { "*": wanted }]));
  const input = JSON.stringify({ language: "Solidity", sources, settings: { ...settings, outputSelection } });
  const output = JSON.parse(solc.compile(input, { import: readImport }));
  // Warnings stop the build as well, but for those about the pinned packages.
  const messages = (output.errors ?? []).filter(({ severity, sourceLocation }) => {
    return severity === "error" || existsSync(join(root, sourceLocation?.file ?? ""));
  });
  for (const { formattedMessage } of messages) process.stderr.write(formattedMessage);
  if (messages.length > 0) process.exit(1);
  return names.flatMap((source) => {
    const contracts = Object.entries(output.contracts[source] ?? {});
    return contracts.map(([name, { abi, evm: { bytecode } }]) => ({ source, name, abi, bytecode, settings }));
  });
}

function artifact({ abi, bytecode, settings }, solc) {
  const { evmVersion, optimizer, viaIR } = settings;
  const content = {
    compiler: { version: solc.version().split(".Emscripten")[0], evmVersion, optimizer, viaIR },
    abi,
    bytecode: { object: `0x${bytecode.object}`, linkReferences: bytecode.linkReferences },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

// What can be deployed: no interfaces, no abstract contracts, no libraries of internal functions.
function deployable({ abi, bytecode }) {
  return bytecode.object !== "" && abi.some(({ type }) => type === "function");
}

function linkedSources(contracts) {
  const names = contracts.flatMap(({ bytecode }) => Object.keys(bytecode.linkReferences));
  return [...new Set(names)].sort();
}

function artifacts(solc) {
  const own = compile(solc, targets.flatMap(({ sources }) => solidityFiles(sources)), ownSettings).filter(deployable);
  const libraries = compile(solc, linkedSources(own), librarySettings).filter(deployable);
  const files = new Map();
  for (const contract of [...own, ...libraries]) {
    const { source, name, bytecode } = contract;
    const size = bytecode.object.length / 2;
    if (size > MAX_INIT_CODE) throw new Error(`${name} has ${size} bytes`);
    const { out } = targets.find(({ sources }) => source.startsWith(`${sources}/`)) ?? targets[0];
    files.set(join(out, basename(source), `${name}.json`), artifact(contract, solc));
  }
  return files;
}

function committed() {
  const files = targets.flatMap(({ out }) => {
    if (!existsSync(join(root, out))) return [];
    return readdirSync(join(root, out), { recursive: true }).map((name) => join(out, name));
  });
  return files.filter((name) => name.endsWith(".json"));
}

function write(files) {
  for (const { out } of targets) rmSync(join(root, out), { recursive: true, force: true });
  for (const [name, content] of files) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

function stale(files) {
  const changed = [...files].filter(([name, content]) => {
    const path = join(root, name);
    return !existsSync(path) || readFileSync(path, "utf8") !== content;
  });
  for (const [name] of changed) process.stderr.write(`${name} is not what the sources compile to\n`);
  const extra = committed().filter((name) => !files.has(name));
  for (const name of extra) process.stderr.write(`${name} comes from no source\n`);
  return changed.length + extra.length > 0;
}

const solc = createRequire(import.meta.url)("solc");
const files = artifacts(solc);
if (!process.argv.includes("--check")) write(files);
else if (stale(files)) process.exit(1);
