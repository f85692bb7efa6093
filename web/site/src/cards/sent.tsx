import { Act, Card, Notice, save } from "../parts.tsx";
import {
  ballots,
  connection,
  discard,
  forgetPending,
  isAlive,
  pending,
  perform,
  poll,
  refresh,
  relayerUrl,
  sendAgain,
  status,
  unlocked,
} from "../session.ts";
import type { KeptBallot, Pending } from "../storage.ts";
import { texts, wei } from "../texts.ts";

/** Ballots of this browser, and transactions on their way. */
export function SentCard() {
  // Who opens this page without the passphrase does not see whether somebody voted again.
  const mine = unlocked.value ? ballots.value : [];
  if (mine.length === 0 && pending.value.length === 0) return null;
  return (
    <Card title={texts.sent.title}>
      {pending.value.map((one) => (
        <OnItsWay key={one.at} pending={one} />
      ))}
      <ul class="plain">
        {[...mine].reverse().map((kept) => (
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
  return (
    <Notice>
      <p>{one.hash ? texts.pending.sent(what, one.hash) : texts.pending.asked(what)}</p>
      <Act plain label={texts.pending.clear} act={() => forgetPending(one)} />
    </Notice>
  );
}

function Sent({ kept }: { kept: KeptBallot }) {
  const { ballot, signed, there, taken, late, broken, relayer } = kept;
  const isLive = status.value?.state === "open" && isAlive(kept) && !broken;
  const fee = poll.value?.facts.messageFee ?? "0";
  const forget = () => {
    if (!relayer || there || !isAlive(kept) || confirm(texts.sent.discardSure)) discard(ballot);
  };
  return (
    <li>
      <p>
        {texts.sent.at(signed)}, {texts.sent.messages(ballot.count)}.{" "}
        {there ? <strong class="good">{texts.sent.there}</strong> : <strong>{texts.sent.notThere}</strong>}{" "}
        {taken && !there && texts.sent.withRelayer(taken.state)}{" "}
        {!there && !isAlive(kept) && texts.sent.tooOld}{" "}
        {!there && isLive && ballot.publishUntil !== null && texts.sent.until(ballot.publishUntil)}
      </p>
      {broken && <Notice bad>{texts.sent.broken}</Notice>}
      {!there && isLive && late && relayer && <Notice bad>{texts.sent.late}</Notice>}
      {!there && isLive && fee !== "0" && (
        <p class="small">{texts.ballot.fee(wei((BigInt(fee) * BigInt(ballot.count)).toString()), ballot.count)}</p>
      )}
      {ballot.missing !== "0" && <Notice>{texts.ballot.missing(ballot.missing)}</Notice>}
      <div class="row">
        {!there && isLive && connection.value && (
          <Act label={texts.sent.send} act={() => void sendAgain(ballot, "wallet")} />
        )}
        {!there && isLive && relayerUrl.value && !relayer && (
          <Act plain label={texts.sent.relay} act={() => void sendAgain(ballot, "relayer")} />
        )}
        <Act plain label={texts.sent.save} act={() => save("ballot.jsonl", ballot.messages)} />
        <Act plain label={texts.sent.discard} act={forget} />
      </div>
    </li>
  );
}
