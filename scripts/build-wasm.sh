#!/usr/bin/env bash
# Builds the wasm modules into pkg/wasm/{search,encoder,cpu,threads}, and the TypeScript into pkg/dist.
# Usage: scripts/build-wasm.sh [search] [encoder] [cpu] [threads] [typescript]   (default: all)
#        scripts/build-wasm.sh scan, bench, profile              those of a test, of `make bench-search` and of `make profile`, no part
#                                                                of the package
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$BURROW_ROOT"

# The search module must be small, and what computes in it is written so that it needs little of the optimizer. What a function may
# cost to be put into its callers, also one that asks for it: by LLVM's own choice much of the module is that. Loops of a known
# length are written out, others are not.
SEARCH=(-C opt-level=2)
for choice in inline-threshold=50 inlinehint-threshold=100 unroll-runtime=false unroll-allow-partial=false; do SEARCH+=(-C "llvm-args=-$choice"); done

cargo_wasm() { # features, what to build; for the search module, with what is for its last step alone
  local flags=(--quiet --locked "${@:2}" --target wasm32-unknown-unknown --profile wasm --no-default-features --features "$1")
  local path="$PATH"
  # Debian's Rust ships the standard library as source: cargo builds it along.
  if [ "$(cat "$BURROW_CACHE/wasm-toolchain")" != rustup ]; then path="/usr/bin:$PATH"; flags+=(-Zbuild-std=std,panic_abort); export RUSTC_BOOTSTRAP=1; fi
  if [ "$1" = web ]; then set -- rustc "${flags[@]}" -- "${SEARCH[@]}"; else set -- build "${flags[@]}"; fi
  PATH="$path" CARGO_TARGET_DIR="$BURROW_TARGET_WASM" cargo "$@"
}

build_module() { # name, features
  say "build: the $1 module$([ "$1" = encoder ] && echo ' (the first time about 15 minutes)')"
  cargo_wasm "$2" --lib
  pack "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/burrow.wasm" "$1"
}

pack() { # wasm, name
  bind "$1" "pkg/wasm/$2" "$2"
  # What wasm-bindgen writes is mostly comments and long names.
  (cd pkg && npx --no-install esbuild "wasm/$2/$2.js" --minify --format=esm --target=es2022 --allow-overwrite --outfile="wasm/$2/$2.js" --log-level=warning)
}

bind() { # wasm, folder, name
  # See `construct` in src/encoder/gpu.rs.
  if grep -q '\.command_export' "$1"; then fail "every call into the $3 module runs all constructors: something must call __wasm_call_ctors once"; fi
  "$WASM_BINDGEN" --target web --remove-name-section --remove-producers-section --out-dir "$2" --out-name "$3" "$1"
}

build_search() { build_module search web; }
build_encoder() { build_module encoder web,gpu; }
# The encoder without WebGPU: half as large.
build_cpu() { build_module cpu web,encoder; }
# The encoder for the CPU alone, on memory that several workers share. The standard library that comes with Rust is not made for
# that: cargo builds it along, for which stable Rust has to be told that it may.
build_threads() {
  say "build: the threads module (the first time about 3 minutes)"
  local flags="-C target-feature=+simd128,+atomics,+bulk-memory,+mutable-globals --cfg getrandom_backend=\"wasm_js\""
  # As much as a module can address; a browser that cannot set so much aside encodes with one thread.
  for argument in --shared-memory --import-memory --max-memory=4294967296; do flags+=" -C link-arg=$argument"; done
  # wasm-bindgen needs them to start a thread.
  for symbol in __wasm_init_tls __tls_size __tls_align __tls_base; do flags+=" -C link-arg=--export=$symbol"; done
  local path="$PATH"; [ "$(cat "$BURROW_CACHE/threads-toolchain")" = rustup ] || path="/usr/bin:$PATH"
  PATH="$path" RUSTC_BOOTSTRAP=1 RUSTFLAGS="$flags" CARGO_TARGET_DIR="$BURROW_TARGET_THREADS" \
    cargo build --quiet --locked --lib --target wasm32-unknown-unknown --profile wasm --no-default-features --features web,encoder \
    -Zbuild-std=std,panic_abort
  pack "$BURROW_TARGET_THREADS/wasm32-unknown-unknown/wasm/burrow.wasm" threads
}
build_scan() {
  say "build: the scan and its twins, for a test"
  cargo_wasm web --example scan_browser
  bind "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/examples/scan_browser.wasm" tests/wasm scan
}
build_bench() {
  say "build: the bench module"
  cargo_wasm web --example bench_search
  bind "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/examples/bench_search.wasm" tests/bench/search/wasm bench_search
}
build_profile() {
  say "build: the module of make profile"
  cargo_wasm web,gpu --example profile_browser
  bind "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/examples/profile_browser.wasm" tests/bench/encoder/profile/wasm profile
}
build_typescript() { say "build: the npm package"; (cd pkg && npm run --silent build); }

[ $# -gt 0 ] || set -- search encoder cpu threads typescript
for part in "$@"; do "build_$part"; done
