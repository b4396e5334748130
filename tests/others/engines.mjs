/** Browsers with engines of their own, as this machine has them: Firefox, and WebKit as GTK has it, the engine of Safari. */
import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import puppeteer from "puppeteer-core";

/**
 * A browser with one tab.
 * @typedef {object} Engine
 * @property {string} name with its version
 * @property {(url: string) => Promise<void>} goTo
 * @property {<T>(body: (...given: any[]) => Promise<T>, ...given: any[]) => Promise<T>} evaluate runs a function in the page
 * @property {() => Promise<void>} close
 */

const FIREFOX = process.env.FIREFOX || "/usr/bin/firefox-esr";
const WEBKIT_DRIVER = process.env.WEBKIT_DRIVER || "/usr/bin/WebKitWebDriver";
const WEBKIT = process.env.WEBKIT || "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
const XVFB = process.env.XVFB || "/usr/bin/Xvfb";

const SCRIPT_MS_MAX = 300_000;
const START_MS_MAX = 20_000;

/** @type {Record<string, {needs: string[], launch: () => Promise<Engine>}>} */
export const ENGINES = {
  Firefox: { needs: [FIREFOX], launch: firefox },
  WebKit: { needs: [WEBKIT_DRIVER, WEBKIT, XVFB], launch: webkit },
};

/** The first file that is needed and not there. @param {string[]} needs */
export async function missing(needs) {
  for (const file of needs) if (!await access(file).then(() => true, () => false)) return file;
  return null;
}

/** @returns {Promise<Engine>} */
async function firefox() {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true, protocolTimeout: SCRIPT_MS_MAX });
  const page = await browser.newPage();
  return {
    name: await browser.version(),
    goTo: async (url) => { await page.goto(url); },
    evaluate: (body, ...given) => page.evaluate(body, ...given),
    close: () => browser.close(),
  };
}

/** WebKit has no window-less mode: it gets a screen that nobody sees. @returns {Promise<Engine>} */
async function webkit() {
  const display = `:${90 + (process.pid % 1000)}`;
  const port = 20_000 + (process.pid % 10_000);
  const screen = spawn(XVFB, [display, "-screen", "0", "1280x900x24"], { stdio: "ignore" });
  // As root, and in containers, its sandbox cannot be made; the pages are the tests' own.
  const env = { ...process.env, DISPLAY: display, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1", LIBGL_ALWAYS_SOFTWARE: "1" };
  const driver = spawn(WEBKIT_DRIVER, [`--port=${port}`], { stdio: "ignore", env });
  const end = async () => { for (const process of [driver, screen]) process.kill(); };
  try {
    const { sessionId, capabilities } = await begin(port);
    const ask = (/** @type {string} */ path, /** @type {unknown} */ body) => command(port, "POST", `/session/${sessionId}/${path}`, body);
    await ask("timeouts", { script: SCRIPT_MS_MAX, pageLoad: SCRIPT_MS_MAX });
    return {
      name: `${capabilities.browserName}/${capabilities.browserVersion}`,
      goTo: async (url) => { await ask("url", { url }); },
      evaluate: async (body, ...given) => {
        const script = `const end = arguments[arguments.length - 1];
          (${body})(...[...arguments].slice(0, -1)).then((value) => end({ value }), (error) => end({ error: String(error) }));`;
        const { value, error } = await ask("execute/async", { script, args: given });
        if (error) throw new Error(error);
        return value;
      },
      close: async () => {
        await command(port, "DELETE", `/session/${sessionId}`).finally(end);
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Begins a session, as soon as the driver and its screen are there. @param {number} port */
async function begin(port) {
  const options = { binary: WEBKIT, args: ["--automation"] };
  const wanted = { capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } } };
  for (const until = Date.now() + START_MS_MAX; ; await pause(200)) {
    try {
      return await command(port, "POST", "/session", wanted);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

/**
 * One command of the WebDriver protocol.
 * @param {number} port @param {string} method @param {string} path @param {unknown} [body]
 */
async function command(port, method, path, body) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
  const { value } = /** @type {any} */ (await response.json());
  if (value?.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
}
