/** Says, again and again, that the page has nothing else to do. */

/** For so long a page that was idle a moment ago counts as idle. */
const LEASE_MS = 2000;
/** A page that stays idle says so every so often. */
const AGAIN_MS = 1000;

/**
 * Calls `tell` while the page is idle, with how long it may be taken for idle. A page whose main thread is busy gets no idle
 * callback, so nothing is told and the time runs out. A hidden page is idle until it is seen again. Gives what ends it.
 *
 * Browsers without `requestIdleCallback` cannot tell: there every page counts as idle.
 */
export function watchIdle(tell: (forMs: number) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;
  const isHidden = () => document.visibilityState === "hidden";
  const look = () => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(found);
    else found();
  };
  const found = () => {
    if (isEnded || isHidden()) return;
    tell(LEASE_MS);
    timer = setTimeout(look, AGAIN_MS);
  };
  const changed = () => {
    clearTimeout(timer);
    if (isHidden()) tell(Infinity);
    else {
      tell(0);
      look();
    }
  };
  document.addEventListener("visibilitychange", changed);
  changed();
  return () => {
    isEnded = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", changed);
  };
}
