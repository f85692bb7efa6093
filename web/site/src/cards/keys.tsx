import { useSignal, type Signal } from "@preact/signals";

import { Act, Card, Field, Files, Notice, save, Wrong } from "../parts.tsx";
import {
  connection,
  exportKey,
  exportLater,
  forgetKeys,
  identityKey,
  keysSaved,
  makeKeys,
  perform,
  poll,
  pollKey,
  ring,
  takePollKey,
  unlock,
  unlocked,
  type Origin,
} from "../session.ts";
import { texts } from "../texts.ts";

export function KeysCard() {
  if (unlocked.value) return pollKey.value ? <Unlocked /> : <NoPollKey />;
  return identityKey.value ? <Locked /> : <New />;
}

function Locked() {
  const passphrase = useSignal("");
  const open = () => void unlock(passphrase.value);
  const submit = (event: Event) => {
    event.preventDefault();
    open();
  };
  return (
    <Card title={texts.keys.title}>
      <p>{texts.keys.kept}</p>
      <form onSubmit={submit}>
        <Field
          label={texts.keys.passphrase}
          type="password"
          value={passphrase.value}
          change={(value) => (passphrase.value = value)}
          autocomplete="current-password"
        />
        <div class="row">
          <Act label={texts.keys.unlock} act={open} submits />
          <Forget />
        </div>
      </form>
    </Card>
  );
}

type Kind = Origin["kind"];

const kinds = (fromFile: string): [Kind, string][] => [
  ...(connection.value ? [["wallet", texts.keys.fromWallet] as [Kind, string]] : []),
  ["random", texts.keys.random],
  ["file", fromFile],
];

function Origins(props: { kind: Signal<Kind>; fromFile: string }) {
  return (
    <fieldset>
      <legend>{texts.keys.origin}</legend>
      {kinds(props.fromFile).map(([value, label]) => (
        <label class="inline" key={value}>
          <input type="radio" name="origin" checked={props.kind.value === value} onChange={() => (props.kind.value = value)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

/** Keys of another poll of the same MACI are there; in this one there is none yet. */
function NoPollKey() {
  const kind = useSignal<Kind>("random");
  const file = useSignal<string | undefined>(undefined);
  const wrong = useSignal("");
  const make = () => {
    wrong.value = kind.value === "file" && file.value === undefined ? texts.keys.noFile : "";
    if (!wrong.value) void takePollKey(originOf(kind.value, file.value));
  };
  return (
    <Card title={texts.keys.title}>
      <p>{texts.keys.noPollKey}</p>
      <Origins kind={kind} fromFile={texts.keys.onePollFile} />
      {kind.value === "file" && <Files label={texts.keys.pollFile} chosen={([chosen]) => void read(chosen, file)} />}
      <Wrong text={wrong} />
      <div class="row">
        <Act label={texts.keys.makeOne} act={make} />
      </div>
    </Card>
  );
}

function New() {
  const kind = useSignal<Kind>("random");
  const files = { identity: useSignal<string | undefined>(undefined), poll: useSignal<string | undefined>(undefined) };
  const passphrase = useSignal("");
  const again = useSignal("");
  const wrong = useSignal("");
  const make = () => {
    wrong.value = whyNot(kind.value, files.identity.value, passphrase.value, again.value);
    if (wrong.value) return;
    const origins = { identity: originOf(kind.value, files.identity.value), poll: originOf(kind.value, files.poll.value) };
    void makeKeys(origins, passphrase.value);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    make();
  };
  return (
    <Card title={texts.keys.title}>
      <p>{texts.keys.about}</p>
      <form onSubmit={submit}>
        <Origins kind={kind} fromFile={texts.keys.fromFile} />
        {kind.value === "file" && (
          <>
            <Files label={texts.keys.identityFile} chosen={([file]) => void read(file, files.identity)} />
            <Files label={texts.keys.pollFile} chosen={([file]) => void read(file, files.poll)} />
          </>
        )}
        <Field
          label={texts.keys.passphrase}
          type="password"
          value={passphrase.value}
          change={(value) => (passphrase.value = value)}
          about={texts.keys.passphraseAbout}
          autocomplete="new-password"
        />
        <Field
          label={texts.keys.passphraseAgain}
          type="password"
          value={again.value}
          change={(value) => (again.value = value)}
          autocomplete="new-password"
        />
        <Wrong text={wrong} />
        <div class="row">
          <Act label={texts.keys.make} act={make} submits />
        </div>
      </form>
    </Card>
  );
}

async function read(file: File | undefined, into: Signal<string | undefined>): Promise<void> {
  into.value = await file?.text();
}

/** A key file that was not given is a new key. */
function originOf(kind: Kind, text: string | undefined): Origin {
  if (kind !== "file") return { kind };
  return text === undefined ? { kind: "random" } : { kind, text };
}

function whyNot(kind: Kind, identity: string | undefined, passphrase: string, again: string): string {
  if (kind === "file" && identity === undefined) return texts.keys.noFile;
  if (passphrase.length < 8) return texts.keys.passphraseShort;
  return passphrase === again ? "" : texts.keys.passphraseDiffers;
}

function Unlocked() {
  return (
    <Card title={texts.keys.title} done>
      <p>{texts.keys.unlocked}</p>
      {!ring.value.saved && (
        <Notice>
          <p>{texts.keys.unsaved}</p>
          <Act plain label={texts.keys.keptSafe} act={keysSaved} />
        </Notice>
      )}
      <details>
        <summary>{texts.keys.save}</summary>
        <dl>
          <dt>{texts.keys.identity}</dt>
          <dd class="code">{identityKey.value?.publicKey}</dd>
          <dt>{texts.keys.inPoll}</dt>
          <dd class="code">{pollKey.value?.publicKey}</dd>
        </dl>
        <p>{texts.keys.saveAbout}</p>
        <div class="row">
          <Act plain label={texts.keys.saveIdentity} act={() => void saveKey("identity", "me.key")} />
          <Act plain label={texts.keys.savePoll} act={() => void saveKey("poll", "poll.key")} />
          <Later />
        </div>
        <p>{texts.keys.takeFileAbout}</p>
        <Files label={texts.keys.takeFile} chosen={([file]) => void takeFile(file)} />
        <div class="row">
          <Forget />
        </div>
      </details>
    </Card>
  );
}

const saveKey = (which: "identity" | "poll", name: string) =>
  perform(texts.tasks.save, async () => save(name, await exportKey(which)));

/** Keys that ballots changed to, or that were replaced. */
function Later() {
  const later = ring.value.later[poll.value?.facts.poll ?? ""] ?? [];
  if (later.length === 0) return null;
  const saveAll = () =>
    perform(texts.tasks.save, async () => {
      const keys = await exportLater();
      keys.forEach((key, i) => save(`poll-${i + 1}.key`, key));
    });
  return <Act plain label={texts.keys.later(later.length)} act={() => void saveAll()} />;
}

async function takeFile(file: File | undefined): Promise<void> {
  if (file) await takePollKey({ kind: "file", text: await file.text() });
}

function Forget() {
  const forget = () => {
    if (confirm(texts.keys.forgetSure)) void forgetKeys();
  };
  return <Act plain label={texts.keys.forget} act={forget} />;
}
