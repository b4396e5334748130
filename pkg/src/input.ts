/** Checks what a caller gives, who may not use TypeScript, and fills in the defaults. */
import { BurrowError } from "./error.js";
import type { EnqueueAsk, OpenAsk, PageAsk, PageFormat } from "./protocol.js";
import type { EnqueueOptions, OpenOptions, PageInput, QueueMode } from "./types.js";

/** Says that a string is UTF-8, whatever encoding a page's `meta charset` names: a string has been decoded already. */
const BYTE_ORDER_MARK = "\uFEFF";

/** AES with 256 bits. */
const KEY_BYTES = 32;

/** Checks how an index is to be opened, and makes its addresses absolute. */
export function openAsk({ name, model, device = "auto", wasm, onOtherModel = "error", measureSoftware = false, ...kept }: OpenOptions): OpenAsk {
  if (typeof name !== "string" || name === "") throw wrong("name", name, "the name of the index, a string that is not empty");
  if (!["auto", "webgpu", "cpu"].includes(device)) throw wrong("device", device, '"auto", "webgpu" or "cpu"');
  if (!["error", "clear"].includes(onOtherModel)) throw wrong("onOtherModel", onOtherModel, '"error" or "clear"');
  return {
    name, device, onOtherModel, measureSoftware, ...keptAsk(kept),
    model: folder("model", model),
    wasm: wasm === undefined ? null : folder("wasm", wasm),
    note: null,
  };
}

/** Checks how an index is to be kept. A key of bytes is copied, and what is wrong with it is not shown. */
function keptAsk({ durability = "relaxed", encryption }: Pick<OpenOptions, "durability" | "encryption">): Pick<OpenAsk, "durability" | "encryption"> {
  if (!["relaxed", "strict"].includes(durability)) throw wrong("durability", durability, '"relaxed" or "strict"');
  if (encryption === undefined || encryption === "device") return { durability, encryption: encryption ?? null };
  const key: unknown = typeof encryption === "object" && encryption !== null ? encryption.key : undefined;
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return { durability, encryption: new Uint8Array(key) };
  if (globalThis.CryptoKey && key instanceof CryptoKey) return { durability, encryption: key };
  throw new BurrowError("input", `The option encryption cannot be used: give "device", or { key } with a CryptoKey or ${KEY_BYTES} bytes as a Uint8Array.`);
}

/** Checks a page. Its content is copied. */
export function pageAsk({ url, title, html, markdown, text, fields, time }: PageInput): PageAsk {
  if (typeof url !== "string" || url === "") throw wrong("url", url, "the page's address, a string that is not empty");
  if (title !== undefined && typeof title !== "string") throw wrong("title", title, "a string");
  const given: [PageFormat, unknown][] = [["html", html], ["markdown", markdown], ["text", text]];
  const [first, ...more] = given.filter(([, content]) => content !== undefined);
  if (!first || more.length > 0) {
    const names = [first, ...more].flatMap((one) => one?.[0] ?? []).join(" and ") || "none";
    throw new BurrowError("input", `The page ${url} must have one of html, markdown and text; it has ${names}.`);
  }
  const [format, content] = first;
  return { url, title: title ?? null, format, content: bytesOf(format, content), facts: factsJson(fields, time) };
}

/** What is said of a page besides its content, as the core reads it; null where nothing is. */
function factsJson(fields: unknown, time: unknown): string | null {
  if (fields === undefined && time === undefined) return null;
  if (fields !== undefined && (typeof fields !== "object" || fields === null || Array.isArray(fields))) throw wrong("fields", fields, "an object");
  const given = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
  const facts = given.map(([name, value]: [string, unknown]) => [wellFormed(name), fact(`fields.${name}`, value)]);
  return JSON.stringify({ fields: Object.fromEntries(facts), time: time === undefined ? undefined : dateMs("time", time) });
}

/** A field's value as JSON: a date is told from a number. */
function fact(name: string, value: unknown): unknown {
  if (typeof value === "string") return wellFormed(value);
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Date) return { date: dateMs(name, value) };
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.map(wellFormed);
  throw wrong(name, value, "a string, a finite number, a Date or an array of strings");
}

/** A time in milliseconds since 1970. */
export function dateMs(name: string, value: unknown): number {
  const date = new Date(typeof value === "number" || value instanceof Date ? value : NaN);
  if (Number.isNaN(date.getTime())) throw wrong(name, value, "a valid Date, or its milliseconds since 1970");
  return date.getTime();
}

/** As a page's content is encoded: half a surrogate pair is no character, and what reads JSON refuses it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** Checks pages that are to wait. Their contents are copied. */
export function enqueueAsk(pages: Iterable<PageInput>, { priority = "normal" }: EnqueueOptions): EnqueueAsk {
  if (!["visible", "normal", "background"].includes(priority)) throw wrong("priority", priority, '"visible", "normal" or "background"');
  if (typeof pages !== "object" || pages === null || !(Symbol.iterator in pages)) throw wrong("pages", pages, "a list of pages");
  return { pages: Array.from(pages, pageAsk), priority };
}

/** Checks a way of working. */
export function queueMode(mode: unknown): QueueMode {
  if (mode === "eager" || mode === "idle") return mode;
  throw wrong("mode", mode, '"eager" or "idle"');
}

/** A whole number of at least 1. */
export function wholeNumber(name: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1 || value > 2 ** 31) throw wrong(name, value, "a whole number from 1");
  return value;
}

function bytesOf(format: PageFormat, content: unknown): Uint8Array<ArrayBuffer> {
  if (typeof content === "string") return new TextEncoder().encode(format === "html" ? BYTE_ORDER_MARK + content : content);
  if (format !== "html") throw wrong(format, content, "a string");
  // `slice` copies just the part that a view shows, out of shared memory, too.
  if (content instanceof Uint8Array) return new Uint8Array(content);
  if (content instanceof ArrayBuffer) return new Uint8Array(content.slice(0));
  throw wrong(format, content, "a string, an ArrayBuffer or a Uint8Array");
}

/** The absolute address of a folder, with a slash at its end. */
export function folder(name: string, value: unknown): string {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const address = typeof value === "string" ? value : String(value instanceof URL ? value.href : "");
  if (address !== "" && URL.canParse(address, base)) {
    const url = new URL(address, base);
    url.hash = "";
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url.href;
  }
  throw wrong(name, value, "the address of a folder");
}

/** An option that cannot be used as it is. */
export function wrong(name: string, value: unknown, wanted: string): BurrowError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : String(value);
  return new BurrowError("input", `The option ${name} is ${shown}: give ${wanted}.`);
}
