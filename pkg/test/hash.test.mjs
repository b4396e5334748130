/** By what a kept file is checked when it is read again. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { sealOf } from "../build/hash.js";

const HASH = "0".repeat(64);

test("the seal of a file is another one where any byte, the length or the file's own SHA-256 is another", async () => {
  const bytes = new Uint8Array(randomBytes(600_000));
  const seal = await sealOf(bytes, HASH);
  assert.match(seal, /^[0-9a-f]{64}$/);
  assert.equal(await sealOf(bytes.slice(), HASH), seal);
  assert.notEqual(await sealOf(bytes, HASH.replace(/0$/, "1")), seal);
  assert.notEqual(await sealOf(bytes.subarray(0, -1), HASH), seal);
  // In each piece, at its ends too.
  for (const at of [0, 262_143, 262_144, 524_288, 599_999]) {
    const altered = bytes.slice();
    altered[at] ^= 1;
    assert.notEqual(await sealOf(altered, HASH), seal, `byte ${at}`);
  }
});
