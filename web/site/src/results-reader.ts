// What `<maci-nova-results>` reads of a poll; loaded only where it is asked to.
import { httpProvider, MaciError, Poll, type Metadata, type PollStatus } from "@maci-nova/sdk";

import { engine } from "./engine.ts";
import { fetchFile, sibling } from "./files.ts";
import { texts } from "./texts.ts";

/** What is known of a poll's results. */
export interface Found {
  state: PollStatus["state"];
  results: PollStatus["results"];
  metadata: Metadata | null;
  /** A sentence on what was checked, or why there are no results. */
  note: string;
}

/** Reads a poll from the address of its file. */
export async function read(pollFile: string, node: string | null, verify: boolean): Promise<Found> {
  const url = new URL(pollFile, location.href);
  const bytes = await fetchFile(url);
  if (!bytes) throw new MaciError("input", texts.noPollFile(url.href));
  const text = new TextDecoder().decode(bytes);
  const address = node ?? (JSON.parse(text) as { rpcUrl?: string }).rpcUrl;
  if (!address) throw new MaciError("usage", texts.element.noNode);
  const poll = await Poll.open(await engine(), httpProvider(address), text);
  const described = poll.facts.metadata ? await fetchFile(sibling(url, ".metadata.json")) : null;
  const metadata = described ? await poll.metadata(described) : null;
  const { state, results } = await poll.status();
  if (!results) return { state, results, metadata, note: texts.poll.state(state) };
  if (!verify) return { state, results, metadata, note: texts.results.unchecked };
  const verified = await poll.verify();
  const { voters, messages, keyDigest, insecure, unknownGatekeeper, unknownCredits } = verified;
  const note = [texts.results.checked(voters, messages), texts.results.rests(keyDigest)];
  if (insecure) note.push(texts.results.insecure(insecure));
  if (unknownGatekeeper) note.push(texts.results.unknownGatekeeper);
  if (unknownCredits) note.push(texts.results.unknownCredits);
  // What was checked, and not what the node said before.
  return { state, results: verified, metadata, note: note.join(" ") };
}
