import { Card, Files, Notice } from "../parts.tsx";
import { metadata, openFiles, poll, status } from "../session.ts";
import { count, span, texts, time, wei } from "../texts.ts";

export function OpenCard() {
  return (
    <Card title={poll.value ? texts.open.other : texts.open.title}>
      <p>{poll.value ? texts.open.otherAbout : texts.open.about}</p>
      <Files label={texts.open.choose} multiple accept=".json,.key" chosen={(files) => void openFiles(files)} />
    </Card>
  );
}

export function PollCard() {
  const facts = poll.value?.facts;
  const now = status.value;
  if (!facts) return null;
  return (
    <Card title={now ? texts.poll.state(now.state) : texts.tasks.open}>
      {facts.insecure && <Notice>{texts.poll.insecure}</Notice>}
      {facts.signedWithin === 0 && <Notice bad>{texts.poll.unprotected}</Notice>}
      {metadata.value?.description && <p class="pre">{metadata.value.description}</p>}
      {now && <Phases />}
      {now && (
        <dl>
          <dt>{texts.poll.signUps}</dt>
          <dd>{count(now.signUps)}</dd>
          <dt>{texts.poll.joins}</dt>
          <dd>{texts.poll.of(now.joins, now.mostJoins)}</dd>
          <dt>{texts.poll.messages}</dt>
          <dd>{texts.poll.of(now.messages, now.mostMessages)}</dd>
        </dl>
      )}
      <details>
        <summary>{texts.poll.details}</summary>
        <dl>
          <dt>{texts.poll.contract}</dt>
          <dd class="code">{facts.poll}</dd>
          <dt>{texts.poll.chain}</dt>
          <dd>{facts.chainId}</dd>
          <dt>{texts.poll.coordinator}</dt>
          <dd class="code">{facts.coordinatorKey}</dd>
          <dt>{texts.poll.fee}</dt>
          <dd>{facts.messageFee === "0" ? texts.poll.none : wei(facts.messageFee)}</dd>
        </dl>
      </details>
    </Card>
  );
}

function Phases() {
  const now = status.value;
  if (!now) return null;
  const phases = [
    { name: texts.poll.phases.before, at: now.startTime, current: now.state === "pending" },
    { name: texts.poll.phases.open, at: now.endTime, current: now.state === "open" },
    { name: texts.poll.phases.counted, at: now.deadline, current: now.state === "ended" },
  ];
  const left = (at: number) => (at > now.now ? `in ${span(at - now.now)}` : `${span(now.now - at)} ago`);
  return (
    <ol class="phases">
      {phases.map(({ name, at, current }) => (
        <li aria-current={current ? "step" : undefined}>
          {name}
          <br />
          <span class="small">
            {time(at)}, {left(at)}
          </span>
        </li>
      ))}
    </ol>
  );
}
