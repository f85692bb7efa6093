import type { Choice, Mode } from "./types.js";

/** The credits that a weight costs. */
export function costOf(mode: Mode, weight: number): number {
  const size = Math.abs(weight);
  return mode === "quadratic" || mode === "negative" ? size * size : size;
}

/** The credits that a ballot costs. */
export function costOfBallot(mode: Mode, choices: Choice[]): number {
  return choices.reduce((sum, { weight }) => sum + costOf(mode, weight), 0);
}
