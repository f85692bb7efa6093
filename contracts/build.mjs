// Compiles the contracts with the pinned solc and writes the artifacts, or with --check compares them.
//
// Shipped artifacts go to out/<File>.sol/<Contract>.json, those that only tests use to tests/out. Of interfaces there
// is the ABI alone. --check also looks at the package: what would be packed, and that it compiles as a dependency.
// Sources are named relative to this folder and packages by their names, so the result does not depend on where it
// is built. Libraries that are linked when they are deployed get artifacts of their own.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const root = dirname(fileURLToPath(import.meta.url));
const targets = [
  { sources: "src", out: "out" },
  { sources: "tests/sol", out: "tests/out" },
];

// Contracts of others that tests deploy as they are.
const excubiae = "@excubiae/contracts/contracts";
const foreign = [
  `${excubiae}/extensions/eas/EASCheckerFactory.sol`,
  `${excubiae}/extensions/eas/EASPolicyFactory.sol`,
  `${excubiae}/extensions/erc20/ERC20CheckerFactory.sol`,
  `${excubiae}/extensions/erc20/ERC20PolicyFactory.sol`,
  `${excubiae}/extensions/erc20votes/ERC20VotesCheckerFactory.sol`,
  `${excubiae}/extensions/erc20votes/ERC20VotesPolicyFactory.sol`,
  `${excubiae}/extensions/merkle/MerkleProofCheckerFactory.sol`,
  `${excubiae}/extensions/merkle/MerkleProofPolicyFactory.sol`,
  `${excubiae}/extensions/semaphore/SemaphoreCheckerFactory.sol`,
  `${excubiae}/extensions/semaphore/SemaphorePolicyFactory.sol`,
  `${excubiae}/test/extensions/mocks/MockEAS.sol`,
  `${excubiae}/test/extensions/mocks/SemaphoreMock.sol`,
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
  return json(content);
}

function json(content) {
  return `${JSON.stringify(content, null, 2)}\n`;
}

// What can be deployed: no interfaces, no abstract contracts, no libraries of internal functions.
function deployable({ abi, bytecode }) {
  return bytecode.object !== "" && abi.some(({ type }) => type === "function");
}

// What integrators compile against.
function isInterface({ source }) {
  return source.startsWith("src/interfaces/");
}

function linkedSources(contracts) {
  const names = contracts.flatMap(({ bytecode }) => Object.keys(bytecode.linkReferences));
  return [...new Set(names)].sort();
}

function artifacts(solc) {
  const [shipped, tests] = targets;
  const all = compile(solc, targets.flatMap(({ sources }) => solidityFiles(sources)), ownSettings);
  const own = all.filter(deployable);
  const libraries = compile(solc, linkedSources(own), librarySettings).filter(deployable);
  const others = compile(solc, foreign, ownSettings).filter(deployable);
  const outOf = ({ source }) => {
    const isTest = source.startsWith(`${tests.sources}/`) || foreign.includes(source);
    return (isTest ? tests : shipped).out;
  };
  const path = (contract) => join(outOf(contract), basename(contract.source), `${contract.name}.json`);
  const files = new Map();
  for (const contract of [...own, ...libraries, ...others]) {
    const size = contract.bytecode.object.length / 2;
    if (size > MAX_INIT_CODE) throw new Error(`${contract.name} has ${size} bytes`);
    files.set(path(contract), artifact(contract, solc));
  }
  for (const contract of all.filter(isInterface)) {
    files.set(path(contract), json({ abi: contract.abi }));
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

// What `npm pack` packs has to be the sources, the shipped artifacts, and nothing else.
function wrongPackage(files) {
  const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const answer = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], options);
  const packed = new Set(JSON.parse(answer)[0].files.map(({ path }) => path));
  const artifacts = [...files.keys()].map((name) => name.replaceAll("\\", "/"));
  const shipped = artifacts.filter((name) => name.startsWith(`${targets[0].out}/`));
  const papers = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "package.json"];
  const wanted = new Set([...papers, ...solidityFiles(targets[0].sources), ...shipped]);
  const missing = [...wanted].filter((name) => !packed.has(name));
  const extra = [...packed].filter((name) => !wanted.has(name));
  for (const name of missing) process.stderr.write(`${name} would not be packed\n`);
  for (const name of extra) process.stderr.write(`${name} would be packed\n`);
  return missing.length + extra.length > 0;
}

// Whoever depends on the package finds its sources under its name alone: they have to name each other relatively.
function wrongImports(solc) {
  const { name } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const imports = solidityFiles(targets[0].sources).map((path) => `import "${name}/${path}";`);
  const sources = { "Consumer.sol": { content: `pragma solidity 0.8.37;\n${imports.join("\n")}\n` } };
  const settings = { outputSelection: { "*": { "*": ["abi"] } } };
  const find = (path) => {
    const own = path.startsWith(`${name}/`);
    const file = own ? join(root, path.slice(name.length + 1)) : join(root, "node_modules", path);
    return existsSync(file) ? { contents: readFileSync(file, "utf8") } : { error: `no ${path}` };
  };
  const input = JSON.stringify({ language: "Solidity", sources, settings });
  const { errors } = JSON.parse(solc.compile(input, { import: find }));
  const wrong = (errors ?? []).filter(({ severity }) => severity === "error");
  for (const { formattedMessage } of wrong) process.stderr.write(formattedMessage);
  return wrong.length > 0;
}

const solc = createRequire(import.meta.url)("solc");
const files = artifacts(solc);
if (!process.argv.includes("--check")) write(files);
else if ([stale(files), wrongPackage(files), wrongImports(solc)].includes(true)) process.exit(1);
