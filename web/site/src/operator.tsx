// What a poll's operator does here: says what the poll is about, and sees how far it is.
import { MaciError, type Metadata } from "@maci-nova/sdk";
import { render } from "preact";
import { useSignal } from "@preact/signals";

import { OpenCard, PollCard } from "./cards/poll.tsx";
import { NodeCard } from "./cards/places.tsx";
import { ResultsCard } from "./cards/results.tsx";
import { WalletCard } from "./cards/wallet.tsx";
import { engine } from "./engine.ts";
import { Act, Card, Field, save, Text, Trouble, Working } from "./parts.tsx";
import { begin, files, metadata, perform, poll, problem, said, status } from "./session.ts";
import { texts } from "./texts.ts";

function Operator() {
  return (
    <>
      <header>
        <h1>{texts.operator.title}</h1>
      </header>
      <main>
        <Working />
        <div role="status">
          {said.value && <p class="good">{said.value}</p>}
        </div>
        <div role="alert">{problem.value && <Trouble />}</div>
        {poll.value ? <PollCard /> : <OpenCard />}
        {status.value?.results && <ResultsCard />}
        {poll.value && <Describe key={poll.value.facts.poll} options={poll.value.facts.options} />}
        <WalletCard />
        <NodeCard />
      </main>
      <footer>
        <p>{texts.operator.footer}</p>
      </footer>
    </>
  );
}

interface Draft {
  title: string;
  description: string;
  options: { name: string; description: string }[];
}

function draftOf(known: Metadata | null, options: number): Draft {
  const option = (i: number) => {
    const { name = "", description = "" } = known?.options[i] ?? {};
    return { name, description };
  };
  return {
    title: known?.title ?? "",
    description: known?.description ?? "",
    options: Array.from({ length: options }, (_, i) => option(i)),
  };
}

/** Writes the description, and the poll file that names it. */
function Describe({ options }: { options: number }) {
  const draft = useSignal(draftOf(metadata.value, options));
  const change = (part: Partial<Draft>) => (draft.value = { ...draft.value, ...part });
  const option = (i: number, part: Partial<Draft["options"][number]>) =>
    change({ options: draft.value.options.map((one, j) => (i === j ? { ...one, ...part } : one)) });
  return (
    <Card title={texts.operator.describe}>
      <p>{texts.operator.describeAbout}</p>
      <Field label={texts.operator.pollTitle} value={draft.value.title} change={(title) => change({ title })} />
      <Text
        label={texts.operator.description}
        value={draft.value.description}
        change={(description) => change({ description })}
      />
      {draft.value.options.map((one, i) => (
        <fieldset key={i}>
          <h3>{texts.ballot.option(i)}</h3>
          <Field label={texts.operator.name(i)} value={one.name} change={(name) => option(i, { name })} />
          <Text
            label={texts.operator.about(i)}
            value={one.description}
            change={(description) => option(i, { description })}
          />
        </fieldset>
      ))}
      <div class="row">
        <Act label={texts.operator.write} act={() => void write(draft.value, options)} />
      </div>
    </Card>
  );
}

const write = (draft: Draft, options: number) =>
  perform(texts.operator.describe, async () => {
    const text = `${JSON.stringify(documentOf(draft), null, 2)}\n`;
    const digest = await (await engine()).digestMetadata(new TextEncoder().encode(text), options);
    const pollFile = files.value?.pollFile;
    if (!pollFile) throw new MaciError("usage", texts.noPollChosen);
    const named = { ...(JSON.parse(pollFile) as object), metadata: digest };
    save("poll.metadata.json", text);
    save("poll.json", `${JSON.stringify(named, null, 2)}\n`);
    return texts.operator.written;
  });

/** Without what is empty. */
function documentOf(draft: Draft): Metadata {
  const described = ({ name, description }: { name: string; description: string }) =>
    description.trim() ? { name, description } : { name };
  const { title, description } = draft;
  const head = description.trim() ? { title, description } : { title };
  return { version: 1, ...head, options: draft.options.map(described) };
}

document.title = texts.operator.title;
const place = document.getElementById("app");
if (place) render(<Operator />, place);
void begin();
