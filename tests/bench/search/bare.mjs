/** The bare parts: IndexedDB without Burrow, asked for just what Burrow asked for, and a scan in plain JavaScript. */

const READS = ["get", "getKey", "getAll", "getAllKeys", "getAllRecords"];
const WRITES = ["put", "delete"];

/**
 * A call of an object store, to be made again.
 * @typedef {object} Call
 * @property {string} store
 * @property {string} method
 * @property {any[]} args
 * @property {number} transaction calls of one transaction have the same number
 * @property {IDBTransactionDurability} durability
 * @property {IDBRequest} request
 */

/**
 * Does some work, and writes down what it asks of IndexedDB.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<{value: T, reads: Call[], writes: Call[]}>}
 */
export async function recorded(work) {
  /** @type {Call[]} */
  const calls = [];
  const transactions = new Map();
  const prototype = /** @type {any} */ (IDBObjectStore.prototype);
  const originals = [...READS, ...WRITES].filter((method) => method in prototype).map((method) => [method, prototype[method]]);
  for (const [method, original] of originals) {
    prototype[method] = function (/** @type {any[]} */ ...args) {
      const request = original.apply(this, args);
      if (!transactions.has(this.transaction)) transactions.set(this.transaction, transactions.size);
      const [transaction, durability] = [transactions.get(this.transaction), this.transaction.durability];
      calls.push({ store: this.name, method, args, transaction, durability, request });
      return request;
    };
  }
  try {
    const value = await work();
    return { value, reads: calls.filter(({ method }) => READS.includes(method)), writes: calls.filter(({ method }) => WRITES.includes(method)) };
  } finally {
    for (const [method, original] of originals) prototype[method] = original;
  }
}

/**
 * What calls that read have given.
 * @param {Call[]} calls whose requests are settled
 * @returns {{records: number, bytes: number}}
 */
export function amount(calls) {
  const values = calls.map(({ request }) => request.result).flat().map((value) => value?.value ?? value);
  const records = values.filter((value) => value instanceof Uint8Array);
  return { records: records.length, bytes: records.reduce((sum, record) => sum + record.byteLength, 0) };
}

/**
 * @param {string} name
 * @param {string[]} [stores] made where the database is new
 * @returns {Promise<IDBDatabase>}
 */
export function openDatabase(name, stores = []) {
  const request = indexedDB.open(name);
  request.onupgradeneeded = () => stores.forEach((store) => request.result.createObjectStore(store));
  return settled(request);
}

/** @param {string} name */
export function deleteDatabase(name) {
  return settled(indexedDB.deleteDatabase(name));
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Reads in one transaction what was read before, perhaps in several.
 * @param {IDBDatabase} database
 * @param {Pick<Call, "store" | "method" | "args">[]} calls
 * @returns {Promise<unknown[]>}
 */
export async function readAgain(database, calls) {
  if (calls.length === 0) return [];
  const transaction = database.transaction([...new Set(calls.map(({ store }) => store))], "readonly");
  return Promise.all(calls.map(({ store, method, args }) => settled(/** @type {any} */ (transaction.objectStore(store))[method](...args))));
}

/** Calls that are made together, of two of which one is always under way: what Chromium answers soonest. */
const STEP = 64;

/**
 * Reads as `readAgain`, but not all at once: asked for thousands of records at a time, Chromium may stand still for seconds.
 * @param {IDBDatabase} database
 * @param {Pick<Call, "store" | "method" | "args">[]} calls
 */
export async function readInSteps(database, calls) {
  const transaction = database.transaction([...new Set(calls.map(({ store }) => store))], "readonly");
  const make = (/** @type {Pick<Call, "store" | "method" | "args">} */ { store, method, args }) => settled(/** @type {any} */ (transaction.objectStore(store))[method](...args));
  let before = Promise.resolve(/** @type {unknown[]} */ ([]));
  for (let at = 0; at < calls.length; at += STEP) {
    const step = Promise.all(calls.slice(at, at + STEP).map(make));
    await before;
    before = step;
  }
  await before;
}

/**
 * Writes again what was written before.
 * @param {IDBDatabase} database
 * @param {Call[]} calls
 * @param {boolean} atOnce whether all goes into one transaction; else each of those it was in
 */
export async function writeAgain(database, calls, atOnce) {
  const numbers = atOnce ? [undefined] : [...new Set(calls.map(({ transaction }) => transaction))];
  for (const number of numbers) {
    const own = calls.filter(({ transaction }) => atOnce || transaction === number);
    const { durability } = own[0];
    const transaction = database.transaction([...new Set(own.map(({ store }) => store))], "readwrite", { durability });
    for (const { store, method, args } of own) /** @type {any} */ (transaction.objectStore(store))[method](...args);
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/**
 * All bytes that a database holds, its keys left out.
 * @param {string} name
 */
export async function bytesStored(name) {
  const database = await openDatabase(name);
  let bytes = 0;
  for (const store of database.objectStoreNames) {
    const request = database.transaction(store, "readonly").objectStore(store).openCursor();
    await new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        if (!request.result) return resolve(undefined);
        bytes += request.result.value.byteLength ?? 0;
        request.result.continue();
      };
    });
  }
  database.close();
  return bytes;
}

/**
 * The nearest rows by a plain loop, bits counted 32 at a time.
 * @param {Uint32Array} words `[rows, query.length]`
 * @param {Uint32Array} query
 * @param {number} count
 * @returns {number[]} the nearest first, the earlier row first among equals
 */
export function plainScan(words, query, count) {
  const [width, rows] = [query.length, words.length / query.length];
  /** @type {{row: number, distance: number}[]} */
  const best = [];
  let bound = Infinity;
  for (let row = 0, at = 0; row < rows; row += 1) {
    let distance = 0;
    for (let place = 0; place < width; place += 1, at += 1) {
      let bits = words[at] ^ query[place];
      bits -= (bits >>> 1) & 0x55555555;
      bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
      distance += Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    if (distance >= bound) continue;
    let place = best.length;
    while (place > 0 && best[place - 1].distance > distance) place -= 1;
    best.splice(place, 0, { row, distance });
    if (best.length > count) best.pop();
    if (best.length === count) bound = best[count - 1].distance;
  }
  return best.map(({ row }) => row);
}
