// The engine, in a worker of its own, which is started when it is first needed.
import { engineInWorker, type Engine } from "@maci-nova/sdk";

import address from "./engine-worker.ts?worker&url";

let made: Engine | undefined;

/** The page's engine. */
export function engine(): Promise<Engine> {
  made ??= engineInWorker(worker());
  return Promise.resolve(made);
}

/** Browsers start no worker from another origin's script, but one that imports it, as in somebody else's page. */
function worker(): Worker {
  const script = new URL(address, import.meta.url);
  if (script.origin === location.origin) return new Worker(script, { type: "module" });
  const source = new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(source), { type: "module" });
}
