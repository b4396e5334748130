/** What is noted of an index outside of its database: a loss is told, and an interruption is none. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Note } from "../build/note.js";

// Node has had one since version 21; it is no Chromium.
globalThis.navigator ??= {};

let kept;
beforeEach(() => {
  const cached = new Map();
  const match = async (key) => cached.has(key) ? new Response(cached.get(key)) : undefined;
  const put = async (key, response) => void cached.set(key, await response.text());
  globalThis.caches = { open: async () => ({ match, put, delete: async (key) => cached.delete(key) }) };
  kept = null;
});

/** The tab that writes opens the index, which has so many pages. */
async function opened(pages) {
  const note = await Note.read("index", kept, (text) => (kept = text));
  await note.opened(pages, false, true);
  return note;
}

/** Waits until all is written down; a tab that only follows changes nothing. */
const saved = (note) => note.opened(0, false, false);

/** A tab that opens the index and comes to rest. */
async function rested(pages) {
  const note = await opened(pages);
  note.seen(pages, true);
  await saved(note);
}

/** A tab that opens the index and is interrupted while it writes. */
async function interrupted(pages) {
  const note = await opened(pages);
  note.changed();
  await saved(note);
}

test("pages that are gone at rest are told", async () => {
  await rested(160);
  assert.equal((await opened(150)).lost, 160);
});

test("pages that are gone after a writer was interrupted may have been removed, also where the next is interrupted at once", async () => {
  await rested(160);
  await interrupted(160);
  for (const pages of [150, 140]) {
    const note = await opened(pages);
    assert.equal(note.lost, 0, `${pages} pages`);
    await saved(note);
  }
});

test("who was interrupted before the cache had heard of it counts as interrupted", async () => {
  await rested(160);
  globalThis.caches.open = ((open) => async () => ({ ...await open(), put: () => new Promise(() => {}) }))(globalThis.caches.open);
  (await opened(160)).changed();
  assert.equal((await opened(150)).lost, 0);
});

test("who was interrupted and has come to rest again is told of what is gone since", async () => {
  await rested(160);
  await interrupted(160);
  await rested(150);
  assert.equal((await opened(140)).lost, 150);
});
