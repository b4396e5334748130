#!/usr/bin/env bash
# Builds the two wasm modules into pkg/wasm/{search,encoder}, and the TypeScript into pkg/dist.
# Usage: scripts/build-wasm.sh [search] [encoder] [typescript]   (default: all)
#        scripts/build-wasm.sh bench                             the module of `make bench-search`, no part of the package
set -euo pipefail
source "$(dirname "$0")/env.sh"
cd "$BURROW_ROOT"

cargo_wasm() { # features, what to build
  local flags=(--quiet --locked "${@:2}" --target wasm32-unknown-unknown --profile wasm --no-default-features --features "$1")
  if [ "$(cat "$BURROW_CACHE/wasm-toolchain")" = rustup ]; then
    CARGO_TARGET_DIR="$BURROW_TARGET_WASM" cargo build "${flags[@]}"
  else
    # Debian's Rust ships the standard library as source: cargo builds it along.
    PATH="/usr/bin:$PATH" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$BURROW_TARGET_WASM" \
      cargo build "${flags[@]}" -Zbuild-std=std,panic_abort
  fi
}

build_module() { # name, features
  say "build: the $1 module$([ "$1" = encoder ] && echo ' (the first time about 15 minutes)')"
  cargo_wasm "$2" --lib
  bind "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/burrow.wasm" "pkg/wasm/$1" "$1"
  # What wasm-bindgen writes is mostly comments and long names.
  (cd pkg && npx --no-install esbuild "wasm/$1/$1.js" --minify --format=esm --target=es2022 --allow-overwrite --outfile="wasm/$1/$1.js" --log-level=warning)
}

bind() { # wasm, folder, name
  "$WASM_BINDGEN" --target web --remove-name-section --remove-producers-section --out-dir "$2" --out-name "$3" "$1"
}

build_search() { build_module search web; }
build_encoder() { build_module encoder web,gpu; }
build_bench() {
  say "build: the bench module"
  cargo_wasm web --example bench_search
  bind "$BURROW_TARGET_WASM/wasm32-unknown-unknown/wasm/examples/bench_search.wasm" tests/bench/search/wasm bench_search
}
build_typescript() { say "build: the npm package"; (cd pkg && npm run --silent build); }

[ $# -gt 0 ] || set -- search encoder typescript
for part in "$@"; do "build_$part"; done
