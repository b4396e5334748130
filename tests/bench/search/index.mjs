/** Burrow's index in the browser's IndexedDB, in turns with what its parts cost without it. */
import { amount, deleteDatabase, openDatabase, readAgain, readInSteps, recorded, writeAgain } from "./bare.mjs";
import { ask, commitAll, databaseOf, DIMENSION, invented, LIMIT, openIndex, OVERSAMPLING, PASSAGES, questions, searchModule } from "./burrow.mjs";
import { timed } from "../shared/timing.mjs";

/** Passages that are added at once. */
const BATCH = 256;

/** The exact order is looked at in indexes up to this size, since all codes must be in memory, and for so many questions. */
const [RECALL_PASSAGES, RECALL_QUERIES] = [100_000, 50];

/** The index of so many passages. */
const nameOf = (passages) => `bench-${passages}`;

/**
 * Fills the index of a size, where it is not there yet.
 * @param {{passages: number}} options
 * @param {(text: string) => void} say
 */
export async function build({ passages }, say) {
  const { corpus } = await invented();
  const { Index } = await searchModule();
  const index = await openIndex(Index, corpus, nameOf(passages));
  const pages = passages / PASSAGES;
  let [ms, told] = [0, performance.now()];
  for (let page = index.status().pages; page < pages; page += BATCH / PASSAGES) {
    const batch = Array.from({ length: Math.min(BATCH / PASSAGES, pages - page) }, (_, at) => corpus.page(page + at));
    ms += (await timed(() => commitAll(index, batch)))[0];
    if (performance.now() - told < 20_000) continue;
    told = performance.now();
    say(`${page * PASSAGES} of ${passages} passages`);
  }
  index.close();
  return { ms };
}

/**
 * Whole queries and the bare cost of their parts: a scan, and one transaction that reads as much.
 * @param {{passages: number, queries: number, warmQueries: number, rounds: number}} options
 */
export async function query({ passages, queries, warmQueries, rounds }) {
  const { bench, corpus } = await invented();
  const { Index } = await searchModule();
  const rows = new bench.Rows(corpus, passages);
  const [name, asked] = [nameOf(passages), questions(corpus, passages, queries)];
  const database = await openDatabase(databaseOf(name));
  const bare = async (question, reads) => {
    const [scanMs] = await timed(() => rows.nearest(question.vector, LIMIT * OVERSAMPLING));
    const [readMs] = await timed(() => readAgain(database, reads));
    return { scanMs, readMs };
  };
  const cold = await coldQueries({ open: () => openIndex(Index, corpus, name), asked, bare, fresh: passages <= 10_000 ? 1 : 20 });
  const index = await openIndex(Index, corpus, name);
  const warm = await repeatedQueries({ index, asked: asked.slice(0, warmQueries), bare, rounds });
  const found = passages > RECALL_PASSAGES ? null
    : await recall({ index, rows, codes: new bench.Codes(corpus, passages), asked: asked.slice(0, RECALL_QUERIES) });
  index.close();
  database.close();
  return { cold, warm, recall: found };
}

/**
 * What the exact order of all INT8 codes puts first: the share of those passages that are candidates, and of their pages that
 * are hits of a search by meaning alone.
 */
async function recall({ index, rows, codes, asked }) {
  const share = { passages: 0, pages: 0 };
  for (const { vector } of asked) {
    const near = [...codes.nearest(vector, LIMIT * PASSAGES)];
    const candidates = new Set(rows.nearest(vector, LIMIT * OVERSAMPLING));
    share.passages += near.slice(0, LIMIT).filter((passage) => candidates.has(passage)).length;
    const pages = [...new Set(near.map((passage) => `page:${Math.floor(passage / PASSAGES)}`))].slice(0, LIMIT);
    const hits = new Set((await ask(index, { text: "", vector })).map(({ url }) => url));
    share.pages += pages.filter((page) => hits.has(page)).length;
  }
  return { passages: share.passages / (LIMIT * asked.length), pages: share.pages / (LIMIT * asked.length) };
}

/** Every question for the first time, with nothing of it kept: the index is opened again after every `fresh` of them. */
async function coldQueries({ open, asked, bare, fresh }) {
  const each = async (work) => {
    let index;
    for (const [at, question] of asked.entries()) {
      if (at % fresh === 0) {
        index?.close();
        index = await open();
      }
      await work(index, question, at);
    }
    index.close();
  };
  const reads = [];
  await each(async (index, question) => reads.push((await recorded(() => ask(index, question))).reads));
  const samples = [];
  await each(async (index, question, at) => {
    const [ms] = await timed(() => ask(index, question));
    // The records of another question: those of this one have just been read.
    samples.push({ ms, ...await bare(question, reads[(at + (asked.length >> 1)) % asked.length]) });
  });
  return summary(samples, reads);
}

/** Questions that were asked before, again and again. */
async function repeatedQueries({ index, asked, bare, rounds }) {
  for (const question of asked) await ask(index, question);
  const reads = [];
  for (const question of asked) reads.push((await recorded(() => ask(index, question))).reads);
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, question] of asked.entries()) {
      const [ms] = await timed(() => ask(index, question));
      samples.push({ ms, ...await bare(question, reads[(at + (asked.length >> 1)) % asked.length]) });
    }
  }
  return summary(samples, reads);
}

function summary(samples, reads) {
  const amounts = reads.map(amount);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    ms: samples.map(({ ms }) => ms),
    scanMs: samples.map(({ scanMs }) => scanMs),
    readMs: samples.map(({ readMs }) => readMs),
    bareMs: samples.map(({ scanMs, readMs }) => scanMs + readMs),
    records: mean(amounts.map(({ records }) => records)),
    bytes: mean(amounts.map(({ bytes }) => bytes)),
  };
}

/**
 * Opening an index up to the first answer, and a bare read of the same bytes; and what stays in memory.
 * @param {{passages: number, rounds: number}} options
 */
export async function open({ passages, rounds }) {
  const { corpus } = await invented();
  const { Index, memory } = await searchModule();
  const name = nameOf(passages);
  const [first, second] = questions(corpus, passages, 2, 1000);
  const whole = async (question) => {
    const index = await openIndex(Index, corpus, name);
    const hits = await ask(index, question);
    if (hits.length !== LIMIT) throw new Error(`${hits.length} hits`);
    return index;
  };
  const { value, reads } = await recorded(() => whole(first));
  const resident = memory.buffer.byteLength;
  value.close();
  const bare = async (read, calls) => {
    const database = await openDatabase(databaseOf(name));
    await read(database, calls);
    database.close();
  };
  const [ms, atOnceMs, inStepsMs] = [[], [], []];
  for (let round = 0; round < rounds; round += 1) {
    const [took, index] = await timed(() => whole(second));
    index.close();
    ms.push(took);
    atOnceMs.push((await timed(() => bare(readAgain, withoutBatches(reads))))[0]);
    inStepsMs.push((await timed(() => bare(readInSteps, reads)))[0]);
  }
  return { ms, atOnceMs, inStepsMs, ...amount(reads), memory: resident, bits: (passages * DIMENSION) / 8 };
}

/** Reads in batches made one read of all, where that is quicker. */
function withoutBatches(reads) {
  const batched = new Set(reads.filter(({ method }) => method.startsWith("getAll")).map(({ store }) => store));
  const others = reads.filter(({ store }) => !batched.has(store)).map(({ store, method, args }) => ({ store, method, args }));
  return [...[...batched].map((store) => ({ store, method: "getAll", args: [] })), ...others];
}

/**
 * Durable adding in batches, and bare puts of the same bytes with the same durability.
 * @param {{batches: number}} options
 */
export async function add({ batches }) {
  const { corpus } = await invented();
  const { Index } = await searchModule();
  const index = await openIndex(Index, corpus, "bench-add");
  const stores = await storesOf(databaseOf("bench-add"));
  const twins = { atOnce: await openDatabase("bare-at-once", stores), apart: await openDatabase("bare-apart", stores) };
  const [ms, atOnceMs, apartMs] = [[], [], []];
  let [searchable, durability, transactions] = [0, "", 0];
  for (let batch = 0; batch < batches; batch += 1) {
    const numbers = Array.from({ length: BATCH / PASSAGES }, (_, at) => (batch * BATCH) / PASSAGES + at);
    const pages = numbers.map((page) => corpus.page(page));
    const { value: [took], writes } = await recorded(() => timed(() => commitAll(index, pages)));
    const page = numbers[batch % numbers.length];
    const [hit] = await ask(index, { text: "", vector: corpus.vector(page * PASSAGES + (batch % PASSAGES)) });
    searchable += Number(hit.url === `page:${page}`);
    [durability, transactions] = [writes[0].durability, new Set(writes.map((write) => write.transaction)).size];
    ms.push(took);
    atOnceMs.push((await timed(() => writeAgain(twins.atOnce, writes, true)))[0]);
    apartMs.push((await timed(() => writeAgain(twins.apart, writes, false)))[0]);
  }
  index.close();
  for (const twin of Object.values(twins)) twin.close();
  await Promise.all([Index.delete("bench-add"), deleteDatabase("bare-at-once"), deleteDatabase("bare-apart")]);
  return { passages: BATCH, ms, atOnceMs, apartMs, searchable, batches, durability, transactions };
}

async function storesOf(name) {
  const database = await openDatabase(name);
  const stores = [...database.objectStoreNames];
  database.close();
  return stores;
}
