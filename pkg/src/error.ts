/** The one error type of the package. */
import type { ErrorKind } from "./types.js";

/** What went wrong: `kind` to branch on, `message` to show. */
export class BurrowError extends Error {
  override readonly name = "BurrowError";
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A record, so that a kind that is missing here does not compile. */
const KINDS: Record<ErrorKind, true> = {
  input: true, empty: true, limit: true, model: true, fingerprint: true, locked: true, corrupt: true, storage: true,
  "storage-full": true, device: true, network: true, aborted: true, closed: true, worker: true,
};

/** Whether a value from outside names a kind. @internal */
export function isErrorKind(value: unknown): value is ErrorKind {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

/** The text of anything that was thrown. @internal */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Anything that was thrown as a `BurrowError`: one of a known kind keeps it (also one that wasm made), an abort is
 * `aborted`, and what nobody foresaw is `worker`.
 * @internal
 */
export function toBurrowError(thrown: unknown): BurrowError {
  if (thrown instanceof BurrowError) return thrown;
  if (thrown instanceof Error && "kind" in thrown && isErrorKind(thrown.kind)) {
    return new BurrowError(thrown.kind, thrown.message, { cause: thrown });
  }
  if (thrown instanceof Error && thrown.name === "AbortError") return aborted();
  return new BurrowError("worker", messageOf(thrown), { cause: thrown });
}

/** The error of a request whose signal ended it. @internal */
export function aborted(what = "The request was aborted by its signal."): BurrowError {
  return new BurrowError("aborted", what);
}
