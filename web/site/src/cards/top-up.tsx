import { useSignal } from "@preact/signals";

import { Act, Card, Field, Wrong } from "../parts.tsx";
import { connection, pending, poll, topUp } from "../session.ts";
import { count, texts, wei } from "../texts.ts";

export function TopUpCard() {
  const facts = poll.value?.facts;
  const credits = useSignal("");
  const wrong = useSignal("");
  if (!facts?.topUps || !connection.value) return null;
  const { creditUnit, token } = facts.topUps;
  const isNumber = /^[1-9][0-9]{0,13}$/.test(credits.value);
  const act = () => {
    wrong.value = /^[1-9][0-9]{0,13}$/.test(credits.value) ? "" : texts.topUp.wrong;
    if (!wrong.value) void topUp(Number(credits.value));
  };
  return (
    <Card title={texts.topUp.title}>
      <p>{texts.topUp.about(count(creditUnit), token)}</p>
      <Field label={texts.topUp.credits} type="number" min={1} value={credits.value} change={(value) => (credits.value = value)} />
      {isNumber && <p class="soft">{texts.topUp.costs(count(BigInt(creditUnit) * BigInt(credits.value)))}</p>}
      {facts.messageFee !== "0" && <p class="small">{texts.ballot.fee(wei(facts.messageFee), 1)}</p>}
      <Wrong text={wrong} />
      <div class="row">
        <Act
          label={texts.topUp.act}
          act={act}
          disabled={pending.value.some(({ purpose }) => purpose === "topUp" || purpose === "approve")}
        />
      </div>
    </Card>
  );
}
