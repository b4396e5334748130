/** What the package offers. */
export { Burrow } from "./client.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, Condition, DownloadStep, ErrorKind, Facet, FacetAsk, FieldValue, Filter, Hit, KeptModel, Mark, OpenOptions,
  Operators, PageInfo, PageInput, PagesOptions, Progress, SearchOptions, SearchResult, Sort, Status,
} from "./types.js";
