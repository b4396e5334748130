/** Burrow as the suites use it: the package's search module and the bench module, and the few calls of them, each in one place. */

/** Width of a vector: that of pplx-embed. */
export const DIMENSION = 1024;
/** Passages of a page. */
export const PASSAGES = 8;
/** What a person asks for, and how many candidates are looked at for each hit: the defaults. */
export const [LIMIT, OVERSAMPLING] = [10, 16];
/** By meaning: what words cost is a matter of their own. */
const OPTIONS = JSON.stringify({ limit: LIMIT, oversampling: OVERSAMPLING, mode: "semantic" });

/** The bench module, with a corpus. */
export async function invented(passages = PASSAGES) {
  const bench = await import("/bench/wasm/bench_search.js");
  await bench.default();
  return { bench, corpus: new bench.Corpus(DIMENSION, passages) };
}

/** The package's search module, in memory of its own. */
export async function searchModule() {
  const module = await import("/pkg/wasm/search/search.js");
  const { memory } = await module.default();
  return { Index: module.Index, /** @type {WebAssembly.Memory} */ memory };
}

/** The name of the database of an index. */
export const databaseOf = (name) => `burrow-${name}`;

/** Opens an index, with the vectors of a corpus. */
export async function openIndex(Index, corpus, name) {
  const index = await Index.open(name, {});
  await index.bind(corpus.fingerprint());
  return index;
}

/** Commits encoded pages in one transaction. */
export function commitAll(index, pages) {
  return index.commitAll(pages);
}

/** Asks an index. */
export function ask(index, { text, vector }) {
  return index.search(text, vector, OPTIONS, null);
}

/** Questions about the first passages: each a vector and some words. */
export function questions(corpus, passages, count, from = 0) {
  const pages = Math.floor(passages / PASSAGES);
  return Array.from({ length: count }, (_, at) => {
    const text = corpus.text(((from + at) * 7919) % pages).split(" ").slice(0, 4).join(" ");
    return { text, vector: corpus.query(from + at, passages) };
  });
}
