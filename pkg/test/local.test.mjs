/** What the page keeps in `localStorage`: tries of a page that crash, and those that are only left. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { keepNote, keptNote, Tries } from "../build/local.js";

let stored;
beforeEach(() => {
  stored = new Map();
  globalThis.localStorage = {
    getItem: (key) => stored.get(key) ?? null,
    setItem: (key, text) => stored.set(key, text),
    removeItem: (key) => stored.delete(key),
  };
});

test("a page that comes to no end is counted in every tab that begins it, until it ends", () => {
  assert.equal(new Tries("a").begin("u"), 1);
  assert.equal(new Tries("a").begin("u"), 2);
  assert.equal(new Tries("b").begin("u"), 1, "another index has its own");
  const tries = new Tries("a");
  assert.deepEqual([tries.begin("v"), tries.begin("u")], [1, 3]);
  tries.end("u");
  assert.deepEqual([tries.begin("u"), new Tries("a").begin("v")], [1, 2]);
});

test("a tab that is left takes back what it has begun, and no more", () => {
  new Tries("a").begin("u");
  const left = new Tries("a");
  left.begin("u");
  left.begin("v");
  left.leave();
  left.leave();
  assert.deepEqual([new Tries("a").begin("u"), new Tries("a").begin("v")], [2, 1]);
});

test("what is damaged, or cannot be kept, counts as nothing", () => {
  for (const text of ["{", "7", '[["u"]]', '[["u","x"]]', "[5]", "null"]) {
    stored.set("burrow-tries:a", text);
    assert.equal(new Tries("a").begin("u"), 1, text);
  }
  globalThis.localStorage = { getItem() { throw new Error("refused"); }, setItem() { throw new Error("refused"); } };
  const tries = new Tries("a");
  assert.deepEqual([tries.begin("u"), keptNote("a")], [1, null]);
  tries.end("u");
  keepNote("a", "x");
});

test("a note is kept by the name of its index", () => {
  keepNote("a", "x");
  assert.deepEqual([keptNote("a"), keptNote("b")], ["x", null]);
  keepNote("a", null);
  assert.deepEqual([keptNote("a"), stored.size], [null, 0]);
});
