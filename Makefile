# Each target is one visible command; `make run` and `make test` need a Rust toolchain, and an NVRTC: the one in the
# folder that TOUCHSTONE_NVRTC names, or the pinned one, which needs Python with pip.

CARGO ?= cargo
BIN := target/debug
ORACLE := target/oracle-venv/bin/python

.PHONY: help run test check falsify prove report bench gpu-bundle docs reference fmt nvrtc oracle-venv micro-models oracle-check clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: build nvrtc ## Run every claim of the lanes cpu and simt, plant every mutant, and compute their gates
	$(BIN)/pv run --device cpu,simt
	$(BIN)/pv prove --device cpu,simt
	$(BIN)/pv report --gate reference-ready --gate virtual-ready

# The tests build pv too, with the features that all of the workspace asks for; building it by itself would be a second
# build of nearly everything.
test: lint nvrtc ## Check formatting, lints and contracts, run all tests, and all claims and mutants of the lane simt
	$(CARGO) test --locked --workspace --quiet --no-run
	$(BIN)/pv validate --deny warnings
	INSTA_UPDATE=no $(CARGO) test --locked --workspace --quiet
	$(BIN)/pv run --device simt --out target/test-runs
	$(BIN)/pv prove --device simt --out target/test-runs

check: lint ## Formatting, clippy, the API documentation, and the linter of the contracts
	$(CARGO) run --locked --quiet --package pv -- validate --deny warnings

.PHONY: lint
lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --workspace --no-deps --quiet
	$(CARGO) metadata --locked --quiet --format-version 1 --manifest-path fuzz/Cargo.toml > /dev/null

.PHONY: build
build: ## Build pv and apr
	$(CARGO) build --locked --quiet --package pv --package apr

falsify: build nvrtc ## Run every claim of the lanes cpu and simt
	$(BIN)/pv run --device cpu,simt

prove: build nvrtc ## Plant every mutant against the claims that must kill it
	$(BIN)/pv prove --device cpu,simt

report: build ## Compute all gates from the recorded runs
	$(BIN)/pv report

bench: ## Time pv validate, the reference and the virtual device, each beside what it is to be compared with
	$(CARGO) bench --locked --quiet --package pv --bench validate
	$(CARGO) bench --locked --quiet --package engine --bench prefill
	$(CARGO) bench --locked --quiet --package simt --bench interpreter

gpu-bundle: ## Pack target/gpu-bundle.tar.gz, which runs the cuda lane on a machine without Rust and network
	$(CARGO) build --locked --release --quiet --package pv --package apr
	falsifiers/cli/bundle/pack.sh target/release target/gpu-bundle.tar.gz

docs: ## Build the API documentation
	$(CARGO) doc --locked --workspace --no-deps

reference: ## Write the pages of docs/reference again
	UPDATE_DOCS=1 $(CARGO) test --locked --quiet --package pv --package apr --package simt-conformance docs
	UPDATE_DOCS=1 $(CARGO) test --locked --quiet --package kernels --test simt page
	UPDATE_DOCS=1 $(CARGO) test --locked --quiet --package falsifiers --test agreement docs

fmt: ## Format everything
	$(CARGO) fmt --all

nvrtc: $(if $(TOUCHSTONE_NVRTC),,target/nvrtc/libnvrtc.so.13) ## Fetch the pinned NVRTC, the compiler of the kernels (90 MB)

target/nvrtc/libnvrtc.so.13: kernels/jit/fetch_nvrtc.py
	python3 $< $(@D)

oracle-venv: ## Install the pinned oracle (5 GB: PyTorch with its CUDA libraries)
	python3 -m venv target/oracle-venv
	target/oracle-venv/bin/pip install --requirement falsifiers/oracle/requirements.txt

micro-models: ## Make the micro models and their goldens again
	$(ORACLE) falsifiers/oracle/micro.py --out engine/zoo/micro

oracle-check: ## Compare all goldens with a fresh computation
	$(ORACLE) falsifiers/oracle/check.py
	$(ORACLE) falsifiers/oracle/check_test.py

# What cargo-fuzz sets for a search without a sanitizer; it works with the stable compiler.
FUZZ_FLAGS := --cfg fuzzing -Ccodegen-units=4 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
FUZZ_HOST := $(shell rustc -vV | sed -n 's/^host: //p')
TARGET ?= contract
SECONDS ?= 60

.PHONY: fuzz
fuzz: ## Search for inputs that break a parser: TARGET=contract SECONDS=60 (needs a C++ compiler)
	cd fuzz && RUSTFLAGS="$(FUZZ_FLAGS)" $(CARGO) build --locked --release --target $(FUZZ_HOST) \
		--target-dir ../target/fuzz --bin $(TARGET)
	mkdir -p target/fuzz/found/$(TARGET) target/fuzz/scratch
	TMPDIR=$(abspath target/fuzz/scratch) RAYON_NUM_THREADS=1 target/fuzz/$(FUZZ_HOST)/release/$(TARGET) \
		-max_total_time=$(SECONDS) -timeout=20 -rss_limit_mb=2048 -max_len=12000 \
		$(patsubst %,-dict=%,$(wildcard fuzz/dictionaries/$(TARGET).dict)) \
		-artifact_prefix=target/fuzz/$(TARGET)- target/fuzz/found/$(TARGET) fuzz/corpus/$(TARGET)

clean: ## Remove what was built and recorded
	rm -rf target runs
