import { Act, Card, Notice, save } from "../parts.tsx";
import { ballots, connection, discard, forgetPending, pending, perform, refresh, relayerUrl, sendAgain, status } from "../session.ts";
import type { KeptBallot, Pending } from "../storage.ts";
import { texts } from "../texts.ts";

/** Ballots of this browser, and transactions on their way. */
export function SentCard() {
  if (ballots.value.length === 0 && pending.value.length === 0) return null;
  return (
    <Card title={texts.sent.title}>
      {pending.value.map((one) => (
        <OnItsWay key={one.at} pending={one} />
      ))}
      <ul class="plain">
        {[...ballots.value].reverse().map((kept) => (
          <Sent key={kept.ballot.ballot} kept={kept} />
        ))}
      </ul>
      <div class="row">
        <Act plain label={texts.sent.check} act={() => void perform(texts.tasks.send, refresh)} />
      </div>
    </Card>
  );
}

function OnItsWay({ pending: one }: { pending: Pending }) {
  const what = texts.pending.purposes[one.purpose];
  if (one.hash) return <Notice>{texts.pending.sent(what, one.hash)}</Notice>;
  return (
    <Notice>
      <p>{texts.pending.asked(what)}</p>
      <Act plain label={texts.pending.clear} act={() => void forgetPending(one)} />
    </Notice>
  );
}

function Sent({ kept }: { kept: KeptBallot }) {
  const { ballot, signed, there, taken } = kept;
  const isOpen = status.value?.state === "open";
  return (
    <li>
      <p>
        {texts.sent.at(signed)}, {texts.sent.messages(ballot.count)}.{" "}
        {there ? <strong class="good">{texts.sent.there}</strong> : <strong>{texts.sent.notThere}</strong>}{" "}
        {taken && !there && texts.sent.withRelayer(taken.state)}{" "}
        {!there && ballot.publishUntil !== null && texts.sent.until(ballot.publishUntil)}
      </p>
      {ballot.missing !== "0" && <Notice>{texts.ballot.missing(ballot.missing)}</Notice>}
      <div class="row">
        {!there && isOpen && connection.value && (
          <Act label={texts.sent.send} act={() => void sendAgain(ballot, "wallet")} />
        )}
        {!there && isOpen && relayerUrl.value && !taken && (
          <Act plain label={texts.sent.relay} act={() => void sendAgain(ballot, "relayer")} />
        )}
        <Act plain label={texts.sent.save} act={() => save("ballot.jsonl", ballot.messages)} />
        <Act plain label={texts.sent.discard} act={() => void discard(ballot)} />
      </div>
    </li>
  );
}
