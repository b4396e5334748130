/** The Hamming scan: the library's against a plain loop, EdgeVec's flat index and a sum over the same memory. */
import { plainScan } from "./bare.mjs";
import { DIMENSION, invented, LIMIT, OVERSAMPLING } from "./burrow.mjs";
import { edgeVecIndex } from "./peers.mjs";
import { inTurns } from "../shared/timing.mjs";

const COUNT = LIMIT * OVERSAMPLING;

/**
 * @param {{passages: number, rounds: number}} options
 * @returns {Promise<Record<string, number[]>>} milliseconds of a scan, by who does it
 */
export async function scan({ passages, rounds }) {
  const { bench, corpus } = await invented();
  const rows = new bench.Rows(corpus, passages);
  const bytes = rows.bytes();
  const words = new Uint32Array(bytes.buffer);
  const { index, first } = await flatIndex(bytes);
  const vector = corpus.query(1, passages);
  const bits = bench.bits(vector);
  const query = new Uint32Array(bits.buffer, bits.byteOffset, bits.length / 4);
  const [found, expected] = [rows.nearest(vector, COUNT), plainScan(words, query, COUNT)];
  if (String([...found]) !== String(expected)) throw new Error("The scan and the plain loop differ.");
  const theirs = index.searchBinary(bits, COUNT).map(({ id }) => id - first);
  // Of rows equally far it may choose others.
  if (theirs.filter((id) => expected.includes(id)).length < COUNT / 2) throw new Error("EdgeVec finds something else.");
  return inTurns(rounds, {
    burrow: () => rows.nearest(vector, COUNT),
    roofline: () => rows.sum(),
    javascript: () => plainScan(words, query, COUNT),
    edgevec: () => index.searchBinary(bits, COUNT),
  });
}

/** @param {Uint8Array} bytes */
async function flatIndex(bytes) {
  const { index, first } = await edgeVecIndex({ isFlat: true, isBinary: true });
  const width = DIMENSION / 8;
  for (let at = 0; at < bytes.length; at += width) index.insertBinary(bytes.subarray(at, at + width));
  return { index, first };
}
