// What is read again and again: where the poll is, where the voter is, where ballots are.
import { Poll, Relayer } from "@maci-nova/sdk";

import { ballots, changeBallot, isAlive, poll, reread, status, unlocked, voter } from "./state.ts";
import { running } from "./tasks.ts";

/** Where the poll is, where the voter is, where ballots are: everything is read again. */
export async function refresh(): Promise<void> {
  const opened = poll.value;
  if (!opened) return;
  status.value = await opened.status(running());
  const keys = unlocked.value;
  if (keys?.identity !== undefined || keys?.poll !== undefined) {
    voter.value = await opened.voter({ key: keys.identity, pollKey: keys.poll }, running());
  }
  await placeBallots(opened);
}

/** Where the poll is now, and where ballots are if something was sent since. */
export async function lookAt(opened: Poll): Promise<void> {
  await reread();
  const now = await opened.status();
  const waits = ballots.value.some((kept) => !kept.there && isAlive(kept));
  if (now.messages !== status.value?.messages || waits) await placeBallots(opened);
  status.value = now;
  await watchRelayed(opened);
}

/** All that were signed here: one that is in the poll may be there again, or no longer. */
async function placeBallots(opened: Poll): Promise<void> {
  for (const { ballot, there, last } of ballots.value) {
    const { complete, inOrder, places } = await opened.placement(ballot);
    const all = places.flat();
    const now = {
      there: complete && inOrder,
      broken: !inOrder || lacksWhatComesBefore(places),
      last: all.length > 0 ? Math.max(...all) : -1,
    };
    if (now.there !== there || now.last !== last || now.broken) await changeBallot(ballot.ballot, now);
  }
}

/** Whether something is there that should come after what is not. */
function lacksWhatComesBefore(places: number[][]): boolean {
  const firstMissing = places.findIndex((at) => at.length === 0);
  return firstMissing >= 0 && places.slice(firstMissing).some((at) => at.length > 0);
}

/** What became of ballots that a relayer has, where nobody waits for them any more. */
async function watchRelayed(opened: Poll): Promise<void> {
  for (const one of ballots.value) {
    const { ballot, relayer: url, there } = one;
    if (!url || there || !isAlive(one)) continue;
    const by = await Relayer.open(url, opened).catch(() => null);
    const taken = (await by?.state(ballot.ballot).catch(() => null)) ?? undefined;
    const { late } = await opened.run<{ late: boolean }>("relayed", { messages: ballot.messages });
    await changeBallot(ballot.ballot, taken ? { taken, late } : { late });
  }
}
