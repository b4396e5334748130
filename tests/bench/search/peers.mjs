/** The peers, each with the same passages and questions: how it is built, asked and weighed. */
import { ask, commitAll, databaseOf, DIMENSION, invented, LIMIT, openIndex, OVERSAMPLING, searchModule } from "./burrow.mjs";
import { bytesStored } from "./bare.mjs";
import { median, timed } from "../shared/timing.mjs";

/**
 * What the peers are given.
 * @typedef {object} Data
 * @property {any} bench
 * @property {any} corpus of pages with one passage, so that pages are what all of them find
 * @property {number} passages
 * @property {(passage: number) => Float32Array} vector
 * @property {(passage: number) => Uint8Array} bits
 * @property {(passage: number) => string} text
 */

/**
 * @typedef {{text: string, vector: Float32Array, bits: Uint8Array}} Question
 * @typedef {object} Built
 * @property {(question: Question) => unknown} find what the peer gives for a question
 * @property {(found: any) => number[]} [ids] the passages in it, the best first; none where vectors are not what it looks for
 * @property {() => number | Promise<number>} bytes what it stores, or says that it would
 */

/** @type {Record<string, (data: Data) => Promise<() => Built | Promise<Built>>>} what is loaded first, then what is timed as building */
const PEERS = {
  "Burrow": async ({ corpus, passages }) => {
    const { Index } = await searchModule();
    const index = await openIndex(Index, corpus, "peers");
    const pages = Array.from({ length: passages }, (_, page) => corpus.page(page));
    return async () => {
      for (let at = 0; at < pages.length; at += 256) await commitAll(index, pages.slice(at, at + 256));
      return {
        find: (question) => ask(index, question),
        ids: (hits) => hits.map(({ url }) => Number(url.replace("page:", ""))),
        bytes: () => bytesStored(databaseOf("peers")),
      };
    };
  },
  "EdgeVec flat bits": async (data) => {
    const { index, first } = await edgeVecIndex({ isFlat: true, isBinary: true });
    return () => {
      for (let passage = 0; passage < data.passages; passage += 1) index.insertBinary(data.bits(passage));
      const ids = (found) => found.map(({ id }) => id - first);
      // It cannot be saved: what it keeps is counted.
      return { find: ({ bits }) => index.searchBinary(bits, LIMIT), ids, bytes: () => (data.passages * DIMENSION) / 8 };
    };
  },
  "EdgeVec HNSW": async (data) => {
    const { index, first } = await edgeVecIndex({});
    return () => {
      for (let passage = 0; passage < data.passages; passage += 1) index.insert(unit(data.vector(passage)));
      const ids = (found) => found.map(({ id }) => id - first);
      return { find: ({ vector }) => index.search(unit(vector), LIMIT), ids, bytes: () => streamed(index) };
    };
  },
  "hnswlib-wasm": async (data) => {
    const { loadHnswlib } = await import("/peers/hnswlib-wasm/dist/hnswlib.js");
    const library = await loadHnswlib();
    const index = new library.HierarchicalNSW("cosine", DIMENSION, "");
    return () => {
      index.initIndex(data.passages, 16, 200, 100);
      for (let passage = 0; passage < data.passages; passage += 1) index.addPoint(data.vector(passage), passage, false);
      index.setEfSearch(64);
      // It has no way to tell: a vector, its links in the lowest layer and its label.
      const bytes = () => data.passages * (DIMENSION * 4 + (2 * 16 + 1) * 4 + 8);
      return { find: ({ vector }) => index.searchKnn(vector, LIMIT, undefined), ids: ({ neighbors }) => neighbors, bytes };
    };
  },
  "Orama": async (data) => {
    const orama = await import("/peers/@orama/orama/dist/browser/index.js");
    const database = orama.create({ schema: { text: "string", vector: `vector[${DIMENSION}]` } });
    return async () => {
      for (let passage = 0; passage < data.passages; passage += 1) {
        await orama.insert(database, { id: String(passage), text: data.text(passage), vector: Array.from(data.vector(passage)) });
      }
      const find = ({ vector }) => orama.search(database, { mode: "vector", vector: { value: Array.from(vector), property: "vector" }, similarity: 0, limit: LIMIT });
      return { find, ids: ({ hits }) => hits.map(({ id }) => Number(id)), bytes: () => JSON.stringify(orama.save(database)).length };
    };
  },
  "PGlite + pgvector": async (data) => {
    const [{ PGlite }, { vector }] = await Promise.all([
      import("/peers/@electric-sql/pglite/dist/index.js"), import("/peers/@electric-sql/pglite-pgvector/dist/index.js"),
    ]);
    const database = await PGlite.create({ extensions: { vector } });
    await database.exec(`CREATE EXTENSION vector; CREATE TABLE passages (id int PRIMARY KEY, bits bit(${DIMENSION}), codes halfvec(${DIMENSION}), body text)`);
    return async () => {
      for (let at = 0; at < data.passages; at += 100) await insertRows(database, data, at, Math.min(at + 100, data.passages));
      const sql = `SELECT id FROM (SELECT id, codes FROM passages ORDER BY bits <~> binary_quantize($1::halfvec(${DIMENSION})) LIMIT ${LIMIT * OVERSAMPLING}) nearest
        ORDER BY codes <=> $1::halfvec(${DIMENSION}) LIMIT ${LIMIT}`;
      const bytes = async () => Number((await database.query("SELECT pg_total_relation_size('passages') AS bytes")).rows[0].bytes);
      return { find: ({ vector }) => database.query(sql, [sqlVector(vector)]), ids: ({ rows }) => rows.map(({ id }) => id), bytes };
    };
  },
  "voy": async (data) => {
    const { Voy } = await voy();
    return () => {
      const embeddings = Array.from({ length: data.passages }, (_, passage) => (
        { id: String(passage), title: "", url: "", embeddings: Array.from(data.vector(passage)) }));
      const index = new Voy({ embeddings });
      const find = ({ vector }) => index.search(vector, LIMIT);
      return { find, ids: ({ neighbors }) => neighbors.map(({ id }) => Number(id)), bytes: () => index.serialize().length };
    };
  },
  "minisearch (words)": async (data) => {
    const { default: MiniSearch } = await import("/peers/minisearch/dist/es/index.js");
    return () => {
      const index = new MiniSearch({ fields: ["text"], storeFields: ["text"] });
      for (let id = 0; id < data.passages; id += 1) index.add({ id, text: data.text(id) });
      return { find: ({ text }) => index.search(text, { combineWith: "OR" }), bytes: () => JSON.stringify(index).length };
    };
  },
};

/** What each keeps of a passage, and where: what the rest of its line is paid for. @type {Record<string, string>} */
const KEEPS = {
  "Burrow": "bits of passages and sentences, INT8, words, text; on the disk",
  "EdgeVec flat bits": "bits; in memory",
  "EdgeVec HNSW": "f32; in memory",
  "hnswlib-wasm": "f32; in memory",
  "Orama": "f32, text; in memory",
  "PGlite + pgvector": "bits, f16, text; in memory",
  "voy": "f32; in memory",
  "minisearch (words)": "text; in memory",
};

/** Their names. */
export const PEER_NAMES = Object.keys(PEERS);

/**
 * Builds one peer and asks it.
 * @param {{name: string, passages: number, queries: number}} options
 */
export async function peer({ name, passages, queries }) {
  const { bench, corpus } = await invented(1);
  const [vectors, rows] = [corpus.vectors(passages), new bench.Rows(corpus, passages).bytes()];
  const texts = Array.from({ length: passages }, (_, page) => corpus.text(page).trim());
  const data = {
    bench, corpus, passages,
    vector: (passage) => vectors.subarray(passage * DIMENSION, (passage + 1) * DIMENSION),
    bits: (passage) => rows.subarray((passage * DIMENSION) / 8, ((passage + 1) * DIMENSION) / 8),
    text: (passage) => texts[passage],
  };
  const [loadMs, build] = await timed(() => PEERS[name](data));
  const [buildMs, built] = await timed(build);
  const asked = Array.from({ length: queries }, (_, number) => {
    const vector = corpus.query(number, passages);
    return { vector, bits: bench.bits(vector), text: texts[(number * 7919) % passages].split(" ").slice(0, 4).join(" ") };
  });
  const [times, recalls] = [[], []];
  for (const question of asked) {
    const [ms, found] = await timed(() => built.find(question));
    times.push(ms);
    if (!built.ids) continue;
    const right = new Set(bench.exact(vectors, question.vector, LIMIT));
    recalls.push(built.ids(found).filter((id) => right.has(id)).length / LIMIT);
  }
  const recall = recalls.length ? recalls.reduce((sum, one) => sum + one, 0) / recalls.length : null;
  return { name, keeps: KEEPS[name], passages, loadMs, buildMs, queryMs: median(times), recall, ...await stored(built) };
}

/** What a peer stores; some cannot store as much as they can hold. @param {Built} built */
async function stored({ bytes }) {
  try {
    return { bytes: await bytes() };
  } catch (error) {
    return { bytes: null, cannotStore: error?.message ?? String(error) };
  }
}

/** EdgeVec's module. */
export async function edgeVec() {
  const module = await import("/peers/edgevec/edgevec.js");
  await module.default();
  return module;
}

/**
 * An index of EdgeVec, and the number that it gives to what comes first. Its rescored search of bits cannot be switched on
 * from JavaScript.
 * @param {{isFlat?: boolean, isBinary?: boolean}} options
 */
export async function edgeVecIndex({ isFlat = false, isBinary = false }) {
  const module = await edgeVec();
  const config = new module.EdgeVecConfig(DIMENSION);
  if (isFlat) config.indexType = module.JsIndexType.Flat;
  if (isBinary) config.vector_type = module.VectorType.Binary;
  // By its cosine it finds what is farthest.
  config.metric = isBinary ? "hamming" : "l2";
  return { index: new module.EdgeVec(config), first: 1 };
}

/** What EdgeVec would save. */
function streamed(index) {
  let bytes = 0;
  const chunks = index.save_stream();
  for (let chunk = chunks.next_chunk(); chunk; chunk = chunks.next_chunk()) bytes += chunk.length;
  return bytes;
}

/** @param {Float32Array} vector */
function unit(vector) {
  const norm = Math.hypot(...vector);
  return vector.map((x) => x / norm);
}

/** @param {Float32Array} vector */
const sqlVector = (vector) => `[${Array.from(vector, (x) => x.toFixed(5)).join(",")}]`;

async function insertRows(database, data, from, to) {
  const numbers = Array.from({ length: to - from }, (_, at) => from + at);
  const places = numbers.map((_, at) => `(${at * 3 + 1}::int, binary_quantize($${at * 3 + 2}::halfvec(${DIMENSION})), $${at * 3 + 2}::halfvec(${DIMENSION}), $${at * 3 + 3})`);
  const values = numbers.flatMap((passage) => [passage, sqlVector(data.vector(passage)), data.text(passage)]);
  const sql = places.map((place) => place.replace("(", "($")).join(", ");
  await database.query(`INSERT INTO passages VALUES ${sql}`, values);
}

/** voy is made for a bundler: its wasm is put together here as a bundler would. */
async function voy() {
  const glue = await import("/peers/voy-search/voy_search_bg.js");
  const { instance } = await WebAssembly.instantiateStreaming(fetch("/peers/voy-search/voy_search_bg.wasm"), { "./voy_search_bg.js": glue });
  glue.__wbg_set_wasm(instance.exports);
  return glue;
}
