import { useEffect } from "preact/hooks";

import { BallotCard, RepeatsCard } from "./cards/ballot.tsx";
import { JoinCard } from "./cards/join.tsx";
import { KeysCard } from "./cards/keys.tsx";
import { NodeCard, RelayerCard } from "./cards/places.tsx";
import { OpenCard, PollCard } from "./cards/poll.tsx";
import { ResultsCard } from "./cards/results.tsx";
import { SentCard } from "./cards/sent.tsx";
import { SignUpCard } from "./cards/sign-up.tsx";
import { TopUpCard } from "./cards/top-up.tsx";
import { WalletCard } from "./cards/wallet.tsx";
import { Trouble, Warnings, Working } from "./parts.tsx";
import { connection, joined, metadata, pollKey, problem, poll, said, status, task, unlocked, voter } from "./session.ts";
import { texts } from "./texts.ts";

export function App() {
  const title = metadata.value?.title ?? (poll.value ? texts.poll.unnamed(poll.value.facts) : texts.appTitle);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <>
      <header>
        <h1>{title}</h1>
      </header>
      <main>
        <Messages />
        {poll.value ? <PollCard /> : <OpenCard />}
        {!connection.value && <WalletCard />}
        <Way />
        {connection.value && <WalletCard />}
        {poll.value && <RelayerCard />}
        <NodeCard />
        {poll.value && <OpenCard />}
      </main>
      <footer>
        <p>{texts.footer}</p>
      </footer>
    </>
  );
}

/** What goes on, what was done, what went wrong: said to screen readers as it changes. */
function Messages() {
  return (
    <div>
      <Working />
      <div role="status">
        {said.value && <p class="good">{said.value}</p>}
        {task.value && <span class="unseen">{texts.working} {task.value.name}</span>}
      </div>
      <Warnings />
      <div role="alert">{problem.value && <Trouble />}</div>
    </div>
  );
}

/** The voter's way, as far as it can be gone. */
function Way() {
  const now = status.value;
  if (!poll.value || !now) return null;
  if (now.results) return <ResultsCard />;
  const takes = now.state === "open" || now.state === "pending";
  if (!takes) return <SentCard />;
  const has = unlocked.value;
  const who = joined.value;
  return (
    <>
      <KeysCard />
      {has && !who && <SignUpCard />}
      {has && (voter.value?.signedUp || who) && <JoinCard />}
      {has && who && pollKey.value && (
        <>
          <BallotCard joined={who} />
          <RepeatsCard />
        </>
      )}
      <SentCard />
      {has && who && <TopUpCard />}
    </>
  );
}
