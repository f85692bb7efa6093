// What goes on: one thing at a time, its end said, its error shown.
import { MaciError, type Reading } from "@maci-nova/sdk";
import { batch, signal } from "@preact/signals";

import { texts } from "./texts.ts";

/** Something that goes on. */
export interface Task {
  name: string;
  /** Asks it to stop. */
  stop: AbortController;
  /** When it began, in milliseconds since 1970. */
  since: number;
  /** What it is at. */
  step: string;
  reading?: Reading;
}

/** An error, and what it came of. */
export interface Problem {
  task: string;
  error: MaciError;
}

export const task = signal<Task | null>(null);

export const problem = signal<Problem | null>(null);

export const said = signal("");

/** What the engine warns of, of what was done last. */
export const warnings = signal<string[]>([]);

/** Runs what a button does: one thing at a time, its end said, its error shown; it can be stopped. */
export async function perform(name: string, act: (at: (step: string) => void) => Promise<string | void>): Promise<void> {
  if (task.value) return;
  const mine: Task = { name, stop: new AbortController(), since: Date.now(), step: "" };
  const at = (step: string) => {
    if (task.value?.stop === mine.stop) task.value = { ...mine, step };
  };
  batch(() => {
    problem.value = null;
    said.value = "";
    warnings.value = [];
    task.value = mine;
  });
  try {
    said.value = (await Promise.race([act(at), stopped(mine.stop.signal)])) ?? "";
  } catch (error) {
    problem.value = { task: name, error: asProblem(error) };
  } finally {
    task.value = null;
  }
}

/** What goes on without a button, whose error is shown where nothing else is. */
export function inTheBackground(what: string, going: Promise<unknown>): void {
  going.catch((error: unknown) => {
    problem.value ??= { task: what, error: asProblem(error) };
  });
}

/** Fails when somebody asks to stop. What waits for a wallet ends here, whatever the wallet does later. */
function stopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new MaciError("interrupted", texts.stopped)));
  });
}

const onReading = (reading: Reading) => {
  // What is read at once is not worth a word.
  if (task.value && reading.done < reading.total) task.value = { ...task.value, reading };
};

/** What goes on, until it ends or somebody asks to stop. */
export const unlessStopped = <T,>(going: Promise<T>): Promise<T> =>
  task.value ? Promise.race([going, stopped(task.value.stop.signal)]) : going;

/** Of an operation on the poll. */
export const running = () => ({ onReading, signal: task.value?.stop.signal });

function asProblem(error: unknown): MaciError {
  if (error instanceof MaciError) return error;
  return new MaciError("internal", error instanceof Error ? error.message : String(error));
}
