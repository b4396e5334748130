/** SHA-256 in hexadecimal. */

/** Whether the browser offers it. */
export function canHash(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

/**
 * Browsers copy what they hash. A copy of a megabyte and more is fresh memory each time, which takes Chromium as long as the hashing
 * itself; pieces below that share it.
 */
const PIECE_BYTES = 256 * 1024;

/** Null where the browser does not offer it: to pages without HTTPS. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (!canHash()) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The SHA-256 of a file's SHA-256 and those of all its pieces: as good a check as that of the whole, in half the time. */
export async function sealOf(bytes: Uint8Array<ArrayBuffer>, hash: string): Promise<string> {
  let hashes = hash;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) hashes += await sha256(bytes.subarray(at, at + PIECE_BYTES));
  return String(await sha256(new TextEncoder().encode(hashes)));
}
