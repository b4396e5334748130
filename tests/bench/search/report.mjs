/** What came of `make bench-search`, as tables and as a record. */
import { judged, MIB, ms, verdict, write } from "../shared/record.mjs";
import { median, quantile } from "../shared/timing.mjs";

/** @typedef {import("../shared/record.mjs").Figure & {passages: number}} Row */

/** @returns {Row} */
function row(what, passages, burrow, against, figure, unit, target) {
  return { what, passages: Number(passages), ...judged({ burrow, against, figure, unit, target }) };
}

const spread = (samples) => `${ms(median(samples))}, p99 ${ms(quantile(samples, 0.99))}`;

/** @returns {Row[]} */
function scanRows(passages, { burrow, javascript, edgevec, roofline }) {
  const own = median(burrow);
  const against = (name, samples, share, unit, atLeast) => row(
    `scan against ${name}`, passages, ms(own), ms(median(samples)), (share * median(samples)) / own, unit, { atLeast });
  return [
    against("a plain loop", javascript, 1, "×", 5), against("EdgeVec's flat index", edgevec, 1, "×", 8),
    against("a SIMD sum of the same memory", roofline, 100, "%", 70),
  ];
}

/** @returns {Row[]} */
function queryRows(passages, found) {
  return ["cold", "warm"].map((cache) => {
    const { ms: own, bareMs, scanMs, readMs, records, bytes } = found[cache];
    const parts = `${ms(median(bareMs))}: scan ${ms(median(scanMs))}, ${records.toFixed(0)} records of ${(bytes / 1024).toFixed(0)} KiB ${ms(median(readMs))}`;
    return row(`query, ${cache}`, passages, spread(own), parts, median(own) / median(bareMs), "×", { atMost: 1.3 });
  });
}

/** Of invented vectors: `make eval` tells the same of real texts. @returns {Row[]} */
function recallRows(passages, { recall }) {
  if (recall === null) return [];
  const of = (what, share) => row(`the exact INT8 order's first ten ${what} found`, passages, share.toFixed(3), "1", 100 * share, "%", { atLeast: 99 });
  return [of("passages", recall.passages), of("pages", recall.pages)];
}

/** How much longer a query takes where there is more to search. @returns {Row[]} */
function growthRows(query) {
  const sizes = Object.keys(query).map(Number).sort((a, b) => a - b);
  if (sizes.length < 2) return [];
  const [least, most] = [sizes[0], sizes[sizes.length - 1]];
  return ["cold", "warm"].map((cache) => {
    const [from, to] = [least, most].map((size) => median(query[size][cache].ms));
    return row(`query, ${cache}, growth from ${least}`, most, ms(to), ms(from), to / from, "×", { atMost: most / least });
  });
}

/** @returns {Row[]} */
function openRows(passages, { ms: own, atOnceMs, inStepsMs, bytes, records, memory, bits }) {
  const bare = Math.min(median(atOnceMs), median(inStepsMs));
  return [
    row("opening to the first answer", passages, ms(median(own)), `${ms(bare)}: ${records} records of ${(bytes / MIB).toFixed(1)} MiB`,
      median(own) / bare, "×", { atMost: 1.3 }),
    row("memory beyond the bits", passages, `${(memory / MIB).toFixed(1)} MiB`, `${(bits / MIB).toFixed(1)} MiB of bits`, (memory - bits) / MIB, "MiB", { atMost: 64 }),
  ];
}

/** @returns {Row[]} */
function addRows({ passages, ms: own, atOnceMs, apartMs, searchable, batches, durability, transactions }) {
  const rate = (samples) => passages / median(samples);
  const shown = (samples) => `${Math.round(1000 * rate(samples))} passages/s`;
  return [
    row(`adding, batches of ${passages}, durability ${durability}`, passages * batches, shown(own), `${shown(atOnceMs)}: one transaction a batch`,
      rate(own) / rate(atOnceMs), "×", { atLeast: 0.7 }),
    row("the same, in as many transactions", passages * batches, `${transactions} a batch`, shown(apartMs), rate(own) / rate(apartMs), "×", { atLeast: 0.7 }),
    row("searchable once acknowledged", passages * batches, `${searchable}`, `${batches} batches`, (100 * searchable) / batches, "%", { atLeast: 100 }),
  ];
}

/** @param {Row} row */
function line(row) {
  return `| ${row.what} | ${row.passages.toLocaleString("en")} | ${verdict(row)} |`;
}

/** A peer that failed says so. */
function peerLine({ name, keeps, passages, loadMs, buildMs, queryMs, bytes, cannotStore, recall, error }) {
  if (error) return `| ${name} | ${error.split("\n")[0]} | | | | | |`;
  const each = cannotStore ? `cannot: ${cannotStore}` : `${(bytes / passages).toFixed(0)} B`;
  return `| ${name} | ${keeps} | ${ms(loadMs)} | ${Math.round((1000 * passages) / buildMs)} passages/s | ${ms(queryMs)} | ${each} | ${recall === null ? "words" : recall.toFixed(3)} |`;
}

/**
 * @param {any} results
 * @returns {{text: string, rows: Row[]}}
 */
export function report({ scan, query, open, add, peers }) {
  const each = (part, rowsOf) => Object.entries(part).flatMap(([passages, found]) => rowsOf(passages, found));
  const rows = [...each(scan, scanRows), ...each(query, queryRows), ...growthRows(query), ...each(query, recallRows), ...each(open, openRows), ...(add ? addRows(add) : [])];
  const tables = [];
  if (rows.length) tables.push("| what | passages | Burrow | beside it | figure | to reach | |", "|---|---|---|---|---|---|---|", ...rows.map(line));
  if (peers.length) {
    tables.push("", "| peers | keeps | load | build | query, median | stored a passage | recall@10 |", "|---|---|---|---|---|---|---|", ...peers.map(peerLine));
  }
  return { text: tables.join("\n"), rows };
}

/**
 * Writes what came of it, with machine and date, into `tests/bench/records/`.
 * @param {any} results
 * @param {Row[]} rows
 * @returns {Promise<string>} the file's name
 */
export function record(results, rows) {
  return write("search", { rows, ...results });
}
