// A poll's files: each beside the other.

/** A file's bytes; null if it is not there. */
export async function fetchFile(url: URL): Promise<Uint8Array<ArrayBuffer> | null> {
  const response = await fetch(url, { credentials: "omit" }).catch(() => null);
  if (!response?.ok) return null;
  return new Uint8Array(await response.arrayBuffer());
}

/** `poll.json` has `poll.join.key` and `poll.metadata.json` beside it. */
export function sibling(url: URL, ending: string): URL {
  const beside = new URL(url);
  beside.pathname = beside.pathname.replace(/(\.json)?$/, ending);
  return beside;
}
