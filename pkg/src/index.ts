/** What the package offers. */
export { Burrow } from "./client.js";
export type { QueueControl } from "./control.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, DownloadStep, EnqueueOptions, EnqueueResult, ErrorKind, FailedPage, Hit, KeptModel, Mark, OpenOptions,
  PageInfo, PageInput, Priority, Progress, QueueMode, QueueStatus, SearchOptions, SearchResult, Status,
} from "./types.js";
