/** The worker: takes requests off the wire, has the engine do them, and puts the answers on the wire. */
import { deleteIndex, type Engine, openEngine } from "./engine.js";
import { aborted, BurrowError, messageOf } from "./error.js";
import {
  type Answer, type AnyAnswer, type AnyAsk, type Ask, type Calls, type CallType, type FromWorker, toWire, type ToWorker,
} from "./protocol.js";

let engine: Engine | null = null;
/** How to tell a request that nobody waits for it any more. */
const running = new Map<number, AbortController>();

type Handlers = { [T in CallType]: (ask: Calls[T]["ask"], signal: AbortSignal) => Promise<Calls[T]["answer"]> };

const handlers: Handlers = {
  open: async (ask) => {
    engine = await openEngine(ask, (progress) => post({ type: "progress", progress }));
    return engine.status();
  },
  ready: async () => {
    await opened().ready;
    return opened().status();
  },
  add: (ask, signal) => opened().add(ask, signal),
  search: (ask, signal) => opened().search(ask, signal),
  remove: ({ url }) => opened().remove(url),
  removeWhere: ({ filter }) => opened().removeWhere(filter),
  clear: () => opened().clear().then(() => null),
  pages: (ask) => opened().pages(ask),
  status: () => opened().status(),
  exportBegin: () => opened().transfers.exportBegin(),
  exportNext: ({ number }) => opened().transfers.exportNext(number),
  importBegin: () => opened().transfers.importBegin(),
  importPush: ({ number, bytes }, signal) => opened().transfers.importPush(number, bytes, signal),
  importEnd: ({ number }) => opened().transfers.importEnd(number),
  transferEnd: ({ number }) => opened().transfers.end(number),
  close: async () => {
    await engine?.close();
    engine = null;
    return null;
  },
  delete: ({ name, wasm }) => deleteIndex(name, wasm).then(() => null),
};

function opened(): Engine {
  if (!engine) throw new BurrowError("closed", "The index is not open.");
  return engine;
}

function post(message: Exclude<FromWorker, AnyAnswer> | Answer<CallType>): void {
  self.postMessage(message);
}

async function answer(request: AnyAsk): Promise<void> {
  const { id } = request;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    post(await handle(request, controller.signal));
  } catch (thrown) {
    // A trap is not an error of the request: the module's memory is in a state that nobody foresaw.
    if (thrown instanceof WebAssembly.RuntimeError) died(thrown);
    else post({ id, type: "failure", error: toWire(thrown) });
  } finally {
    running.delete(id);
  }
}

async function handle<T extends CallType>({ id, type, ask }: Ask<T>, signal: AbortSignal): Promise<Answer<T>> {
  return { id, type, answer: await handlers[type](ask, signal) };
}

/** A trap or an error that no request catches: in wasm's own tasks, most likely. */
function died(thrown: unknown): void {
  const message = `Burrow's worker failed and cannot go on (${messageOf(thrown)}; more may be on the console). What was committed is `
    + "safe. Open the index again; if it happens again, this is a bug worth reporting.";
  post({ type: "died", error: toWire(new BurrowError("worker", message, { cause: thrown })) });
}

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "abort") running.get(data.id)?.abort(aborted());
  else void answer(data);
});
self.addEventListener("error", (event) => died(event.error ?? event.message));
self.addEventListener("unhandledrejection", (event) => died(event.reason));
