/** The demo's pure functions: marks, links to a passage, kinds of files, settings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFolder, modelLine, unlistedModel } from "../../www/src/models.js";
import { readSettings, withModel } from "../../www/src/settings.js";
import { contentKind, counted, passageUrl, roughSize, scoreTitle, shortName, stretches, textFragment, withoutTitleLine } from "../../www/src/text.js";

/** A small generator with a seed: the same marks in every run. */
function randoms(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

/** The naive twin: what each UTF-16 unit is marked as. */
function marksOfUnit(marks, at) {
  const over = marks.filter((mark) => mark.start <= at && at < mark.end).map((mark) => mark.kind);
  return { sentence: over.includes("sentence"), word: over.includes("word") };
}

test("stretches rejoin to the excerpt and carry the marks of every unit", () => {
  const excerpt = "Größe 😀 of a naïve excerpt, with words.";
  const random = randoms(7);
  for (let round = 0; round < 300; round += 1) {
    const marks = Array.from({ length: random(5) }, () => {
      const start = random(excerpt.length);
      return { start, end: start + 1 + random(excerpt.length - start), kind: random(2) ? "word" : "sentence" };
    });
    const made = stretches(excerpt, marks);
    assert.equal(made.map((stretch) => stretch.text).join(""), excerpt);
    let at = 0;
    for (const { text, sentence, word } of made) {
      assert.deepEqual({ sentence, word }, marksOfUnit(marks, at));
      at += text.length;
    }
  }
});

test("marks that lie outside the excerpt are left out", () => {
  const made = stretches("abc", [{ start: 1, end: 9, kind: "word" }, { start: -1, end: 2, kind: "sentence" }, { start: 2, end: 2, kind: "word" }]);
  assert.deepEqual(made, [{ text: "abc", sentence: false, word: false }]);
});

test("a text fragment names the first and last words and escapes its own syntax", () => {
  assert.equal(textFragment("Short and well-known, it is."), ":~:text=Short%20and%20well%2Dknown%2C%20it%20is.");
  assert.equal(textFragment("one two three four five six seven eight nine"), ":~:text=one%20two%20three%20four,six%20seven%20eight%20nine");
  assert.equal(textFragment("a\nthe longer line"), ":~:text=the%20longer%20line");
  assert.equal(textFragment("Saint-Malo | about 12 metres"), ":~:text=about%2012%20metres");
  assert.equal(textFragment(" … "), "");
});

test("a hit opens at its anchor and its sentence", () => {
  const hit = { url: "http://localhost/a.html#old", title: "", score: 0, headings: [], passage: 0, anchor: "größe",
    excerpt: "Before. The sentence. After.", marks: [{ start: 8, end: 21, kind: "sentence" }] };
  assert.equal(passageUrl(hit), "http://localhost/a.html#gr%C3%B6%C3%9Fe:~:text=The%20sentence.");
  assert.equal(passageUrl({ ...hit, anchor: undefined, excerpt: "", marks: [] }), "http://localhost/a.html");
});

test("the number beside a hit is what the order goes by, and says what it is made of", () => {
  const both = scoreTitle({ cosine: 0.531, bm25: 7.25 });
  assert.match(both, /order of this number.*meaning \(cosine 0\.53\) and words of the question \(BM25 7\.3\)/);
  assert.match(scoreTitle({ cosine: 0.4 }), /has nearness in meaning \(cosine 0\.40\)\.$/);
  assert.match(scoreTitle({ bm25: 12 }), /has words of the question \(BM25 12\.0\)\.$/);
});

test("a first line that repeats the title is left out, and the marks move with the text", () => {
  const hit = { url: "u", title: "Tea", score: 0, headings: [], passage: 0, excerpt: "Tea\nGreen tea.",
    marks: [{ start: 0, end: 3, kind: "word" }, { start: 4, end: 14, kind: "sentence" }, { start: 10, end: 13, kind: "word" }] };
  const shown = withoutTitleLine(hit);
  assert.equal(shown.excerpt, "Green tea.");
  assert.deepEqual(shown.marks.map(({ start, end }) => [start, end]), [[0, 10], [6, 9]]);
  const marked = { ...hit, marks: [{ start: 0, end: 3, kind: "sentence" }] };
  assert.equal(withoutTitleLine(marked), marked);
  for (const excerpt of ["Tea", "Tea\n", "Teapot\nTea"]) assert.equal(withoutTitleLine({ ...hit, excerpt, marks: [] }).excerpt, excerpt);
});

test("files are known by their ending", () => {
  assert.deepEqual(["a.HTML", "b/c.htm", "d.md", "e.Markdown", "f.txt"].map(contentKind), ["html", "html", "markdown", "markdown", "text"]);
  assert.deepEqual(["photo.jpg", "README", "x.html.zip"].map(contentKind), [null, null, null]);
});

test("names and counts read well", () => {
  assert.equal(shortName("http://localhost/user-pages/001/source.html"), "001");
  assert.equal(shortName("dropped:notes/tea%20time.md"), "tea time.md");
  assert.equal(shortName("dropped:100%.md"), "100%.md");
  assert.deepEqual([counted(1, "page"), counted(1200, "page")], ["1 page", "1,200 pages"]);
});

test("settings come from the address, and what cannot be is the default", () => {
  const plain = readSettings("http://localhost:8080/?device=toaster&q=why");
  assert.deepEqual([plain.device, plain.query, plain.name, plain.bundled], ["auto", "why", "demo", true]);
  assert.equal(plain.pages, "http://localhost:8080/pages/index.json");
  const own = readSettings("http://localhost:8080/?pages=/user-pages/list.json&model=/model/other/&device=cpu");
  assert.deepEqual([own.device, own.bundled, own.name], ["cpu", false, "demo /user-pages/list.json, model /model/other/"]);
  assert.equal(own.model, "http://localhost:8080/model/other/");
});

test("each model has an index of its own, and the default one keeps the name it always had", () => {
  const here = "http://localhost:8080/?q=why&name=notes";
  const name = (model) => readSettings(withModel(here, model)).name;
  assert.equal(name("http://localhost:8080/model/all-MiniLM-L6-v2/"), "notes");
  assert.equal(name("http://localhost:8080/model/a%20b/"), "notes, model /model/a%20b/");
  const other = withModel(here, "http://localhost:8080/model/a%20b/");
  assert.deepEqual([readSettings(other).model, readSettings(other).query], ["http://localhost:8080/model/a%20b/", "why"]);
  assert.equal(withModel(other, readSettings(here).model), here);
});

test("a model's folder is an address on the page's own server, else it is said why not", () => {
  const check = (typed) => checkFolder(typed, "http://localhost:8080/demo/");
  assert.deepEqual(check(" /model/mini "), { href: "http://localhost:8080/model/mini/" });
  assert.deepEqual(check("model/mini/?a#b"), { href: "http://localhost:8080/demo/model/mini/" });
  assert.deepEqual(check("http://localhost:8080/m"), { href: "http://localhost:8080/m/" });
  assert.match(check("  ").problem, /Give the address of a folder/);
  assert.match(check("http://[").problem, /“http:\/\/\[” is not an address/);
  for (const typed of ["https://models.example/mini/", "//models.example/mini/", "http://localhost:8081/m/", "file:///models/mini/", "C:\\models\\mini", "javascript:1"]) {
    assert.match(check(typed).problem, /own server alone, http:\/\/localhost:8080,/, typed);
  }
  const settings = readSettings("http://localhost:8080/?model=https://models.example/mini/");
  assert.match(settings.problem, /own server alone/);
  assert.equal(readSettings("http://localhost:8080/").problem, null);
});

test("a model reads as one line", () => {
  assert.equal(modelLine({ name: "pplx-embed-v1-0.6b", href: "", weights: "q8", bytes: 640e6 }), "pplx-embed-v1-0.6b, q8, 640 MB");
  assert.equal(modelLine({ name: "mini", href: "", weights: null, bytes: 91_335_235 }), "mini, 91 MB");
  assert.equal(modelLine(unlistedModel("http://localhost/model/a%20b/")), "a b");
  assert.deepEqual([roughSize(479_256), roughSize(9.9e6), roughSize(2.38e9)], ["0.5 MB", "9.9 MB", "2.4 GB"]);
});
