/** How a log of LevelDB ends, by its format: blocks of 32 KiB, records with a checksum, a length and a type, none across two blocks. */

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
/** A record is whole, or the first, a middle, or the last part of one. */
const [FULL, FIRST, , LAST] = [1, 2, 3, 4];

/**
 * Whether the writer was stopped in the midst of its last record.
 * @param {Buffer} log
 */
export function hasTornEnd(log) {
  let [at, isOpen] = [0, false];
  while (at < log.length) {
    const left = BLOCK_BYTES - at % BLOCK_BYTES;
    // The rest of a block that has no room for a header is filled with zeros.
    if (left < HEADER_BYTES) at += left;
    else if (at + HEADER_BYTES > log.length) return true;
    else {
      const [length, type] = [log.readUInt16LE(at + 4), log[at + 6]];
      if (type < FULL || type > LAST || length > left - HEADER_BYTES) return true;
      isOpen = type === FIRST || (isOpen && type !== LAST && type !== FULL);
      at += HEADER_BYTES + length;
      if (at > log.length) return true;
    }
  }
  return isOpen;
}
