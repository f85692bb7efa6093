// The engine, in a worker of its own, which is started when it is first needed.
import { engineInWorker, type Engine } from "@maci-nova/sdk";

let made: Engine | undefined;

/** The page's engine. */
export function engine(): Promise<Engine> {
  made ??= engineInWorker(new Worker(new URL("./engine-worker.ts", import.meta.url), { type: "module" }));
  return Promise.resolve(made);
}
