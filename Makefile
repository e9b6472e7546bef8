# `make` lists the targets. Logic is in Rust; this only names what is worth doing.
CARGO_TARGET_DIR ?= target
DHOW := $(abspath $(CARGO_TARGET_DIR))/debug/dhow
DEMO := target/demo
VENV := .venv
VENV_POSTGRES := .venv-postgres
export CARGO_TARGET_DIR

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt docs bench clean-data

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## build dhow and run a pipeline over real flights, airports and bird strikes
	@echo "building dhow: the first build takes some minutes (README, Building)"
	cargo build --locked
	@mkdir -p $(DEMO) && cp -R sql fixtures $(DEMO)/
	cd $(DEMO)/fixtures && $(DHOW) run pipelines/flights.yaml
	cd $(DEMO)/fixtures && $(DHOW) sql ../sql/models/worst_airports.sql --source airport_delays=out/airport_delays

test: ## run every test; nothing has to be set up but Rust and a C compiler
	cargo test --locked

check: ## format, lints and documentation, as in .ci/run
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

fmt: ## format the code
	cargo fmt

docs: ## the architecture and every public item, in the browser
	cargo doc --locked --no-deps --open

bench: $(VENV)/ready $(VENV_POSTGRES)/ready ## compare with DuckDB and others, and print tables (benches/README.md)
	cargo bench --locked --bench compare -- $(CASES)

clean-data: ## remove the demo's output, the data of the bench and its Python
	rm -rf $(DEMO) target/bench-data $(VENV) $(VENV_POSTGRES)

$(VENV)/ready: benches/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(VENV_POSTGRES)/ready: benches/postgres/requirements.txt
	python3 -m venv $(VENV_POSTGRES)
	$(VENV_POSTGRES)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@
