import { costOf, costOfBallot, type Choice, type Joined, type Mode } from "@maci-nova/sdk";
import { useSignal, type Signal } from "@preact/signals";

import { Act, Card, Field, Notice, Wrong } from "../parts.tsx";
import { connection, isUndone, metadata, poll, relayerUrl, status, vote } from "../session.ts";
import { texts, wei } from "../texts.ts";

/** Messages of one transaction, as the engine sends them. */
const BATCH = 25;

/** The name of an option. */
export const nameOf = (option: number) => metadata.value?.options[option]?.name ?? texts.ballot.option(option);

export function BallotCard({ joined }: { joined: Joined }) {
  const facts = poll.value?.facts;
  const weights = useSignal<Weights>({});
  const atLeast = useSignal("1");
  const changeKey = useSignal(false);
  const wrong = useSignal("");
  if (!facts) return null;
  const { mode, options } = facts;
  const isOpen = status.value?.state === "open";
  const choices = choicesOf(weights.value);
  const messages = Math.max(choices.length, Math.min(leastOf(atLeast.value), options));
  const over = costOfBallot(mode, choices) - joined.credits;
  // Where anyone can send it again at any time, somebody who holds it back gains more.
  const mayRelay = relayerUrl.value !== "" && facts.signedWithin > 0;
  // What is in the form now, and not when it was drawn.
  const send = (by: "wallet" | "relayer" | "nobody") => {
    wrong.value = whyNot(mode, weights.value, facts.topUps ? Number.MAX_SAFE_INTEGER : joined.credits);
    const form = {
      choices: choicesOf(weights.value),
      atLeast: Math.min(leastOf(atLeast.value), options),
      changeKey: changeKey.value,
    };
    if (!wrong.value) void vote(form, by);
  };
  return (
    <Card title={texts.ballot.title}>
      <p>{texts.ballot.about}</p>
      <p>{texts.ballot.cost(mode)}</p>
      {mode === "full" ? (
        <OneOption options={options} credits={joined.credits} weights={weights} />
      ) : (
        Array.from({ length: options }, (_, option) => (
          <OptionRow
            key={option}
            option={option}
            mode={mode}
            value={weights.value[option] ?? ""}
            change={(value) => (weights.value = { ...weights.value, [option]: value })}
          />
        ))
      )}
      <Budget cost={costOfBallot(mode, choices)} credits={joined.credits} />
      <div>
        {facts.messageFee !== "0" && (
          <p class="small">{texts.ballot.fee(wei((BigInt(facts.messageFee) * BigInt(messages)).toString()), messages)}</p>
        )}
        {facts.topUps && over > 0 && <Notice>{texts.ballot.dear(over)}</Notice>}
        {messages > BATCH && <Notice>{texts.ballot.transactions(Math.ceil(messages / BATCH))}</Notice>}
        <Wrong text={wrong} />
        {!isOpen && <p class="soft">{texts.ballot.notOpen}</p>}
        <div class="row">
          {connection.value && (
            <Act label={texts.ballot.byWallet} disabled={!isOpen} act={() => send("wallet")} />
          )}
          {mayRelay && (
            <Act plain label={texts.ballot.byRelayer} disabled={!isOpen} act={() => send("relayer")} />
          )}
        </div>
      </div>
      <details>
        <summary>{texts.ballot.more}</summary>
        <Field label={texts.ballot.atLeast} type="number" min={1} value={atLeast.value} change={(value) => (atLeast.value = value)} />
        <label class="inline">
          <input type="checkbox" checked={changeKey.value} onChange={(event) => (changeKey.value = event.currentTarget.checked)} />
          {texts.ballot.changeKey}
        </label>
        <div class="row">
          <Act plain label={texts.ballot.byNobody} disabled={!isOpen} act={() => send("nobody")} />
        </div>
      </details>
    </Card>
  );
}

function OptionRow(props: { option: number; mode: Mode; value: string; change: (value: string) => void }) {
  const { option, mode, value, change } = props;
  const id = `option-${option}`;
  const about = metadata.value?.options[option]?.description;
  return (
    <div class="option">
      <strong class="about">{nameOf(option)}</strong>
      {about && <span class="about small pre">{about}</span>}
      <div class="weight">
        <label for={id}>
          {texts.ballot.votesShort}
        </label>
        <input
          id={id}
          type="number"
          inputMode="numeric"
          step={1}
          min={mode === "negative" ? undefined : 0}
          value={value}
          aria-label={texts.ballot.votes(nameOf(option))}
          onInput={(event) => change(event.currentTarget.value)}
        />
        <div class="small soft">{texts.ballot.costs(costOf(mode, Number(value) || 0))}</div>
      </div>
    </div>
  );
}

function OneOption(props: {
  options: number;
  credits: number;
  weights: Signal<Weights>;
}) {
  return (
    <fieldset>
      <legend>{texts.ballot.choose}</legend>
      {Array.from({ length: props.options }, (_, option) => (
        <label class="inline option" key={option}>
          <span>
            <input
              type="radio"
              name="option"
              checked={props.weights.value[option] !== undefined}
              onChange={() => (props.weights.value = { [option]: String(props.credits) })}
            />{" "}
            {nameOf(option)}
            {metadata.value?.options[option]?.description && (
              <span class="small pre"> {metadata.value.options[option]?.description}</span>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Budget({ cost, credits }: { cost: number; credits: number }) {
  const left = credits - cost;
  return (
    <p role="status" class={left < 0 ? "budget over" : "budget"}>
      <strong>{left < 0 ? texts.ballot.over(-left) : texts.ballot.left(left, credits)}</strong>
    </p>
  );
}

/** What was typed, by options. */
type Weights = Record<number, string>;

/** What has a number other than 0: a ballot takes the place of every earlier one. */
function choicesOf(weights: Weights): Choice[] {
  const numbers = Object.entries(weights).map(([option, text]) => ({ option: Number(option), weight: Number(text) }));
  return numbers.filter(({ weight }) => weight !== 0);
}

/** The fewest messages: a count that was typed. */
const leastOf = (text: string) => Math.min(Math.max(1, Math.floor(Number(text)) || 1), 65_535);

/** Why it is not sent. A ballot that costs too much may let an earlier one count. */
function whyNot(mode: Mode, weights: Weights, credits: number): string {
  const numbers = Object.values(weights).map(Number);
  const choices = choicesOf(weights);
  if (!numbers.every(Number.isSafeInteger)) return texts.ballot.whole;
  if (mode !== "negative" && numbers.some((weight) => weight < 0)) return texts.ballot.negative;
  const cost = costOfBallot(mode, choices);
  if (cost > credits) return texts.ballot.over(cost - credits);
  return choices.length === 0 ? texts.ballot.empty : "";
}

/** Until when others can send again what was sent. */
export function RepeatsCard() {
  const window = status.value?.window;
  if (!window) return null;
  const { possible, followed, last, oldest, seconds } = window;
  const text = !possible
    ? texts.repeats.none(oldest)
    : followed
      ? texts.repeats.until(last, seconds)
      : texts.repeats.toTheEnd;
  return (
    <Card title={texts.repeats.title}>
      {isUndone.value && <Notice bad>{texts.repeats.undone}</Notice>}
      <p>{text}</p>
    </Card>
  );
}

