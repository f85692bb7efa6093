/**
 * `<maci-nova-results poll="poll.json">`: a poll's results, for anybody's page.
 *
 * Attributes: `poll`, the address of the poll file; `node`, the address of a node of its chain (by default
 * the one that the poll file names); `verify`, to check the results in the browser before they are said
 * to be checked. Or hand it what is known with {@link ResultsElement.show}.
 *
 * Its parts can be styled from outside: `::part(table)`, `::part(bar)`, `::part(note)`.
 */
import type { Metadata, PollStatus } from "@maci-nova/sdk";

import { count, texts } from "./texts.ts";

type Stored = NonNullable<PollStatus["results"]>;

const style = `
  :host { display: block; color: inherit; font: inherit; }
  table { width: 100%; border-collapse: collapse; }
  caption { text-align: left; }
  th, td { text-align: left; padding: 0.35rem 0.5rem 0.35rem 0; vertical-align: top; overflow-wrap: anywhere; }
  td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  tr + tr > * { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
  .bar { height: 0.6rem; border-radius: 0.3rem; margin-top: 0.2rem; min-width: 1px; background: var(--bar, #7d7aec); }
  .bar.against { background: var(--bar-against, #d6655d); }
  tfoot th, tfoot td { font-weight: 600; }
  p { margin: 0.5rem 0; }
`;

export class ResultsElement extends HTMLElement {
  static observedAttributes = ["poll", "node", "verify"];

  readonly #place: ShadowRoot;
  #asked = 0;

  constructor() {
    super();
    this.#place = this.attachShadow({ mode: "open" });
    // A style sheet of its own is not refused by a page's content security policy.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    this.#place.adoptedStyleSheets = [sheet];
  }

  attributeChangedCallback(): void {
    // Attributes that are set together are read together.
    const asked = ++this.#asked;
    queueMicrotask(() => {
      if (asked === this.#asked && this.getAttribute("poll")) void this.#load(asked);
    });
  }

  /** Shows results that are known, with the options' names where there are any. */
  show(stored: Stored, metadata: Metadata | null, note?: string): void {
    this.#place.replaceChildren(table(stored, metadata), ...(note ? [paragraph(note)] : []));
  }

  async #load(asked: number): Promise<void> {
    this.#place.replaceChildren(paragraph(texts.element.reading));
    try {
      const { read } = await import("./results-reader.ts");
      const found = await read(this.getAttribute("poll") ?? "", this.getAttribute("node"), this.hasAttribute("verify"));
      if (asked !== this.#asked) return;
      if (found.results) this.show(found.results, found.metadata, found.note);
      else this.#place.replaceChildren(paragraph(found.note));
      this.dispatchEvent(new CustomEvent("maci-nova-results", { detail: found }));
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#place.replaceChildren(paragraph(error instanceof Error ? error.message : String(error)));
    }
  }
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Partial<HTMLElementTagNameMap[K]>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function paragraph(text: string): HTMLElement {
  const made = element("p", {}, text);
  made.setAttribute("part", "note");
  return made;
}

/** A table that is also a chart: every row has a bar as long as its votes. */
function table(stored: Stored, metadata: Metadata | null): HTMLElement {
  const votes = stored.results.map((result) => BigInt(result.votes));
  const most = votes.reduce((most, one) => (abs(one) > most ? abs(one) : most), 1n);
  const rows = stored.results.map((result, i) => {
    const bar = element("div", { className: (votes[i] ?? 0n) < 0n ? "bar against" : "bar" });
    bar.setAttribute("part", "bar");
    bar.style.width = `${Number((abs(votes[i] ?? 0n) * 1000n) / most) / 10}%`;
    const name = metadata?.options[result.option]?.name ?? texts.ballot.option(result.option);
    const head = element("th", { scope: "row" }, name, bar);
    return element("tr", {}, head, cell(result.votes), cell(result.spent));
  });
  const names = [texts.results.option, texts.results.votes, texts.results.spent];
  const head = names.map((name, i) => element("th", { scope: "col", className: i ? "number" : "" }, name));
  const sums = element("tr", {}, element("th", { scope: "row" }, texts.results.total), cell(stored.totalVotes), cell(stored.totalSpent));
  const made = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
    element("tfoot", {}, sums),
  );
  made.setAttribute("part", "table");
  return made;
}

const abs = (value: bigint) => (value < 0n ? -value : value);
const cell = (value: string) => element("td", { className: "number" }, count(value));

if (!customElements.get("maci-nova-results")) customElements.define("maci-nova-results", ResultsElement);
