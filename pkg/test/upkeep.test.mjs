/** Upkeep by itself: steps with room between them, by itself after changes, and no more when it is stopped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "../build/turns.js";
import { Upkeep } from "../build/upkeep.js";

/** An index that has so many steps to do. */
function index({ steps = 3, fails = 0 } = {}) {
  const calls = [];
  let left = steps;
  let failures = fails;
  return {
    calls,
    async verifyBegin() { calls.push("begin"); return 7; },
    async verifyNext(number) {
      assert.equal(number, 7);
      calls.push("next");
      left -= 1;
      return left > 0 ? undefined : [{ message: "something" }];
    },
    transferEnd(number) { calls.push(`end ${number}`); },
    async repair() { return { saved: [], lost: ["u"], leftOver: 0 }; },
    async compact() {
      calls.push("compact");
      if (failures > 0) { failures -= 1; throw new Error("The disk is full."); }
      left -= 1;
      return left > 0;
    },
  };
}

const SOON = { restMs: 1, stepRestMs: 1 };

async function until(holds) {
  while (!holds()) await rest(1);
}

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("a query comes between two steps of a verification", async () => {
  const [storing, fake] = [new Turns(), index()];
  const verified = new Upkeep(fake, storing).verify(new AbortController().signal);
  await rest(0);
  await storing.run(() => fake.calls.push("query"), { urgent: true });
  assert.deepEqual(await verified, [{ message: "something" }]);
  assert.ok(fake.calls.indexOf("query") < fake.calls.lastIndexOf("next"), fake.calls.join());
  assert.equal(fake.calls.at(-1), "end 7");
});

test("a verification and a tidying end when they are aborted", async () => {
  const fake = index({ steps: Infinity });
  const upkeep = new Upkeep(fake, new Turns());
  const ending = new AbortController();
  const both = [upkeep.verify(ending.signal), upkeep.compact(ending.signal)];
  await rest(5);
  ending.abort(new Error("enough"));
  for (const one of both) await assert.rejects(one, /enough/);
  const count = fake.calls.length;
  await rest(5);
  assert.equal(fake.calls.length, count);
  assert.ok(fake.calls.includes("end 7"));
});

test("after a change it is tidied to the end, and not before the next change again", async () => {
  const fake = index({ steps: 2 });
  const upkeep = new Upkeep(fake, new Turns(), SOON);
  upkeep.changed();
  upkeep.changed();
  assert.deepEqual(fake.calls, []);
  await until(() => fake.calls.length === 2);
  await rest(20);
  assert.deepEqual(fake.calls, ["compact", "compact"]);
  upkeep.changed();
  upkeep.stop();
  await rest(20);
  assert.equal(fake.calls.length, 2);
});

test("it tells when it has come to rest: when all is tidy and nothing has changed for a while", async () => {
  const told = [];
  const upkeep = new Upkeep(index({ steps: 2 }), new Turns(), { ...SOON, onStep: (isAtRest) => told.push(isAtRest) });
  upkeep.changed();
  await until(() => told.includes(true));
  assert.deepEqual(told, [false, false, true]);
  upkeep.changed();
  await until(() => told.length === 5);
  await rest(20);
  assert.deepEqual(told.slice(3), [false, true]);
});

test("a failure waits for the next change", async () => {
  const fake = index({ steps: 1, fails: 1 });
  const upkeep = new Upkeep(fake, new Turns(), SOON);
  upkeep.changed();
  await until(() => fake.calls.length === 1);
  await rest(20);
  assert.deepEqual(fake.calls, ["compact"]);
  upkeep.changed();
  await until(() => fake.calls.length === 2);
  assert.deepEqual(await upkeep.repair(), { saved: [], lost: ["u"], leftOver: 0 });
});
