/** What may be said of a page and of the pages meant, and the JSON in which it goes to the core. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { facetsJson, filterJson, pagesAsk, sortName } from "../build/filter.js";
import { pageAsk } from "../build/input.js";

const DAY = Date.UTC(2026, 10, 21);
const rejected = (words, kind = "input") => (error) => error.kind === kind && words.test(error.message);
const factsOf = (more) => JSON.parse(pageAsk({ url: "u", text: "a", ...more }).facts);
const through = (filter) => JSON.parse(filterJson(filter));

test("facts go as JSON, dates told from numbers", () => {
  const fields = { s: "é", n: 1.5, d: new Date(DAY), l: ["b", "a"], u: undefined };
  assert.deepEqual(factsOf({ fields, time: new Date(5) }), { fields: { s: "é", n: 1.5, d: { date: DAY }, l: ["b", "a"] }, time: 5 });
  assert.deepEqual(factsOf({ time: 0 }), { fields: {}, time: 0 });
  assert.equal(pageAsk({ url: "u", text: "a" }).facts, null);
  assert.equal(factsOf({ time: 1.9 }).time, 1);
});

test("no name or text is lost or unreadable on the way", () => {
  const fields = JSON.parse('{"__proto__": "x"}');
  assert.equal(pageAsk({ url: "u", text: "a", fields }).facts, '{"fields":{"__proto__":"x"}}');
  assert.equal(factsOf({ fields: { a: "\uD800b", "\uDC00": ["🦊\uD83E"] } }).fields.a, "\uFFFDb");
  assert.deepEqual(factsOf({ fields: { "\uDC00": ["🦊\uD83E"] } }).fields, { "\uFFFD": ["🦊\uFFFD"] });
  assert.deepEqual(through({ a: "\uD800" }), { a: "\uFFFD" });
});

test("facts that cannot be are refused by name", () => {
  for (const [more, words] of [
    [{ fields: [] }, /fields is : give an object/], [{ fields: "a" }, /fields is "a"/], [{ fields: null }, /fields is null/],
    [{ fields: { a: null } }, /fields\.a is null/], [{ fields: { a: NaN } }, /fields\.a is NaN/], [{ fields: { a: true } }, /fields\.a is true/],
    [{ fields: { a: ["b", 1] } }, /fields\.a is b,1/], [{ fields: { a: { b: 1 } } }, /fields\.a/], [{ fields: { a: 1n } }, /fields\.a/],
    [{ fields: { a: new Date(NaN) } }, /fields\.a is Invalid Date/], [{ time: "2026" }, /time is "2026"/], [{ time: NaN }, /time is NaN/],
    [{ time: 9e15 }, /time is 9000000000000000/], [{ time: null }, /time is null/],
  ]) assert.throws(() => factsOf(more), rejected(words));
});

test("a filter goes as it is, dates and ISO strings as milliseconds", () => {
  const filter = {
    lang: ["en", "de"], year: { gte: 2020, lt: 2024 }, tags: { all: ["a"], none: ["x"] }, author: { exists: false }, gone: undefined,
    time: { gte: "2026-11-21", lt: new Date(DAY) }, on: new Date(DAY), days: { any: [new Date(DAY), "2026-11-21"] },
    or: [{ url: { prefix: "https://e.org/" } }, { not: { site: "e.org" } }],
  };
  assert.deepEqual(through(filter), {
    lang: ["en", "de"], year: { gte: 2020, lt: 2024 }, tags: { all: ["a"], none: ["x"] }, author: { exists: false },
    time: { gte: DAY, lt: DAY }, on: DAY, days: { any: [DAY, "2026-11-21"] },
    or: [{ url: { prefix: "https://e.org/" } }, { not: { site: "e.org" } }],
  });
  assert.equal(filterJson(undefined), null);
  assert.equal(through({ time: { gt: "2026-11-21T01:00:00+01:00" } }).time.gt, DAY);
});

test("a filter that cannot be is refused with its place", () => {
  const itself = {};
  itself.not = itself;
  for (const [filter, words, kind] of [
    [null, /filter is null/], [{ a: null }, /filter\.a is null/], [{ a: NaN }, /filter\.a is NaN/], [{ a: { gte: "soon" } }, /filter\.a\.gte is "soon"/],
    [{ a: { lt: "2026-13-01" } }, /filter\.a\.lt/], [{ and: [{}, { a: new Map() }] }, /filter\.and\[1\]\.a is \[object Map\]/],
    [{ a: new Date(NaN) }, /filter\.a is Invalid Date/], [{ a: () => 1 }, /filter\.a/], [itself, /64 deep/, "limit"],
  ]) assert.throws(() => filterJson(filter), rejected(words, kind));
});

test("facets are names, or say more", () => {
  assert.deepEqual(JSON.parse(facetsJson(["tags", { field: "time", by: "month", limit: 3 }])), [{ field: "tags" }, { field: "time", limit: 3, by: "month" }]);
  assert.equal(facetsJson(undefined), null);
  for (const [facets, words] of [
    ["tags", /facets is "tags"/], [[1], /facets is 1/], [[null], /facets is null/], [[{ limit: 3 }], /facets/], [[{ field: "a", limit: 0 }], /facets\.limit is 0/],
    [[{ field: "a", by: "week" }], /facets\.by is "week"/],
  ]) assert.throws(() => facetsJson(facets), rejected(words));
});

test("an order and a listing have their defaults", () => {
  assert.deepEqual(pagesAsk({}), { filter: null, sort: "relevance", offset: 0, limit: 2 ** 31 });
  assert.deepEqual(pagesAsk({ filter: {}, sort: "newest", offset: 2, limit: 3 }), { filter: "{}", sort: "newest", offset: 2, limit: 3 });
  for (const sort of ["date", null, 1]) assert.throws(() => sortName(sort), rejected(/sort is/));
  for (const offset of [-1, 0.5, "0"]) assert.throws(() => pagesAsk({ offset }), rejected(/offset is/));
});
