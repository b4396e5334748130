/** How fast an encoder is: a short text and a window, some times each. */
import type { Encoder } from "./modules.js";

/** Tokens of a query, and of a window of a page. */
const SHORT = 16;
const WINDOW = 192;
/** Rounds are begun for so long, after the first, which has the device get ready. */
const ROUNDS_MS = 600;
const ROUNDS_MAX = 5;

/** One text encoded. */
export interface Pass {
  ms: number;
  vector: Float32Array;
}

/** Encodes a text of so many tokens. */
export type Encode = (tokens: number) => Promise<Pass>;

/** What came of measuring. */
export interface Pace {
  /** Of the short text and the window together, at their best. */
  tokensPerSecond: number;
  /** That of the window. */
  vector: Float32Array;
}

/** What is looked at of a model's `config.json`. */
export interface Shape {
  layers: number;
  dimension: number;
  positions: number;
  vocabulary: number;
}

/** The shape by the configuration; the encoder has been loaded with it, so it is whole. */
export function shapeOf(config: Uint8Array): Shape {
  const read: Record<string, unknown> = JSON.parse(new TextDecoder().decode(config));
  return {
    layers: Number(read["num_hidden_layers"]), dimension: Number(read["hidden_size"]),
    positions: Number(read["max_position_embeddings"]), vocabulary: Number(read["vocab_size"]),
  };
}

/** Measures; each pass is a turn, so that a query need not wait for more than one. */
export async function paceOf(encode: Encode, { positions }: Shape): Promise<Pace> {
  const [short, window] = [Math.min(SHORT, positions), Math.min(WINDOW, positions)];
  const best = { short: Infinity, window: Infinity };
  let vector: Float32Array = new Float32Array();
  let begun = performance.now();
  for (let round = 0; round <= ROUNDS_MAX && (round < 2 || performance.now() - begun < ROUNDS_MS); round++) {
    const { ms: shortMs } = await encode(short);
    const { ms: windowMs, ...encoded } = await encode(window);
    vector = encoded.vector;
    best.short = Math.min(best.short, shortMs);
    best.window = Math.min(best.window, windowMs);
    // What is so slow gains nothing by being ready.
    if (round === 0 && shortMs + windowMs > ROUNDS_MS) break;
    // The first round counts as well: on a device that was ready it is as good as any.
    if (round === 0) begun = performance.now();
  }
  return { tokensPerSecond: (short + window) / (Math.max(best.short + best.window, 1e-3) / 1000), vector };
}

/** Encodes tokens that any vocabulary has. */
export async function pass(encoder: Encoder, tokens: number, { vocabulary }: Shape): Promise<Pass> {
  const ids = Uint32Array.from({ length: tokens }, (_, at) => (at * 7 + 3) % Math.min(vocabulary, 1000));
  const begun = performance.now();
  const vector = await encoder.embed(ids, Uint32Array.of(tokens));
  return { ms: performance.now() - begun, vector };
}

/** The cosine of two vectors. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, at) => {
    const other = b[at] ?? NaN;
    [ab, aa, bb] = [ab + value * other, aa + value * value, bb + other * other];
  });
  return ab / Math.sqrt(aa * bb);
}
