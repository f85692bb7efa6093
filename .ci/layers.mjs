// Fails where a crate depends on one above it, where files of a crate import each other in a
// circle, or where the program and the tests ask for different features of a dependency, which then
// compiles twice, with all that stands on it.
//
// The order of the crates is the architecture: each may depend on those before it. Tests and
// benches may look further (dev-dependencies), and test modules of a file are not counted.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

const order = [
  "maci-nova-calibration",
  "maci-nova-protocol",
  "maci-nova-files",
  "maci-nova-step-circuit",
  "maci-nova-folding",
  "maci-nova-groth16",
  "maci-nova-chain",
  "maci-nova-ceremony",
  "maci-nova-contracts",
  "maci-nova-compressor",
  "maci-nova-node",
  "maci-nova-jobs",
  "maci-nova-sdk",
  "maci-nova-wasm",
  "maci-nova-coordinator",
  "maci-nova-service",
  "maci-nova-bench",
  "maci-nova",
  "maci-nova-tests",
];

const complaints = [];

function checkCrates() {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 };
  const metadata = JSON.parse(execFileSync("cargo", ["metadata", "--format-version", "1", "--no-deps"], options));
  for (const { name, dependencies } of metadata.packages) {
    const rank = order.indexOf(name);
    if (rank < 0) complaints.push(`crate ${name} has no place in .ci/layers.mjs`);
    for (const { name: other, kind } of dependencies) {
      if (kind === null && order.indexOf(other) >= rank && order.includes(other)) {
        complaints.push(`crate ${name} depends on ${other}, which is above it`);
      }
    }
  }
  return metadata.packages.map(({ manifest_path: path }) => dirname(path));
}

function sources(folder) {
  const found = [];
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) found.push(...sources(path));
    else if (name.endsWith(".rs")) found.push(path);
  }
  return found;
}

// The module that a file is, as a list of names; [] is the root.
function moduleOf(src, file) {
  const parts = relative(src, file).replace(/\.rs$/, "").split("/");
  if (["mod", "lib", "main"].includes(parts.at(-1))) parts.pop();
  return parts;
}

// The code without comments, strings of documentation, and test modules.
function code(file) {
  const text = readFileSync(file, "utf8").replace(/\/\/[^\n]*/g, "");
  return text.replace(/#\[cfg\((?:test|any\(test[^\]]*)\)\]\s*(?:pub(?:\([a-z]+\))? )?mod \w+\s*\{[\s\S]*?\n\}/g, "");
}

// The paths that a file imports from its own crate, absolute.
function imports(module, text) {
  const paths = [];
  const expand = (prefix, rest) => {
    const brace = rest.indexOf("{");
    if (brace < 0) {
      paths.push([...prefix, ...rest.split("::").map((part) => part.trim().split(/\s/)[0]).filter(Boolean)]);
      return;
    }
    const head = rest.slice(0, brace).split("::").map((part) => part.trim()).filter(Boolean);
    const inner = rest.slice(brace + 1, rest.lastIndexOf("}"));
    let [depth, item] = [0, ""];
    for (const char of inner + ",") {
      if (char === "," && depth === 0) {
        if (item.trim()) expand([...prefix, ...head], item);
        item = "";
        continue;
      }
      depth += char === "{" ? 1 : char === "}" ? -1 : 0;
      item += char;
    }
  };
  const path = /\b(crate|self|super(?:::super)*)::([^;{}()<>"'=,&|?!\s]*(?:\{[^;]*?\}(?=\s*;))?)/g;
  for (const [, start, rest] of text.matchAll(path)) {
    if (start === "crate") expand([], rest);
    else if (start === "self") expand(module, rest);
    else expand(module.slice(0, -start.split("::").length), rest);
  }
  return paths;
}

// For each file the files of its crate that it imports.
function graphOf(src) {
  const files = sources(src).filter((file) => !/(^|\/)(tests|testing)(\/|\.rs$)/.test(relative(src, file)));
  const byModule = new Map(files.map((file) => [moduleOf(src, file).join("::"), relative(src, file)]));
  const graph = new Map();
  for (const file of files) {
    const module = moduleOf(src, file);
    const targets = new Set();
    for (const path of imports(module, code(file))) {
      // The longest part of the path that is a module.
      for (let length = path.length; length > 0; length -= 1) {
        const target = byModule.get(path.slice(0, length).join("::"));
        if (target) {
          targets.add(target);
          break;
        }
      }
    }
    targets.delete(relative(src, file));
    graph.set(relative(src, file), targets);
  }
  return graph;
}

// Tarjan's strongly connected components with more than one file.
function circles(graph) {
  let counter = 0;
  const [index, low, stack, found] = [new Map(), new Map(), [], []];
  const visit = (node) => {
    index.set(node, counter);
    low.set(node, counter);
    counter += 1;
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) {
        visit(next);
        low.set(node, Math.min(low.get(node), low.get(next)));
      } else if (stack.includes(next)) {
        low.set(node, Math.min(low.get(node), index.get(next)));
      }
    }
    if (low.get(node) !== index.get(node)) return;
    const component = [];
    let member;
    do {
      member = stack.pop();
      component.push(member);
    } while (member !== node);
    if (component.length > 1) found.push(component.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

// For each dependency from elsewhere its features, in what these arguments of `cargo tree` name.
function features(...which) {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 };
  const tree = execFileSync("cargo", ["tree", "--prefix", "none", "-f", "{p}\t{f}", ...which], options);
  const found = new Map();
  for (const line of tree.split("\n")) {
    const [name, version, ...rest] = line.split("\t")[0].split(" ");
    if (!version || rest.some((word) => word.startsWith("(/"))) continue;
    const known = found.get(`${name} ${version}`) ?? new Set();
    (line.split("\t")[1] ?? "").replace(" (*)", "").split(",").forEach((feature) => known.add(feature));
    found.set(`${name} ${version}`, known);
  }
  return found;
}

function checkFeatures() {
  // What a build script of tests needs is built for itself anyway.
  const all = features("--workspace", "-e", "normal,dev");
  for (const [crate, some] of features("-p", "maci-nova", "-e", "normal,build")) {
    const missing = [...(all.get(crate) ?? [])].filter((feature) => !some.has(feature));
    if (missing.length > 0) complaints.push(`tests ask for ${missing.join(", ")} of ${crate}, the program does not`);
  }
}

checkFeatures();
for (const folder of checkCrates()) {
  const src = join(folder, "src");
  for (const files of circles(graphOf(src))) {
    complaints.push(`files of ${relative(root, src)} import each other: ${files.join(" ")}`);
  }
}
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length > 0 ? 1 : 0);
