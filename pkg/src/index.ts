/** What the package offers. */
export { Burrow } from "./client.js";
export { BurrowError } from "./error.js";
export type {
  AddOptions, AddResult, DownloadStep, ErrorKind, ExportOptions, Hit, ImportOptions, ImportResult, KeptModel, Mark, OpenOptions, PageInfo,
  PageInput, Progress, SearchOptions, SearchResult, Status,
} from "./types.js";
