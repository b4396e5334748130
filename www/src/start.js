/** Loads the demo, and says so where it cannot be loaded: a module that does not arrive would leave the page silent. */
import { showTrouble } from "./trouble.js";

import("./main.js").catch((error) => {
  document.documentElement.dataset.state = "failed";
  showTrouble("The demo could not be loaded. make demo builds what it needs", error);
});
