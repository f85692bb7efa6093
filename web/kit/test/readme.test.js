// The README's code is right against the package's types.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What a reader has already. */
const GIVEN = `
import type { Provider, Transaction } from "@maci-nova/sdk";
declare const wallet: Provider;
declare const account: \`0x\${string}\`;
declare const passphrase: string;
declare const signal: AbortSignal;
declare const keyDigest: string;
declare const hash: \`0x\${string}\`;
declare const transaction: Transaction;
`;

test("the README's code compiles, from its first block to its last", () => {
  const text = readFileSync(path("../README.md"), "utf8");
  const blocks = Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code);
  assert.ok(blocks.length >= 10, `${blocks.length} blocks`);
  // There are two ways to load an engine: the second is in a scope of its own.
  const other = blocks.findIndex((code) => code.includes("await loadEngine()"));
  const [imported, ...rest] = blocks[other].split("\n\n");
  blocks[other] = `${imported}\n{ ${rest.join("\n")} }\n`;

  // Where a user of the package would be, to whom its types are those in `dist/`.
  const name = path("../../readme-code.mts");
  const configuration = ts.readConfigFile(path("../tsconfig.json"), ts.sys.readFile).config;
  const { options } = ts.parseJsonConfigFileContent(configuration, ts.sys, path(".."));
  Object.assign(options, { noEmit: true, noUnusedLocals: false, rootDir: path("../..") });
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.getSourceFile = (file, version, ...others) =>
    file === name
      ? ts.createSourceFile(file, GIVEN + blocks.join("\n"), version, true)
      : getSourceFile(file, version, ...others);
  const program = ts.createProgram([name], options, host);
  const wrong = ts.getPreEmitDiagnostics(program);
  const format = { ...ts.sys, getCanonicalFileName: (file) => file, getNewLine: () => "\n" };
  assert.equal(ts.formatDiagnostics(wrong, format), "");
  assert.ok(program.getSourceFile(path("../dist/index.d.ts")), "the package's own types were not read");
});

test("every export is in the README's table", async () => {
  const text = readFileSync(path("../README.md"), "utf8");
  const table = text.slice(text.indexOf("## The public API"));
  const exported = Object.keys(await import("../dist/index.js"));
  assert.ok(exported.length > 10);
  for (const name of exported) assert.match(table, new RegExp(`\\b${name}\\b`), name);
});
