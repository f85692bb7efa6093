import { defineConfig } from "vite";

// A static site for any folder: every address in it is relative. Two pages, and the results as a
// component for other people's pages, under a name that does not change.
export default defineConfig({
  base: "./",
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
