// What cards are made of.
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { problem, task, warnings } from "./session.ts";
import { texts } from "./texts.ts";

/** A step of the voter's way. */
export function Card(props: { title: string; done?: boolean; children: ComponentChildren }) {
  const id = useId();
  return (
    <section class={props.done ? "card done" : "card"} aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </section>
  );
}

/** A button that does one thing, while nothing else goes on. */
export function Act(props: { label: string; act: () => void; plain?: boolean; disabled?: boolean; icon?: string | undefined; submits?: boolean }) {
  return (
    <button
      type={props.submits ? "submit" : "button"}
      class={props.plain ? "plain" : ""}
      disabled={props.disabled || task.value !== null}
      onClick={props.submits ? undefined : props.act}
    >
      {props.icon && <img src={props.icon} alt="" />}
      {props.label}
    </button>
  );
}

/** A field with its label. */
export function Field(props: {
  label: string;
  value: string;
  change: (value: string) => void;
  type?: "text" | "password" | "number" | "url";
  about?: string;
  autocomplete?: "new-password" | "current-password" | "off";
  min?: number;
}) {
  const id = useId();
  return (
    <div>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type={props.type ?? "text"}
        value={props.value}
        min={props.min}
        autocomplete={props.autocomplete ?? "off"}
        spellcheck={false}
        aria-describedby={props.about ? `${id}-about` : undefined}
        onInput={(event) => props.change(event.currentTarget.value)}
      />
      {props.about && (
        <p class="soft small" id={`${id}-about`}>
          {props.about}
        </p>
      )}
    </div>
  );
}

/** A longer text with its label. */
export function Text(props: { label: string; value: string; change: (value: string) => void }) {
  const id = useId();
  return (
    <div>
      <label for={id}>{props.label}</label>
      <textarea id={id} rows={3} value={props.value} onInput={(event) => props.change(event.currentTarget.value)} />
    </div>
  );
}

/** A choice of files, read as text or bytes by whoever asked. */
export function Files(props: { label: string; multiple?: boolean; accept?: string; chosen: (files: File[]) => void }) {
  const id = useId();
  return (
    <div>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="file"
        multiple={props.multiple}
        accept={props.accept}
        onChange={(event) => props.chosen(Array.from(event.currentTarget.files ?? []))}
      />
    </div>
  );
}

export function Notice(props: { bad?: boolean; children: ComponentChildren }) {
  return <div class={props.bad ? "notice bad" : "notice"}>{props.children}</div>;
}

/** Why a form was not sent. */
export function Wrong({ text }: { text: Signal<string> }) {
  return <div role="alert">{text.value && <Notice bad>{text.value}</Notice>}</div>;
}

/** What goes on, and how far it is: said once when it begins, not every second. */
export function Working() {
  const now = useNow(task.value !== null);
  const current = task.value;
  if (!current) return null;
  const { reading } = current;
  const seconds = Math.floor((now - current.since) / 1000);
  return (
    <div class="working">
      <strong>{current.name}</strong>
      {current.step && <>: {current.step}</>}{" "}
      {seconds >= 2 && (
        <span class="soft" aria-hidden="true">
          {texts.sinceSeconds(seconds)}
        </span>
      )}{" "}
      {seconds >= 4 && (
        <button type="button" class="plain" onClick={() => current.stop.abort()}>
          {texts.stop}
        </button>
      )}
      {reading && (
        <>
          <p class="small soft">{texts.reading(reading.done, reading.total)}</p>
          <progress max={reading.total} value={reading.done} aria-label={texts.reading(reading.done, reading.total)} />
        </>
      )}
    </div>
  );
}

/** What the engine warns of. */
export function Warnings() {
  return (
    <div role="status">
      {warnings.value.map((text) => (
        <Notice key={text}>{text}</Notice>
      ))}
    </div>
  );
}

/** The error of what was done last, with what to do. It is at the top, and shown to whoever is further down. */
export function Trouble() {
  const current = problem.value;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), [current]);
  if (!current) return null;
  const hint = current.error.hint && texts.hints[current.error.hint];
  return (
    <div class="notice bad" ref={place} tabIndex={-1}>
      <p>
        <strong>{current.task}:</strong> {current.error.message}
      </p>
      {hint && <p>{hint}</p>}
    </div>
  );
}

/** The time, while something goes on. */
function useNow(runs: boolean): number {
  const [now, tick] = useState(Date.now());
  useEffect(() => {
    if (!runs) return;
    tick(Date.now());
    const timer = setInterval(() => tick(Date.now()), 500);
    return () => clearInterval(timer);
  }, [runs]);
  return now;
}

/** Has the browser save a text as a file. */
export function save(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
