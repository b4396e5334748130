/** What the package offers. */
export { Burrow } from "./client.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, Condition, DownloadStep, ErrorKind, ExportOptions, Facet, FacetAsk, FieldValue, Filter, Hit, ImportOptions,
  ImportResult, KeptModel, Mark, OpenOptions, Operators, PageInfo, PageInput, PagesOptions, Progress, SearchMode, SearchOptions, SearchResult, Sort,
  Status,
} from "./types.js";
