/** SHA-256 in hexadecimal. */

/** Whether the browser offers it. */
export function canHash(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

/** Null where the browser does not offer it: to pages without HTTPS. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  if (!canHash()) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
