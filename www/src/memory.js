/** The page's own small memory (colours, pages left out). Storage may be refused; then it lasts as long as the page. */

/** @type {Map<string, string>} */
const fallback = new Map();

/**
 * @param {string} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return localStorage.getItem(`burrow-demo ${key}`);
  } catch {
    return fallback.get(key) ?? null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`burrow-demo ${key}`, value);
  } catch {
    fallback.set(key, value);
  }
}
