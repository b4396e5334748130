/** What callers may give, and what they are told when they give something else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAsk, pageAsk, wholeNumber } from "../build/input.js";

const OPEN = { name: "notes", model: "https://example.org/models/mini" };
const BOM = [0xef, 0xbb, 0xbf];
const rejected = (words) => (error) => error.kind === "input" && words.test(error.message);

test("defaults are filled in and a folder ends with a slash, whatever its query", () => {
  const ask = { name: "notes", device: "auto", onOtherModel: "error", measureSoftware: false, model: "https://example.org/models/mini/", wasm: null,
    durability: "relaxed", encryption: null, note: null };
  assert.deepEqual(openAsk(OPEN), ask);
  assert.equal(openAsk({ ...OPEN, model: `${OPEN.model}?v=2#x` }).model, "https://example.org/models/mini/?v=2");
});

test("options that cannot be are refused by name", () => {
  for (const [change, words] of [
    [{ name: "" }, /name is ""/], [{ name: 3 }, /name is 3/], [{ model: "" }, /model/], [{ model: undefined }, /model is undefined/],
    [{ device: "cuda" }, /device is "cuda"/], [{ onOtherModel: "ask" }, /onOtherModel/], [{ wasm: 5 }, /wasm is 5/],
    [{ durability: "eager" }, /durability is "eager"/],
  ]) assert.throws(() => openAsk({ ...OPEN, ...change }), rejected(words));
});

test("a key is 32 bytes or the browser's own, is copied, and is never shown", () => {
  const key = new Uint8Array(32).fill(7);
  const { encryption } = openAsk({ ...OPEN, encryption: { key } });
  assert.deepEqual(encryption, key);
  assert.notEqual(encryption.buffer, key.buffer);
  assert.equal(openAsk({ ...OPEN, encryption: "device" }).encryption, "device");
  for (const encryption of ["secret-words", { key: "secret-words" }, {}, null, { key: key.subarray(1) }, key]) {
    assert.throws(() => openAsk({ ...OPEN, encryption }), (error) => rejected(/encryption/)(error) && !/secret|7/.test(error.message));
  }
});

test("a page's content is UTF-8 and a copy", () => {
  assert.deepEqual([...pageAsk({ url: "u", text: "é" }).content], [0xc3, 0xa9]);
  assert.deepEqual([...pageAsk({ url: "u", markdown: "a" }).content], [97]);
  const all = new Uint8Array([1, 2, 3, 4]);
  const { content, format, title } = pageAsk({ url: "u", html: all.subarray(1, 3) });
  assert.deepEqual([format, title, [...content], content.buffer.byteLength], ["html", null, [2, 3], 2]);
  all.fill(9);
  assert.deepEqual([...content], [2, 3]);
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  assert.ok(pageAsk({ url: "u", html: shared }).content.buffer instanceof ArrayBuffer);
  assert.deepEqual([...pageAsk({ url: "u", html: all.buffer }).content], [9, 9, 9, 9]);
});

test("HTML given as a string is decoded already: a byte order mark outranks its meta charset", () => {
  assert.deepEqual([...pageAsk({ url: "u", html: "é" }).content], [...BOM, 0xc3, 0xa9]);
});

test("pages that cannot be are refused", () => {
  for (const [page, words] of [
    [{ url: "", text: "a" }, /url is ""/], [{ text: "a" }, /url is undefined/], [{ url: "u" }, /it has none/],
    [{ url: "u", html: "a", text: "a" }, /it has html and text/], [{ url: "u", text: 5 }, /text is 5/],
    [{ url: "u", text: new Uint8Array() }, /text is .*: give a string/], [{ url: "u", html: null }, /html is null/],
    [{ url: "u", title: 1, text: "a" }, /title is 1/],
  ]) assert.throws(() => pageAsk(page), rejected(words));
});

test("counts are whole numbers from 1", () => {
  assert.equal(wholeNumber("limit", 1), 1);
  for (const value of [0, -1, 1.5, NaN, Infinity, "3", null, 2 ** 40]) {
    assert.throws(() => wholeNumber("limit", value), rejected(/limit/));
  }
});
