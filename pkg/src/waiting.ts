/** What the queue works with: the pages that wait in the index, and the encoder. */
import type { Encoding } from "./encoding.js";
import type { Batch, Index, SearchModule } from "./modules.js";
import type { PageAsk, PageLink } from "./protocol.js";
import type { QueueHost, QueueSettings, WaitingPage } from "./queue.js";
import type { Turns } from "./turns.js";
import type { Priority } from "./types.js";

const PRIORITIES = ["visible", "normal", "background"] as const;

/** What of an engine is needed for that. */
export interface Host {
  index: Index;
  encoding: Encoding;
  /** One call of the index at a time. */
  storing: Turns;
  /** A window of a page that waits, when no page is added. */
  pages: Turns;
  link: PageLink;
  /** Told before the index changes. */
  onChange: () => void;
  onSettings: (settings: QueueSettings) => void;
}

export function queueHost({ index, encoding, storing, pages, link, onChange, onSettings }: Host): QueueHost {
  const urgent = { urgent: true };
  return {
    onSettings,
    begun: ({ url }) => link.begun(url),
    ended: ({ url }) => link.ended(url),
    tell: link.tell,
    peek: (before) => storing.run(() => peek(index, before), urgent),
    isWaiting: ({ url, key }) => storing.run(() => index.waitingKey(url) === key, urgent),
    encoded: (work) => encoding.again(work),
    prepare: (page) => encoding.prepare(page),
    encodeNext: (prepared) => pages.run(() => encoding.encodeNext(prepared)),
    commit: async ({ key }, encoded) => {
      onChange();
      return await storing.run(() => index.commitQueued(key, encoded)) ?? null;
    },
    settle: async ({ key }, kind, message) => void await storing.run(() => index.settle(key, kind, message)),
    queued: () => storing.run(() => index.queued(), urgent),
  };
}

async function peek(index: Index, before: Priority | undefined): Promise<WaitingPage | null> {
  const queued = await index.peek(before);
  if (!queued) return null;
  try {
    const { key, url, title = null, format, facts = null } = queued;
    const priority = PRIORITIES.find((name) => name === queued.priority) ?? "normal";
    return { key, url, title, format, facts, priority, content: queued.takeContent() };
  } finally {
    queued.free();
  }
}

/** Pages that are to wait, as the index takes them. */
export function batchOf({ Batch }: SearchModule, pages: PageAsk[], priority: Priority): Batch {
  const batch = new Batch();
  try {
    for (const { url, title, format, content, facts } of pages) batch.add(url, title, format, content, facts, priority);
    return batch;
  } catch (thrown) {
    batch.free();
    throw thrown;
  }
}
