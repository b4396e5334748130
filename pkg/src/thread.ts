/** A worker that is one of the encoder's threads: it has the same module on the same memory, and waits there for work. */
import { threadsScript } from "./modules.js";

/** What makes a worker a thread. */
export interface ThreadStart {
  /** Where the module's script is. */
  js: string;
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
}

self.addEventListener("message", ({ data: { js, module, memory } }: MessageEvent<ThreadStart>) => {
  void live(new URL(js), module, memory);
});

async function live(js: URL, module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
  const threads = await threadsScript(js);
  await threads.default({ module_or_path: module, memory });
  self.postMessage(null);
  try {
    threads.threadRun();
  } catch (thrown) {
    // A trap: this thread is lost, but its memory can still be told so, in which the others look.
    threads.threadDied();
    throw thrown;
  }
}
