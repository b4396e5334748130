/** The package's version, by which what one version has found out is told from what the next one will. */

/** A test holds it against `package.json`. */
export const VERSION = "0.1.0";
