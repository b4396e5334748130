/** Opens an index as an engine, and deletes one. */
import { Engine } from "./engine.js";
import { countOf } from "./loss.js";
import { type Index, loadSearch } from "./modules.js";
import { forget, Note } from "./note.js";
import type { OpenAsk, PageLink } from "./protocol.js";
import type { QueueSettings } from "./queue.js";

/** Opens the index. `mayClear` says whether no other tab has it open, so that what cannot be read may be cleared. */
export async function openEngine(
  ask: OpenAsk, mayClear: boolean, link: PageLink, onQueue: (settings: QueueSettings) => void,
): Promise<Engine> {
  link.tell({ stage: "load", what: "storage" });
  const module = await loadSearch(ask.wasm);
  const kept = { durability: ask.durability, encryption: ask.encryption };
  let index: Index;
  try {
    index = await module.Index.open(ask.name, kept);
  } catch (thrown) {
    const isOther = thrown instanceof Error && "kind" in thrown && (thrown.kind === "fingerprint" || thrown.kind === "corrupt");
    if (ask.onOtherModel !== "clear" || !isOther || !mayClear) throw thrown;
    index = await module.Index.open(ask.name, { ...kept, clear: true });
  }
  if (index.status().storage !== "indexeddb") return new Engine(module, index, null, ask, link, onQueue);
  const note = await Note.read(ask.name, ask.note, link.note);
  await note.opened(countOf(index), index.isNew, mayClear);
  return new Engine(module, index, note, ask, link, onQueue);
}

/** Deletes the index of a name. */
export async function deleteIndex(name: string, wasm: string | null): Promise<void> {
  const { Index } = await loadSearch(wasm);
  await Index.delete(name);
  await forget(name);
}
