/** Holds what the package says of its wasm modules against what wasm-bindgen has written. Checked by the compiler, never run. */
import type { EncoderModule, SearchModule, ThreadsModule } from "../src/modules.js";

/** What the first is, the second must be able to stand in for. */
function assert<Wanted, _Given extends Wanted>(): void {}

assert<SearchModule, typeof import("../wasm/search/search.js")>();
assert<EncoderModule, typeof import("../wasm/encoder/encoder.js")>();
assert<EncoderModule, typeof import("../wasm/cpu/cpu.js")>();
assert<ThreadsModule, typeof import("../wasm/threads/threads.js")>();
