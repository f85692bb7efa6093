import { readFileSync } from "node:fs";

import { defineConfig, type Plugin } from "vite";

/** What both pages have in their heads, the content security policy above all. */
const head: Plugin = {
  name: "head",
  transformIndexHtml: {
    order: "pre",
    handler(html) {
      const mark = "    <!-- head -->\n";
      if (!html.includes(mark)) throw new Error("a page has no place for its head");
      return html.replace(mark, readFileSync(new URL("src/head.html", import.meta.url), "utf8"));
    },
  },
};

// A static site for any folder: every address in it is relative. Two pages, and the results as a
// component for other people's pages, under a name that does not change.
export default defineConfig({
  base: "./",
  plugins: [head],
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  worker: { format: "es" },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: { index: "index.html", operator: "operator.html", "maci-nova-results": "src/results-element.ts" },
      output: {
        entryFileNames: ({ name }) => (name === "maci-nova-results" ? "[name].js" : "assets/[name]-[hash].js"),
      },
      preserveEntrySignatures: "strict",
    },
  },
});
