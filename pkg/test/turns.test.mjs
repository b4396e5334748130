/** The lock: one at a time, the urgent first, and no failure blocks the next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { messagesHandled, Turns } from "../build/turns.js";

test("one at a time, the urgent before the patient, each in its order", async () => {
  const turns = new Turns();
  const seen = [];
  let running = 0;
  const work = (name) => async () => {
    assert.equal(++running, 1);
    seen.push(name);
    await messagesHandled();
    running--;
  };
  await Promise.all([
    turns.run(work("a")), turns.run(work("b")), turns.run(work("c")),
    turns.run(work("!"), { urgent: true }), turns.run(work("!!"), { urgent: true }),
  ]);
  assert.deepEqual(seen, ["a", "!", "!!", "b", "c"]);
});

test("a failure is its own caller's, and the turn passes on", async () => {
  const turns = new Turns();
  const failing = turns.run(() => { throw new Error("mine"); });
  const next = turns.run(() => "yours");
  await assert.rejects(failing, { message: "mine" });
  assert.equal(await next, "yours");
  assert.equal(await turns.run(async () => "free again"), "free again");
});

test("nobody slips in while the lock is handed over", async () => {
  const turns = new Turns();
  const seen = [];
  const first = turns.run(() => seen.push("first")).then(() => turns.run(() => seen.push("late")));
  const second = turns.run(async () => { seen.push("second"); await messagesHandled(); seen.push("second ends"); });
  await Promise.all([first, second]);
  assert.deepEqual(seen, ["first", "second", "second ends", "late"]);
});

test("a turn that is lent goes on when all work between is done, and nobody else comes first", async () => {
  const turns = new Turns();
  const seen = [];
  const say = (name) => async () => {
    seen.push(name);
    await messagesHandled();
  };
  const long = turns.run(async () => {
    seen.push("long begins");
    // Those who come while it runs: nobody waits yet.
    for (const name of ["?", "??"]) void turns.run(say(name), { between: true });
    const urgent = turns.run(say("!"), { urgent: true });
    const patient = turns.run(say("patient"));
    await turns.lend();
    seen.push("long goes on");
    await turns.lend();
    seen.push("long ends");
    return [urgent, patient];
  });
  await Promise.all(await long);
  assert.deepEqual(seen, ["long begins", "?", "??", "long goes on", "long ends", "!", "patient"]);
  assert.equal(await turns.run(() => "free again"), "free again");
});

test("work between that fails gives the turn back all the same", async () => {
  const turns = new Turns();
  const outcome = await turns.run(async () => {
    const failing = turns.run(() => { throw new Error("mine"); }, { between: true });
    await turns.lend();
    return failing.catch(({ message }) => message);
  });
  assert.equal(outcome, "mine");
});

test("messages are heard now and then, not at every pause", async () => {
  const turns = new Turns();
  await turns.run(async () => {
    await turns.lend();
    assert.equal(turns.lend(), undefined);
    void turns.run(() => {}, { between: true });
    assert.notEqual(turns.lend(), undefined);
  });
});
