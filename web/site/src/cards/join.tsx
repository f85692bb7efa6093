import { useSignal } from "@preact/signals";

import { Act, Card, Field, Notice } from "../parts.tsx";
import { connection, identityKey, join, joined, joinedAs, poll, relayerUrl, status, voter } from "../session.ts";
import { texts } from "../texts.ts";

export function JoinCard() {
  const known = voter.value;
  const facts = poll.value?.facts;
  const least = useSignal(facts?.credits.kind === "constant" ? String(Number(facts.credits.credits)) : "1");
  if (!facts) return null;
  const who = joined.value;
  if (who) {
    return (
      <Card title={texts.join.title} done>
        <p>{texts.join.done(who.credits, who.stateIndex)}</p>
      </Card>
    );
  }
  if (known && known.joins.length > 1) {
    return (
      <Card title={texts.join.title}>
        <Notice>{texts.join.several}</Notice>
        <div class="row">
          {known.joins.map((one) => (
            <Act key={one.stateIndex} plain label={texts.join.iAm(one.stateIndex, one.credits)} act={() => joinedAs(one)} />
          ))}
        </div>
      </Card>
    );
  }
  const isSameAccount =
    connection.value !== null && connection.value.account.toLowerCase() === identityKey.value?.signedUpBy?.toLowerCase();
  const isOpen = status.value?.state === "open";
  const credits = () => Math.max(0, Math.floor(Number(least.value)) || 0);
  return (
    <Card title={texts.join.title}>
      <p>{texts.join.about}</p>
      {facts.credits.kind === "votes" && <Notice>{texts.join.linked}</Notice>}
      {facts.credits.kind !== "constant" && (
        <Field label={texts.join.minCredits} type="number" min={0} value={least.value} change={(value) => (least.value = value)} />
      )}
      {isSameAccount && <Notice>{texts.join.sameAccount}</Notice>}
      <p class="soft small">{texts.join.askNode}</p>
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
