# Everything about pg_fusion starts here; `make help` lists it.
#
# PG_CONFIG=/path/to/pg_config chooses the PostgreSQL (15 by default).
# CARGO_TARGET_DIR=/path moves the target folder.

DEBIAN_PG_CONFIG := /usr/lib/postgresql/15/bin/pg_config
PG_CONFIG ?= $(DEBIAN_PG_CONFIG)
CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pg_fusion/target
export PG_CONFIG CARGO_TARGET_DIR
export PGRX_PG_CONFIG_PATH = $(PG_CONFIG)
export PATH := $(HOME)/.cargo/bin:$(PATH)

# Evaluated when used, because the first step may have to install PostgreSQL.
PG_MAJOR = $(shell $(PG_CONFIG) --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
FEATURES = $(if $(filter 15,$(PG_MAJOR)),,--no-default-features --features pg_fusion/pg$(PG_MAJOR))

# Always the whole workspace in one profile: with a part of it, Cargo would choose
# other features for the dependencies and compile DataFusion again.
CARGO_FLAGS = --release --workspace $(FEATURES)
RUNNER = $(CARGO_TARGET_DIR)/release/fusion-bench
MODELS = --manifest-path crates/fusion-page/models/Cargo.toml

# What to measure.
INDEXES ?= pk
QUERIES ?=
RUNS ?= 3

# The pg_regress suites: setup first, then all others by name.
SUITES := $(sort $(patsubst regress/sql/%.sql,%,$(wildcard regress/sql/*.sql)))
REGRESS ?= setup $(filter-out setup,$(SUITES))
REGRESS_OPTS ?= --encoding=UTF8 --no-locale --load-extension=pg_fusion
REGRESS_OUTPUT = $(CARGO_TARGET_DIR)/regress
FAULTS = $(CARGO_TARGET_DIR)/server-faults.log
COMPATIBILITY = docs/compatibility.md
PG_REGRESS = $(shell dirname $$($(PG_CONFIG) --pgxs))/../test/regress/pg_regress

.NOTPARALLEL:
.PHONY: build install docs demo bench bench-feed microbench calibrate psql fuzz soak models check installcheck fmt lint test regress bootstrap clean help

build: bootstrap ## build the extension and the tools (the default)
	cargo build $(CARGO_FLAGS)

install: build ## install library, control file and SQL; uses sudo if it must
	scripts/install

demo: SF ?= 0.1
demo: TIMEOUT ?= 300
demo: install ## [SF=0.1] TPC-H with and without pg_fusion on a throw-away server
	scripts/server run --scale $(SF) -- sh -c '$(RUNNER) load --scale $(SF) --indexes $(INDEXES) \
	    && $(RUNNER) demo --queries "$(QUERIES)" --runs $(RUNS) --timeout $(TIMEOUT)'

bench: SF ?= 1
bench: TIMEOUT ?= 60
bench: install ## [SF=1 INDEXES=pk|none QUERIES=1,3 RUNS=3 TIMEOUT=60] measure; report in bench/results
	scripts/server run --scale $(SF) -- sh -c '$(RUNNER) load --scale $(SF) --indexes $(INDEXES) \
	    && $(RUNNER) run --scale $(SF) --indexes $(INDEXES) --queries "$(QUERIES)" --runs $(RUNS) --timeout $(TIMEOUT)'

bench-feed: SF ?= 1
bench-feed: RUNS = 7
bench-feed: install ## [SF=1 RUNS=7] what it costs to bring rows to the engine; figures in bench/results
	scripts/server run --scale $(SF) -- sh -c '$(RUNNER) load --scale $(SF) --indexes none \
	    && $(RUNNER) feed --scale $(SF) --runs $(RUNS)'

microbench: bootstrap ## [BENCH="decode/int4"] pages and kernels by themselves, without a server
	cargo bench --workspace $(FEATURES) --bench pages --bench kernels -- \
	    --warm-up-time 0.3 --measurement-time 1 $(BENCH)

calibrate: SF ?= 1
calibrate: TIMEOUT ?= 20
calibrate: install ## [SF=1 INDEXES=pk|none QUERIES=1,3 RUNS=3] fit the cost settings to measured plans
	scripts/server run --scale $(SF) -- sh -c '$(RUNNER) load --scale $(SF) --indexes $(INDEXES) \
	    && $(RUNNER) calibrate --queries "$(QUERIES)" --runs $(RUNS) --timeout $(TIMEOUT)'

psql: SF ?= 0.01
psql: install ## [SF=0.01] a psql prompt on a throw-away server with TPC-H data
	@scripts/server psql --scale $(SF) -- $(RUNNER) load --scale $(SF) --indexes $(INDEXES)

fuzz: MINUTES ?= 10
fuzz: SEED ?= 1
fuzz: install ## [MINUTES=10 SEED=1] random queries with and without pg_fusion; differences become scripts
	$(CARGO_TARGET_DIR)/release/fusion-fuzz run --minutes $(MINUTES) --seed $(SEED) \
	    --findings $(CARGO_TARGET_DIR)/fuzz-findings $(FUZZ_OPTIONS)

soak: MINUTES ?= 10
soak: install ## [MINUTES=10] 64 clients of fusion queries beside pgbench's writes and cancel requests
	SOAK_MINUTES=$(MINUTES) cargo test $(CARGO_FLAGS) --test load -- --ignored --nocapture soak

check: bootstrap ## everything that must hold: format, lints, all tests
	@echo "== format"
	cargo fmt --all --check
	cargo fmt $(MODELS) --check
	@echo "== lints"
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo clippy $(MODELS) --release --lib --tests -- -D warnings
	@echo "== build and install"
	$(MAKE) --no-print-directory install
	@echo "== models of the protocol"
	cargo test $(MODELS) --release
	@echo "== unit tests and live-server tests"
	@rm -f $(FAULTS)
	cargo test $(CARGO_FLAGS) --no-fail-fast
	@echo "== regression suites"
	$(MAKE) --no-print-directory regress
	@echo "== logs of the servers: no FATAL, no PANIC but those that tests ask for"
	@test ! -s $(FAULTS) || { cat $(FAULTS); exit 1; }
	@echo "== all checks passed"

models: ## explore the protocol of pages and sessions
	cargo test $(MODELS) --release

test: install ## unit tests and live-server tests (they start their own server)
	cargo test $(CARGO_FLAGS) --no-fail-fast

regress: ## the pg_regress suites against a throw-away server (of what is installed)
	scripts/server run -- $(MAKE) --no-print-directory installcheck

installcheck: ## [REGRESS="setup ..."] pg_regress against the running server of PGHOST and PGPORT
	@mkdir -p $(REGRESS_OUTPUT)
	@$(PG_REGRESS) --bindir=$$($(PG_CONFIG) --bindir) --inputdir=regress --outputdir=$(REGRESS_OUTPUT) \
	    --dbname=contrib_regression $(REGRESS_OPTS) $(EXTRA_REGRESS_OPTS) $(REGRESS) \
	    || { cat $(REGRESS_OUTPUT)/regression.diffs 2>/dev/null; exit 1; }

docs: install ## write docs/compatibility.md, the list of what the engine computes
	scripts/server run -- sh -c '"$$($(PG_CONFIG) --bindir)/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
	    -f scripts/compatibility.sql > $(COMPATIBILITY).new && mv $(COMPATIBILITY).new $(COMPATIBILITY) \
	    || { rm -f $(COMPATIBILITY).new; exit 1; }'

fmt: ## format all code
	cargo fmt --all
	cargo fmt $(MODELS)

lint: bootstrap ## clippy, warnings are errors
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings

bootstrap: ## install what this machine lacks
	@scripts/bootstrap

clean: ## remove the target folder and benchmark results
	cargo clean
	rm -rf bench/results

help: ## this list
	@awk -F ': .*## |:.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
