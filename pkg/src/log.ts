/**
 * After a crash of Chromium, a fresh log for its database.
 *
 * IndexedDB lies in LevelDB there, one for all databases of an origin. When the browser is killed in the midst of a write, the log ends
 * with a torn record. The next visit reads up to there and writes on behind it, in the same log; the visit after that meets the torn
 * record in the midst of the log, calls the database damaged, and deletes it (google/leveldb#1287). A log that is full is done with,
 * so after an interruption it is filled up.
 */

const SCRATCH = "burrow:log";
const STORE = "filler";
/** A log ends at 4 MiB. */
const LOG_BYTES = 4.5e6;
/** From 64 KiB on, a value lies in a file of its own. */
const RECORD_BYTES = 60_000;

/** Has the browser begin a new log. Resolves when it has, or when it is not Chromium, or has no room for it. */
export async function renewLog(): Promise<void> {
  if (!("userAgentData" in navigator)) return;
  try {
    const opening = indexedDB.open(SCRATCH);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    const database = await settled(opening);
    try {
      await fill(database);
    } finally {
      database.close();
      await settled(indexedDB.deleteDatabase(SCRATCH));
    }
  } catch {
    // It was worth a try.
  }
}

/** All records go into the log, and one key remains of them. */
function fill(database: IDBDatabase): Promise<void> {
  const transaction = database.transaction(STORE, "readwrite");
  const record = new Uint8Array(RECORD_BYTES);
  for (let bytes = 0; bytes < LOG_BYTES; bytes += RECORD_BYTES) transaction.objectStore(STORE).put(record, 0);
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
