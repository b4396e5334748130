/** Looking after the index, on the worker's side: whether it is whole, mending it, and tidying it when there is nothing else to do. */
import type { Index } from "./modules.js";
import { messagesHandled, type Turns } from "./turns.js";
import type { Problem, RepairResult } from "./types.js";

/** How long after a change tidying begins. */
const REST_MS = 1000;
/** And how long it rests between two of its steps, if one is not enough. */
const STEP_REST_MS = 50;

/** Told after a step of tidying by itself; at rest, when nothing more is to be tidied and nothing has changed for a while. */
export type OnStep = (isAtRest: boolean) => void;

/** What is used of the index. */
export type UpkeepIndex = Pick<Index, "verifyBegin" | "verifyNext" | "repair" | "compact" | "transferEnd">;

/** Every call of the index is one turn, so that queries come in between. */
export class Upkeep {
  readonly #index: UpkeepIndex;
  readonly #storing: Turns;
  readonly #restMs: number;
  readonly #stepRestMs: number;
  readonly #onStep: OnStep;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isStopped = false;
  /** Whether there was nothing more to tidy, and nothing has changed since. */
  #isTidy = false;

  constructor(
    index: UpkeepIndex, storing: Turns,
    { restMs = REST_MS, stepRestMs = STEP_REST_MS, onStep = () => {} }: { restMs?: number; stepRestMs?: number; onStep?: OnStep } = {},
  ) {
    this.#index = index;
    this.#storing = storing;
    this.#restMs = restMs;
    this.#stepRestMs = stepRestMs;
    this.#onStep = onStep;
  }

  /** All that is not whole. */
  async verify(signal: AbortSignal): Promise<Problem[]> {
    const number = await this.#storing.run(() => this.#index.verifyBegin());
    try {
      for (;;) {
        await messagesHandled();
        signal.throwIfAborted();
        const problems = await this.#storing.run(() => this.#index.verifyNext(number));
        if (problems) return problems;
      }
    } finally {
      await this.#storing.run(() => this.#index.transferEnd(number));
    }
  }

  /** Mends what can be mended. */
  repair(): Promise<RepairResult> {
    return this.#storing.run(() => this.#index.repair());
  }

  /** Tidies until there is nothing more to tidy. */
  async compact(signal: AbortSignal): Promise<void> {
    while (await this.#storing.run(() => this.#index.compact())) {
      await messagesHandled();
      signal.throwIfAborted();
    }
  }

  /** The index has changed: soon it is tidied, one step at a time, also while more changes come. */
  changed(): void {
    this.#isTidy = false;
    if (this.#timer === null) this.#after(this.#restMs);
  }

  /** Nothing is tidied by itself any more. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #after(ms: number): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#step(), ms);
  }

  /** What fails now, for want of room most likely, is tried again after the next change. */
  async #step(): Promise<void> {
    this.#timer = null;
    if (this.#isTidy) return this.#onStep(true);
    this.#isTidy = true;
    const isMore = await this.#storing.run(() => !this.#isStopped && this.#index.compact()).catch((thrown: unknown) => {
      // A trap ends the worker, as everywhere.
      if (thrown instanceof WebAssembly.RuntimeError) throw thrown;
      return false;
    });
    if (this.#isStopped) return;
    this.#onStep(false);
    if (isMore) this.#isTidy = false;
    if (this.#timer === null) this.#after(isMore ? this.#stepRestMs : this.#restMs);
  }
}
