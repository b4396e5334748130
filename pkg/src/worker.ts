/** The worker: takes requests off the wire, has the engine do them, and puts the answers on the wire. */
import { aborted, BurrowError, messageOf } from "./error.js";
import { deleteIndex } from "./open.js";
import {
  type Answer, type AnyAnswer, type AnyAsk, type Ask, type Calls, type CallType, type FromWorker, type PageLink, toWire, type ToWorker,
} from "./protocol.js";
import { openTab, type Tab } from "./tabs.js";

let tab: Tab | null = null;
/** Told that the page waits for the encoder: it does so as soon as the index is open. */
let onAsked: () => void = () => {};
/** Told for how many times a page that waited is begun. */
let onTries: (count: number) => void = () => {};
/** How to tell a request that nobody waits for it any more. */
const running = new Map<number, AbortController>();

type Handlers = { [T in CallType]: (ask: Calls[T]["ask"], signal: AbortSignal) => Promise<Calls[T]["answer"]> };

const handlers: Handlers = {
  open: async (ask) => {
    tab = await openTab(ask, linkOf(ask.name));
    return tab.status();
  },
  ready: async () => {
    onAsked();
    await opened().ready;
    return opened().status();
  },
  add: (ask, signal) => opened().call("add", ask, signal),
  enqueue: (ask, signal) => opened().call("enqueue", ask, signal),
  queue: (ask, signal) => opened().call("queue", ask, signal),
  failures: () => opened().failures(),
  search: (ask, signal) => opened().search(ask, signal),
  remove: (ask, signal) => opened().call("remove", ask, signal),
  removeWhere: (ask, signal) => opened().call("removeWhere", ask, signal),
  clear: (ask, signal) => opened().call("clear", ask, signal),
  pages: (ask) => opened().pages(ask),
  status: () => opened().status(),
  exportBegin: () => opened().exportBegin(),
  exportNext: ({ number }) => opened().transfers.exportNext(number),
  importBegin: (_, signal) => opened().importBegin(signal),
  importPush: ({ number, bytes }, signal) => opened().transfers.importPush(number, bytes, signal),
  importEnd: ({ number }) => opened().transfers.importEnd(number),
  transferEnd: ({ number }) => opened().transfers.end(number),
  verify: (_, signal) => opened().verify(signal),
  repair: (ask, signal) => opened().call("repair", ask, signal),
  compact: (ask, signal) => opened().call("compact", ask, signal),
  close: async () => {
    await tab?.close();
    tab = null;
    return null;
  },
  delete: async ({ name, wasm }) => {
    await deleteIndex(name, wasm);
    linkOf(name).note(null);
    return null;
  },
};

/** What the page does for an index. */
function linkOf(name: string): PageLink {
  return {
    asked: new Promise((resolve) => (onAsked = resolve)),
    tell: (progress) => post({ type: "progress", progress }),
    watch: (isOn) => post({ type: "watch", isOn }),
    note: (text) => post({ type: "note", name, text }),
    begun: (url) => {
      post({ type: "begun", url });
      return new Promise((resolve) => (onTries = resolve));
    },
    ended: (url) => post({ type: "ended", url }),
  };
}

function opened(): Tab {
  if (!tab) throw new BurrowError("closed", "The index is not open.");
  return tab;
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
  else if (data.type === "idle") tab?.idle(data.forMs);
  else if (data.type === "tries") onTries(data.count);
  else void answer(data);
});
self.addEventListener("error", (event) => died(event.error ?? event.message));
self.addEventListener("unhandledrejection", (event) => died(event.reason));
