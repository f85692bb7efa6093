// What runs in a worker: `new Worker(new URL("@maci-nova/sdk/worker", import.meta.url), { type: "module" })`.
import { loadEngine, METHODS, type Engine, type Method } from "./engine.js";
import { fromWasm } from "./errors.js";
import type { FromWorker, ToWorker } from "./messages.js";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
};

const engine: Promise<Engine> = loadEngine().then((engine) => {
  engine.listen((saying) => scope.postMessage({ saying }));
  return engine;
});

async function answer({ id, method, args }: ToWorker): Promise<FromWorker> {
  try {
    if (!METHODS.includes(method)) throw new Error(`there is no ${String(method)}`);
    const act = (await engine)[method as Method] as (...args: unknown[]) => Promise<unknown>;
    return { id, value: await act(...args) };
  } catch (error) {
    const { kind, message, hint } = fromWasm(error);
    return { id, error: { kind, message, hint } };
  }
}

scope.onmessage = (event) => {
  void answer(event.data).then((message) => scope.postMessage(message));
};
