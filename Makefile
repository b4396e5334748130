# Every target does its own set-up, and is quick where there is nothing to do.
#
#   make demo [MODELS=dir]                      the demo in your browser
#   make demo HEADLESS=1 QUERY="…" [PAGES=dir]  the same page, driven and printed
#   make test                                   everything that CI runs
#   make test-others                            the package in Firefox and WebKit, beside Chromium
#   make test-large                             a model of 0.6B parameters in Chromium
#   make eval DATA=dir [MODEL=dir] [INDEX=dir]  retrieval quality on judged queries
#   make fidelity                               how near each form of weights and device comes to f32
#   make test-kill [KILLS=n] [SEED=n]           Chromium is killed again and again while it indexes
#   make fuzz TARGET=name [SECONDS=n]           hostile bytes: records, pages, manifest or queries
#   make soak [SECONDS=n] [SEED=n]              random steps held against a model in memory
#   make profile [BROWSER=1] [MODEL=dir] [TOKENS=n,…]  where the time of one window goes, kernel by kernel
#   make bench-search [SIZES=n,…]               the index in Chromium, against peers and the bare cost of its parts
#   make bench-encoder [PARTS=…] [MODELS=…]     the encoder in Chromium, natively and on a GPU, against its peers
#
# Names, versions and places are in scripts/env.sh.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help
.PHONY: help setup build demo large-model test test-native test-browser test-others test-large test-kill fuzz soak lint eval fidelity profile bench-search bench-encoder clean

ENV := source scripts/env.sh
NATIVE := --locked --features cli,gpu

help: ## this list
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## install all that the others need
	scripts/setup.sh

build: ## the wasm modules and the npm package, into pkg/
	scripts/setup.sh wasm threads bindgen npm
	scripts/build-wasm.sh

demo: build ## the demo: in your browser [MODELS=folder], or HEADLESS=1 QUERY="…" [PAGES=folder]
	scripts/setup.sh model $(if $(HEADLESS),browser)
	$(ENV)
	$(if $(HEADLESS),node www/headless.mjs --query "$${QUERY:-}" --pages "$${PAGES:-}",node www/serve.mjs --open $(if $(MODELS),--model "$$BURROW_MODEL" --models "$$MODELS"))

lint: ## formatting and lints
	$(ENV)
	say "lint: rustfmt and clippy"
	cargo fmt --check
	export CARGO_TARGET_DIR="$$BURROW_TARGET"
	cargo clippy --quiet $(NATIVE) --lib --bins -- -D warnings
	cargo clippy --quiet $(NATIVE) --all-targets -- -D warnings -A clippy::unwrap_used -A clippy::expect_used
	# A workspace of its own: nothing else would tell that it no longer compiles.
	cargo check --quiet --locked --manifest-path fuzz/Cargo.toml

test-native: ## Rust tests on this machine
	scripts/setup.sh vulkan model
	$(ENV)
	say "test: Rust, natively (the first build takes about 10 minutes)"
	CARGO_TARGET_DIR="$$BURROW_TARGET" cargo test --quiet $(NATIVE) -- --show-output

test-browser: build ## the package, the demo and the wasm modules in Chromium
	scripts/setup.sh vulkan browser model
	scripts/build-wasm.sh scan
	$(ENV)
	CARGO_TARGET_DIR="$$BURROW_TARGET" cargo build --quiet $(NATIVE) --bins --example kernels
	export BURROW_CLI="$$BURROW_TARGET/debug/burrow" BURROW_KERNELS="$$BURROW_TARGET/debug/examples/kernels"
	say "test: the npm package, and the types of the demo"
	(cd pkg && npm test --silent && npx --no-install tsc -p ../www/tsconfig.json)
	say "test: in Chromium"
	(cd tests && npm test --silent)

large-model:
	$(ENV)
	if [ ! -s "$$BURROW_LARGE/burrow.json" ]; then
		say "making a model of the 0.6B shape"
		CARGO_TARGET_DIR="$$BURROW_TARGET" cargo run --quiet $(NATIVE) --example random_model -- "$$BURROW_LARGE"
	fi

test-large: build large-model ## a model of the 0.6B shape (616 MB, made here) in Chromium; about 8 minutes
	scripts/setup.sh browser
	$(ENV)
	say "test: 0.6B parameters in Chromium"
	(cd tests && npm run test-large --silent)

test-others: build ## the package in Firefox and WebKit, beside Chromium; about a minute
	scripts/setup.sh browser others model
	$(ENV)
	say "test: in Firefox and WebKit"
	(cd tests && npm run test-others --silent)

test-kill: build ## Chromium is killed KILLS=100 times while it indexes; about 7 minutes
	scripts/setup.sh browser
	$(ENV)
	say "test: $(or $(KILLS),100) kills"
	export KILLS="$(or $(KILLS),100)" SEED="$(or $(SEED),$$(date +%s))"
	(cd tests && npm run test-kill --silent)

test: lint test-native test-browser test-others test-large ## all of what CI runs

fuzz: ## TARGET=records, pages, manifest or queries, for SECONDS=600
	[ -f "fuzz/targets/$(TARGET).rs" ] || { echo 'make fuzz needs TARGET=records, pages, manifest or queries' >&2; exit 2; }
	scripts/setup.sh fuzz
	$(ENV)
	# Coverage and the address sanitizer are not for stable Rust; this lets it have them.
	export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$$BURROW_CACHE/target-fuzz"
	say "fuzz: $(TARGET), $(or $(SECONDS),600) s (the first build takes some minutes)"
	"$$CARGO_FUZZ" fuzz run "$(TARGET)" -- -max_total_time="$(or $(SECONDS),600)" -max_len=8192 -timeout=20 -verbosity=0 -print_final_stats=1

soak: ## random steps on the index for SECONDS=1800, held against a model in memory
	$(ENV)
	CARGO_TARGET_DIR="$$BURROW_TARGET" cargo run --quiet --locked --no-default-features --example soak -- \
		--seconds "$(or $(SECONDS),1800)" $(if $(SEED),--seed $(SEED))

eval: ## nDCG@10 and recall@10 on DATA=folder, with MODEL=folder or the fetched one; INDEX=folder keeps the index and asks it
	[ -n "$(DATA)" ] || { echo 'make eval needs DATA=folder with corpus.jsonl, queries.jsonl and qrels.tsv' >&2; exit 2; }
	scripts/setup.sh model
	$(ENV)
	# The tests' build: what takes the time is optimized in it too.
	CARGO_TARGET_DIR="$$BURROW_TARGET" cargo run --quiet $(NATIVE) --bin burrow -- eval --model "$(or $(MODEL),$$BURROW_MODEL)" $(if $(INDEX),--index "$(INDEX)") "$(DATA)"

fidelity: ## cosine, INT8 and bits against PyTorch: f32, f16, q8, q4 on CPU and WebGPU
	scripts/setup.sh vulkan model
	$(ENV)
	# The tests' build: a release build of burn would take as long as all the rest.
	CARGO_TARGET_DIR="$$BURROW_TARGET" cargo bench --quiet --profile dev $(NATIVE) --bench fidelity

profile: ## where the time of one window goes, kernel by kernel [MODEL=folder] [TOKENS=16,64,256] [DEVICE=cpu] [BROWSER=1]
	scripts/setup.sh model $(if $(BROWSER),wasm bindgen npm browser,vulkan)
	$(ENV)
	# What was compiled once is compiled again: that is what is measured.
	export MESA_SHADER_CACHE_DISABLE=true
	asked=("$(or $(MODEL),$$BURROW_MODEL)" "$(or $(TOKENS),16,64,256)" "$(or $(DEVICE),webgpu)")
	if [ -n "$(BROWSER)" ]; then
		scripts/build-wasm.sh profile
		node tests/bench/encoder/profile/profile.mjs "$${asked[@]}"
	else
		CARGO_TARGET_DIR="$$BURROW_TARGET" cargo run --quiet $(NATIVE) --example profile -- "$${asked[@]}"
	fi

bench-search: ## the index in Chromium against peers and bare parts [SIZES=10000,100000] [PARTS=scan,query,open,add,peers] [PEERS=2000]
	scripts/setup.sh wasm bindgen npm browser peers
	scripts/build-wasm.sh search bench
	$(ENV)
	say "bench: about 4 minutes; with 1000000 in SIZES and PEERS=10000 about 8"
	node tests/bench/search/bench.mjs

bench-encoder: build large-model ## the encoder against its peers [PARTS=wasm,threads,webgpu,native,gpu,start] [MODELS=minilm-f32,minilm-q8,0.6b-f32,0.6b-q8] [LENGTHS=16,…] [SECONDS_MAX=n]
	scripts/setup.sh model browser encoder_peers
	$(ENV)
	if [ ! -s "$$BURROW_MODEL_Q8/burrow.json" ]; then
		CARGO_TARGET_DIR="$$BURROW_TARGET" cargo run --quiet $(NATIVE) --bin burrow -- pack "$$BURROW_MODEL" "$$BURROW_MODEL_Q8" --weights q8
	fi
	say "bench: building natively"
	CARGO_TARGET_DIR="$$BURROW_CACHE/target-bench" cargo build --quiet --release --locked --features encoder --example bench_encoder
	say "bench: about an hour, of which PARTS=native MODELS=0.6b-f32,0.6b-q8 is a quarter; the first time the graphs are made (6 GB)"
	node tests/bench/encoder/bench.mjs

clean: ## remove what was built here; what was fetched stays in the cache
	rm -rf pkg/dist pkg/wasm pkg/node_modules tests/node_modules tests/wasm tests/bench/search/wasm tests/bench/search/node_modules tests/bench/encoder/node_modules tests/bench/encoder/profile/wasm
