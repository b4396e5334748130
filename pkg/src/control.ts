/** What a page can do with the queue, as `burrow.queue`. */
import { queueMode } from "./input.js";
import type { FailedPage, QueueMode } from "./types.js";
import type { Wire } from "./wire.js";

/**
 * How the pages that wait are worked off. Settings hold for all tabs of the index, and as long as one of them is open: they are
 * not kept for the next visit.
 */
export class QueueControl {
  readonly #wire: Wire;

  /** @internal */
  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Nothing is worked off any more, after the window under way. Queries and `add` go on. */
  async pause(): Promise<void> {
    await this.#wire.call("queue", { paused: true });
  }

  /** Goes on. What has failed for want of room or of a device is tried again at once. */
  async resume(): Promise<void> {
    await this.#wire.call("queue", { paused: false });
  }

  /**
   * `"eager"`, as it is at first: works whenever there is neither a query nor an `add`. `"idle"`: works only while the page that
   * encodes is idle (`requestIdleCallback`) or hidden, and not within three seconds of a query or an `add`.
   */
  async setMode(mode: QueueMode): Promise<void> {
    await this.#wire.call("queue", { mode: queueMode(mode) });
  }

  /** The pages that left the queue without being indexed, the latest last; at most 1000 are kept. */
  async failures(): Promise<FailedPage[]> {
    return this.#wire.call("failures", {});
  }
}
