/** What the package offers. */
export { Burrow } from "./client.js";
export type { QueueControl } from "./control.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, Condition, DownloadStep, EnqueueOptions, EnqueueResult, ErrorKind, ExportOptions, Facet, FacetAsk, FailedPage,
  FieldValue, Filter, Hit, ImportOptions, ImportResult, KeptModel, Mark, Measured, OpenOptions, Operators, PageInfo, PageInput, PagesOptions, Priority,
  Problem, Progress, QueueMode, QueueStatus, RepairResult, SearchMode, SearchOptions, SearchResult, Sort, Status, VerifyOptions,
} from "./types.js";
