import { useSignal, type Signal } from "@preact/signals";

import { Act, Card, Field, Files, save, Wrong } from "../parts.tsx";
import {
  connection,
  exportKey,
  forgetKeys,
  identityKey,
  makeKeys,
  pollKey,
  problem,
  unlock,
  unlocked,
  type Origin,
} from "../session.ts";
import { texts } from "../texts.ts";

export function KeysCard() {
  if (unlocked.value) return <Unlocked />;
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
          <Act label={texts.keys.unlock} act={open} />
          <Forget />
        </div>
      </form>
    </Card>
  );
}

type Kind = Origin["kind"];

function New() {
  const kind = useSignal<Kind>("random");
  const files = { identity: useSignal<string | undefined>(undefined), poll: useSignal<string | undefined>(undefined) };
  const passphrase = useSignal("");
  const again = useSignal("");
  const wrong = useSignal("");
  const kinds: [Kind, string][] = [
    ...(connection.value ? [["wallet", texts.keys.fromWallet] as [Kind, string]] : []),
    ["random", texts.keys.random],
    ["file", texts.keys.fromFile],
  ];
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
        <fieldset>
          <legend>{texts.keys.origin}</legend>
          {kinds.map(([value, label]) => (
            <label class="inline" key={value}>
              <input type="radio" name="origin" checked={kind.value === value} onChange={() => (kind.value = value)} />
              {label}
            </label>
          ))}
        </fieldset>
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
          <Act label={texts.keys.make} act={make} />
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
          <Forget />
        </div>
      </details>
    </Card>
  );
}

async function saveKey(which: "identity" | "poll", name: string): Promise<void> {
  problem.value = null;
  save(name, await exportKey(which));
}

function Forget() {
  const forget = () => {
    if (confirm(texts.keys.forgetSure)) void forgetKeys();
  };
  return <Act plain label={texts.keys.forget} act={forget} />;
}
