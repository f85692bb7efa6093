import { useSignal } from "@preact/signals";

import { Act, Card, Field, Notice } from "../parts.tsx";
import { connection, join, poll, relayerUrl, status, voter } from "../session.ts";
import { texts } from "../texts.ts";

export function JoinCard() {
  const known = voter.value;
  const facts = poll.value?.facts;
  const least = useSignal(facts?.credits.kind === "constant" ? String(Number(facts.credits.credits)) : "1");
  if (!known?.signedUp || !facts) return null;
  if (known.joined) {
    return (
      <Card title={texts.join.title} done>
        <p>{texts.join.done(known.joined.credits, known.joined.stateIndex)}</p>
      </Card>
    );
  }
  if (known.hasJoined) {
    return (
      <Card title={texts.join.title}>
        <Notice bad>{texts.join.otherKey}</Notice>
      </Card>
    );
  }
  const isOpen = status.value?.state === "open";
  const credits = () => Math.max(0, Math.floor(Number(least.value)) || 0);
  return (
    <Card title={texts.join.title}>
      <p>{texts.join.about}</p>
      {facts.credits.kind === "votes" && <Notice>{texts.join.linked}</Notice>}
      {facts.credits.kind !== "constant" && (
        <Field label={texts.join.minCredits} type="number" min={0} value={least.value} change={(value) => (least.value = value)} />
      )}
      {!isOpen && <p class="soft">{texts.ballot.notOpen}</p>}
      <div class="row">
        {connection.value && (
          <Act label={texts.join.byWallet} disabled={!isOpen} act={() => void join("wallet", credits())} />
        )}
        {relayerUrl.value && (
          <Act plain label={texts.join.byRelayer} disabled={!isOpen} act={() => void join("relayer", credits())} />
        )}
      </div>
    </Card>
  );
}
