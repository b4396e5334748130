/** What the package offers. */
export { Burrow } from "./client.js";
export type { QueueControl } from "./control.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, Condition, DownloadStep, EnqueueOptions, EnqueueResult, ErrorKind, ExportOptions, Facet, FacetAsk, FailedPage,
  FieldValue, Filter, Hit, ImportOptions, ImportResult, KeptModel, Mark, OpenOptions, Operators, PageInfo, PageInput, PagesOptions, Priority,
  Progress, QueueMode, QueueStatus, SearchMode, SearchOptions, SearchResult, Sort, Status,
} from "./types.js";
