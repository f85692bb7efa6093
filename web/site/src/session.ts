// Everything that the cards show and do, each in a file of its own, which imports those before it alone.
export * from "./tasks.ts";
export * from "./state.ts";
export * from "./reading.ts";
export * from "./keys.ts";
export * from "./sending.ts";
export * from "./opening.ts";
export * from "./voting.ts";
