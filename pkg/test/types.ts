/** What the shipped types promise. Checked by the compiler against `dist`, never run. */
import { Burrow, BurrowError, type DownloadStep, type ErrorKind, type Facet, type FailedPage, type Filter, type Hit, type ImportResult, type KeptModel, type Progress, type SearchResult, type Status } from "burrow-search";

/** Whether two types are the same, as the compiler sees it. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assert<_T extends true>(): void {}

const burrow = await Burrow.open({ name: "notes", model: "/models/all-MiniLM-L6-v2/" });
assert<Same<typeof burrow, Burrow>>();
assert<Same<typeof burrow.ready, Promise<Status>>>();

const { hits, status, timing } = await burrow.search("how do plants eat light?", { limit: 3, signal: AbortSignal.timeout(1000) });
assert<Same<typeof hits, Hit[]>>();
assert<Same<typeof status.device, "webgpu" | "cpu" | "none">>();
assert<Same<typeof status.deviceReason, string>>();
assert<Same<typeof status.measured, { webgpu: number; cpu: number } | null>>();
assert<Same<typeof status.threads, number>>();
assert<Same<typeof status.precision, "f16" | "f32" | "none">>();
assert<Same<typeof status.weights, "f32" | "f16" | "bf16" | "q8" | "q4" | "none">>();
assert<Same<typeof status.modelBytesKept, number>>();
assert<Same<typeof timing, { encodeMs: number; searchMs: number }>>();
assert<Same<ReturnType<Burrow["search"]>, Promise<SearchResult>>>();
assert<Same<ReturnType<Burrow["remove"]>, Promise<boolean>>>();
assert<Same<ReturnType<Burrow["close"]>, Promise<void>>>();
assert<Same<ReturnType<typeof Burrow.delete>, Promise<void>>>();
assert<Same<ReturnType<typeof Burrow.models>, Promise<KeptModel[]>>>();
assert<Same<typeof Burrow.clearModels, (model?: string) => Promise<void>>>();
assert<Same<Extract<Progress, { stage: "download" }>, DownloadStep>>();

await burrow.add({ url: "/a", html: new Uint8Array() });
await burrow.add({ url: "/b", title: "B", markdown: "# B" }, { signal: new AbortController().signal });

await burrow.add({ url: "/c", text: "c", time: new Date(), fields: { year: 2020, tags: ["a"], on: new Date(), by: "Ada" } });
const filter: Filter = {
  lang: ["en", "de"], year: { gte: 2020, lt: 2024 }, tags: { all: ["a"], none: ["b"] }, author: { exists: true }, on: new Date(),
  url: { prefix: "https://example.org/" }, time: { gte: "2026-01-01" }, or: [{ site: "example.org" }, { not: { tags: "b" } }],
};
const { facets } = await burrow.search("light", { filter, facets: ["tags", { field: "time", by: "month", limit: 3 }], sort: "newest" });
assert<Same<typeof facets, Facet[]>>();
await burrow.pages({ filter, sort: "oldest", offset: 10, limit: 10 });
assert<Same<ReturnType<Burrow["export"]>, Promise<ReadableStream<Uint8Array>>>>();
assert<Same<ReturnType<Burrow["import"]>, Promise<ImportResult>>>();
await burrow.import(await burrow.export({ signal: AbortSignal.timeout(1000) }), { onProgress: ({ pages, pagesTotal }) => pages / pagesTotal });
await burrow.import(new Blob());
await Burrow.open({ name: "notes", model: "/m/", durability: "strict", encryption: { key: new Uint8Array(32) } });
await Burrow.open({ name: "notes", model: "/m/", encryption: "device" });
assert<Same<typeof status.encrypted, boolean>>();
const { waiting } = await burrow.enqueue([{ url: "/c", text: "c" }], { priority: "visible" });
assert<Same<typeof waiting, number>>();
await burrow.queue.pause();
await burrow.queue.setMode("idle");
assert<Same<Awaited<ReturnType<typeof burrow.queue.failures>>, FailedPage[]>>();
assert<Same<Status["queue"]["secondsLeft"], number | null>>();
assert<Same<Status["role"], "writer" | "follower">>();
// @ts-expect-error: no such priority.
await burrow.enqueue([], { priority: "urgent" });

/** Every kind is handled, or this does not compile. */
export function advice(error: BurrowError): string {
  switch (error.kind) {
    case "input": case "empty": case "limit": return "Change what you give.";
    case "model": case "network": return "Fetch the model again.";
    case "locked": return "Give the key.";
    case "fingerprint": case "corrupt": return "Clear the index.";
    case "storage": case "storage-full": return "Make room.";
    case "device": case "worker": return "Open again.";
    case "aborted": case "closed": return "";
  }
}
assert<Same<BurrowError["kind"], ErrorKind>>();

/** A progress is told apart by its stage. */
export function share(progress: Progress): number | null {
  if (progress.stage === "index") return progress.windows / progress.windowsTotal;
  if (progress.stage === "download") return progress.bytesAll && progress.bytesLoaded / progress.bytesAll;
  return progress.stage === "ready" ? 1 : null;
}

// @ts-expect-error: a model is needed.
await Burrow.open({ name: "notes" });
// @ts-expect-error: the constructor is not for callers.
new Burrow();
// @ts-expect-error: an address is needed.
await burrow.add({ text: "a" });
// @ts-expect-error: a key is not given bare.
await Burrow.open({ name: "notes", model: "/m/", encryption: new Uint8Array(32) });
// @ts-expect-error: no such device.
await Burrow.open({ name: "notes", model: "/m/", device: "cuda" });
// @ts-expect-error: internals are not in the shipped types.
await import("../dist/error.js").then(({ toBurrowError }) => toBurrowError);
// @ts-expect-error: a field has no such value.
await burrow.add({ url: "/a", text: "a", fields: { a: true } });
// @ts-expect-error: no such order.
await burrow.pages({ sort: "date" });
