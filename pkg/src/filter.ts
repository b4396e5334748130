/** What narrows a search, as JSON for the core: dates become numbers here, and the core checks the rest and names the place. */
import { BurrowError } from "./error.js";
import { dateMs, wellFormed, wholeNumber, wrong } from "./input.js";
import type { PagesAsk, SearchAsk } from "./protocol.js";
import type { FacetAsk, Filter, PagesOptions, SearchMode, SearchOptions, Sort } from "./types.js";

/** The core refuses deeper filters; here it ends those that hold themselves. */
const DEPTH_MAX = 64;
/** Operators that compare numbers and dates. */
const COMPARISONS = ["gte", "gt", "lte", "lt"];
const MODES: SearchMode[] = ["hybrid", "semantic", "keyword"];
const SORTS: Sort[] = ["relevance", "newest", "oldest"];
/** What begins like a date of ISO 8601. `Date.parse` alone takes almost anything. */
const ISO_DATE = /^(\d{4}|[+-]\d{6})(-\d\d(-\d\d(T.*)?)?)?$/;
/** More pages than an index can hold. */
const ALL_PAGES = 2 ** 31;

/** A filter as the core reads it; null where none is given. */
export function filterJson(filter: Filter | undefined): string | null {
  return filter === undefined ? null : JSON.stringify(filterPart(filter, "filter", 0));
}

/** What to count, as the core reads it; null where nothing is asked for. */
export function facetsJson(facets: (string | FacetAsk)[] | undefined): string | null {
  if (facets === undefined) return null;
  if (!Array.isArray(facets)) throw wrong("facets", facets, "an array of names of fields, or of {field, limit, by}");
  return JSON.stringify(facets.map((facet) => {
    const ask: FacetAsk = typeof facet === "string" ? { field: facet } : facet;
    if (typeof ask !== "object" || ask === null || typeof ask.field !== "string") throw wrong("facets", facet, "names of fields, or {field, limit, by}");
    const { field, limit, by } = ask;
    if (by !== undefined && !["year", "month", "day"].includes(by)) throw wrong("facets.by", by, '"year", "month" or "day"');
    return { field: wellFormed(field), limit: limit === undefined ? limit : wholeNumber("facets.limit", limit), by };
  }));
}

/** An order, with its default. */
export function sortName(sort: Sort = "relevance"): Sort {
  if (!SORTS.includes(sort)) throw wrong("sort", sort, '"relevance", "newest" or "oldest"');
  return sort;
}

/** Checks what is searched for. What the core checks, with the place named, is left to it. */
export function searchAsk(query: string, options: SearchOptions): SearchAsk {
  if (typeof query !== "string") throw new BurrowError("input", `The query is ${typeof query}: give a string.`);
  const { limit = 10, oversampling, mode = "hybrid", weights, prefix, rescore, exact, filter, facets, sort } = options;
  if (!MODES.includes(mode)) throw wrong("mode", mode, '"hybrid", "semantic" or "keyword"');
  const choices = {
    limit: wholeNumber("limit", limit),
    oversampling: oversampling === undefined ? undefined : wholeNumber("oversampling", oversampling),
    mode, weights, prefix, rescore, exact, sort: sortName(sort),
  };
  return { query, mode, options: JSON.stringify(choices), filter: filterJson(filter), facets: facetsJson(facets) };
}

/** Checks which pages are to be listed. */
export function pagesAsk({ filter, sort, offset = 0, limit = ALL_PAGES }: PagesOptions): PagesAsk {
  if (offset !== 0) wholeNumber("offset", offset);
  return { filter: filterJson(filter), sort: sortName(sort), offset, limit: wholeNumber("limit", limit) };
}

/** A filter or any part of it. Only what JSON cannot say is changed or refused. */
function filterPart(value: unknown, place: string, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new BurrowError("limit", `The filter lies more than ${DEPTH_MAX} deep, at ${place.slice(0, 100)}: give less.`);
  if (typeof value === "string") return wellFormed(value);
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  if (value instanceof Date) return dateMs(place, value);
  if (Array.isArray(value)) return value.map((item, number) => filterPart(item, `${place}[${number}]`, depth + 1));
  if (!isPlain(value)) throw wrong(place, value, "a string, a number, a date, an array of them, or an object");
  const parts = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(parts.map(([name, part]) => {
    const at = `${place}.${name}`;
    return [wellFormed(name), COMPARISONS.includes(name) && typeof part === "string" ? isoMs(at, part) : filterPart(part, at, depth + 1)];
  }));
}

/** What an array, a map or another class holds would be lost on the way. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isoMs(place: string, text: string): number {
  const ms = ISO_DATE.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) throw wrong(place, text, 'a number, a Date, or a date such as "2026-11-21" or "2026-11-21T09:30:00Z"');
  return ms;
}
