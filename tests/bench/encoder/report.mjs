/** What came of `make bench-encoder`, as tables and as a record. */
import { judged, MIB, ms, verdict, write } from "../shared/record.mjs";
import { median } from "../shared/timing.mjs";

/** @typedef {import("../shared/record.mjs").Figure & {model: string, tokens: number | string, cosine: number | null, least: number | null, processor: number | null}} Row */

const TITLES = {
  wasm: "Chromium CPU, one thread", threads: "Chromium CPU, all threads", webgpu: "Chromium WebGPU", native: "native CPU, two threads",
  dawn: "Node on Dawn", cuda: "native WebGPU",
};

/** What is asked of each part, by its length; nothing where it is no key. */
const TARGETS = {
  wasm: () => ({ atLeast: 1 }), threads: () => ({ atLeast: 1 }), webgpu: () => ({ atLeast: 1 }), native: () => ({ atLeast: 0.8 }),
  dawn: (tokens) => (tokens >= 256 ? { atLeast: 1.5 } : {}), cuda: () => ({}),
};

const least = (samples) => Math.min(...samples);
const rate = (operations, samples) => `${(operations / median(samples) / 1e6).toPrecision(3)} GFLOP/s`;
/** How one side's samples lie to another's, where both have any. */
const ratio = (of, samples, others) => (samples.length && others.length ? of(samples) / of(others) : null);
const isOwn = ({ name }) => name === "Burrow";

/** Burrow's form of the weights beside each peer's with the same, by length. @returns {Row[]} */
function againstPeers(part, shape, { lengths }) {
  return lengths.filter(({ sides }) => sides).flatMap(({ tokens, operations, sides }) => sides.filter((side) => !isOwn(side)).map((peer) => {
    const own = sides.find((side) => isOwn(side) && side.weights === peer.weights);
    return {
      model: `${shape} ${peer.weights}`, tokens, cosine: peer.cosine, least: ratio(least, peer.ms, own.ms), processor: ratio(median, peer.processorMs, own.processorMs),
      ...judged({
        what: TITLES[part], burrow: `${ms(median(own.ms))}, ${rate(operations, own.ms)}`, against: `${peer.name} ${ms(median(peer.ms))}${peer.isWrong ? ", a WRONG vector" : ""}`,
        figure: median(peer.ms) / median(own.ms), unit: "×", target: TARGETS[part](tokens),
      }),
    };
  }));
}

/** What q8 does for speed: Burrow beside itself. @returns {Row[]} */
function byWeights(part, shape, { lengths }) {
  return lengths.filter(({ sides }) => sides).flatMap(({ tokens, sides }) => {
    const [full, packed] = ["f32", "q8"].map((weights) => sides.find((side) => isOwn(side) && side.weights === weights));
    if (!full || !packed) return [];
    return [{
      model: `${shape} q8`, tokens, cosine: null, least: ratio(least, full.ms, packed.ms), processor: ratio(median, full.processorMs, packed.processorMs),
      ...judged({
        what: `${TITLES[part]}: q8 beside f32`, burrow: ms(median(packed.ms)), against: `f32 ${ms(median(full.ms))}`,
        figure: median(full.ms) / median(packed.ms), unit: "×", target: { atLeast: part === "webgpu" ? 0 : tokens === 16 ? 1.3 : 1 },
      }),
    }];
  });
}

/** How much longer a longer text takes, beside how much more arithmetic it is. @returns {Row[]} */
function growth(shape, { lengths }) {
  const measured = lengths.filter(({ tokens, sides }) => tokens >= 256 && sides);
  if (measured.length < 2) return [];
  const [first, last] = [measured[0], measured[measured.length - 1]];
  return last.sides.filter(isOwn).map((side) => {
    const from = first.sides.find((other) => isOwn(other) && other.weights === side.weights);
    const more = last.operations / first.operations;
    const longer = median(side.ms) / median(from.ms);
    return {
      model: `${shape} ${side.weights}`, tokens: `${first.tokens} → ${last.tokens}`, cosine: null, least: least(side.ms) / least(from.ms) / more, processor: null,
      ...judged({
        what: "native CPU: growth beside that of the arithmetic", burrow: `${longer.toPrecision(3)} times the time`, against: `${more.toPrecision(3)} times the FLOP`,
        figure: longer / more, unit: "×", target: {},
      }),
    };
  });
}

/** Attention's part of a pass. */
function attentionOf({ tokens, kernels }) {
  const seconds = (some) => some.reduce((sum, one) => sum + one.seconds, 0);
  const own = kernels.filter(({ kernel }) => kernel.startsWith("attention"));
  const operations = own.reduce((sum, one) => sum + one.operations, 0);
  const share = `${((100 * seconds(own)) / seconds(kernels)).toFixed(0)} %`;
  return { tokens, seconds: seconds(own), operations, told: `${share}, ${(operations / seconds(own) / 1e9).toPrecision(3)} GFLOP/s` };
}

/** The same of attention alone, whose arithmetic grows with the square, by one pass each. @returns {Row[]} */
function attention(shape, { kernels = [] }) {
  return ["f32", "q8"].flatMap((weights) => {
    const [first, last] = kernels.filter((told) => told.weights === weights).map(attentionOf);
    if (!last) return [];
    const [longer, more] = [last.seconds / first.seconds, last.operations / first.operations];
    return [{
      model: `${shape} ${weights}`, tokens: `${first.tokens} → ${last.tokens}`, cosine: null, least: null, processor: null,
      ...judged({
        what: "native CPU: attention's growth beside that of its arithmetic", burrow: `${longer.toPrecision(3)} times the time; share of a pass ${first.told} → ${last.told}`,
        against: `${more.toPrecision(3)} times the FLOP`, figure: longer / more, unit: "×", target: { atMost: 1.1 },
      }),
    }];
  });
}

/** @returns {Row[]} */
function startRows(name, { cold, warm, warmMs, readMs, bytes }) {
  const row = (what, burrow, against, figure, unit, target = {}) => ({ model: name, tokens: 16, cosine: null, least: null, processor: null, ...judged({ what, burrow, against, figure, unit, target }) });
  const shares = (spent) => Object.entries(spent).filter(([, took]) => took >= 1).map(([part, took]) => `${part} ${took.toFixed(0)}`).join(", ") || "nothing beside arithmetic";
  const steady = median(warm.steadyMs);
  const bare = readMs + steady;
  return [
    row("cold start to the first query's vector", ms(cold.vectorMs), `of it ${shares(cold.spent.opening)}`, cold.vectorMs, "ms"),
    row("warm start to the first query's vector", `${ms(warm.vectorMs)} (${ms(warmMs[0])} to ${ms(warmMs.at(-1))})`, `${ms(bare)}: bare read of ${(bytes / MIB).toFixed(0)} MiB ${ms(readMs)}, one warm pass ${ms(steady)}`, warm.vectorMs / bare, "×", { atMost: 1.5 }),
    row("of the warm start, opening", ms(warm.openMs), `of it ${shares(warm.spent.opening)}`, warm.openMs, "ms"),
    row("first query", ms(warm.firstMs), `of it ${shares(warm.spent.first)}; a steady one ${ms(steady)}`, warm.firstMs / steady, "×"),
    row("steady query", ms(steady), `of it ${shares(warm.spent.steady)}`, steady, "ms"),
  ];
}

/** A GPU's speed as a share of a plain large product through the same API. @returns {Row[]} */
function shareRows(shape, { lengths }, product) {
  return lengths.filter(({ sides }) => sides).flatMap(({ tokens, operations, sides }) => sides.filter(isOwn).map((side) => ({
    model: `${shape} ${side.weights}`, tokens, cosine: null, least: null, processor: null,
    ...judged({
      what: `${TITLES.dawn}: share of a large product`, burrow: `${rate(operations, side.ms)}, ${Math.round((1000 * tokens) / median(side.ms))} tokens/s`,
      against: `${product.toPrecision(3)} GFLOP/s`, figure: (100 * operations) / median(side.ms) / 1e6 / product, unit: "%", target: tokens === 4096 ? { atLeast: 60 } : {},
    }),
  })));
}

/** @param {Row} row */
function line(row) {
  const times = (value) => (value === null ? "" : `${value.toPrecision(3)} ×`);
  return `| ${row.what} | ${row.model} | ${row.tokens} | ${verdict(row)} | ${times(row.least)} | ${times(row.processor)} | ${row.cosine?.toFixed(7) ?? ""} |`;
}

/** What was not measured, and why. */
function leftOut(part, shapes) {
  return Object.entries(shapes ?? {}).flatMap(([shape, { lengths, absent = [] }]) => [
    ...absent.map((why) => `left out: ${TITLES[part]}, ${why}`),
    ...(lengths ?? []).filter((one) => one.leftOut).map(({ tokens, leftOut: why }) => `left out: ${TITLES[part]}, ${shape}, ${tokens} tokens: ${why}`),
  ]);
}

/**
 * @param {any} results by part
 * @returns {{text: string, rows: Row[]}}
 */
export function report({ gpu, start, ...contests }) {
  const { adapter, product, ...dawn } = gpu?.dawn ?? {};
  const parts = Object.entries({ ...contests, dawn, cuda: gpu?.native ?? {} });
  const each = (rowsOf) => parts.flatMap(([part, shapes]) => Object.entries(shapes ?? {}).flatMap(([shape, found]) => rowsOf(part, shape, found)));
  const rows = [
    ...each(againstPeers), ...each(byWeights), ...Object.entries(contests.native ?? {}).flatMap(([shape, found]) => [...growth(shape, found), ...attention(shape, found)]),
    ...Object.entries(dawn).flatMap(([shape, found]) => shareRows(shape, found, product)), ...Object.entries(start ?? {}).flatMap(([name, found]) => startRows(name, found)),
  ];
  const head = ["| what | model | tokens | Burrow | beside it | figure | to reach | | by the fastest | by processor time | cosine |", "|---|---|---|---|---|---|---|---|---|---|---|"];
  const notes = parts.flatMap(([part, shapes]) => leftOut(part, shapes));
  return { text: [...head, ...rows.map(line), ...(notes.length ? ["", ...notes] : [])].join("\n"), rows };
}

/**
 * Writes what came of it, with machine and date, into `tests/bench/records/`.
 * @param {any} results
 * @param {Row[]} rows
 * @returns {Promise<string>} the file's name
 */
export function record(results, rows) {
  return write("encoder", { rows, ...results });
}
