/** Driver of `make profile BROWSER=1`: where the time of one window goes, in Chromium. */
import { fileURLToPath } from "node:url";
import { launch, startServer } from "../../../browser/harness.mjs";

const [model, tokens, device] = process.argv.slice(2);
const folders = { "/bench/": fileURLToPath(new URL(".", import.meta.url)), "/profiled/": model };
// An isolated page's clock is finer: 5 microseconds, where others have 100.
const server = await startServer({ isolated: true, model: "", data: "", folders });
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.exposeFunction("say", (line) => process.stdout.write(line.endsWith("\n") ? line : `${line}\n`));
  await page.goto(server.url);
  await page.evaluate((options) => new Promise((resolve, reject) => {
    const worker = new Worker("/bench/worker.mjs", { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data: { line, error, done } }) => {
      if (line) void globalThis.say(line);
      if (error) reject(new Error(error));
      if (done) resolve(undefined);
    };
    worker.postMessage(options);
  }), { folder: "/profiled/", device, tokens: tokens.split(",").map(Number) });
} finally {
  await browser.close();
  await server.close();
}
