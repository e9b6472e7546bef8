# `make` lists the targets. Logic is in Rust; this only names what is worth doing.
CARGO_TARGET_DIR ?= target
DHOW := $(abspath $(CARGO_TARGET_DIR))/debug/dhow
DEMO := target/demo
VENV := .venv
VENV_POSTGRES := .venv-postgres
VENV_TESTS := .venv-tests
NPM_TESTS := .npm-tests
AZURITE := 3.35.0
export CARGO_TARGET_DIR

.DEFAULT_GOAL := help
.PHONY: help demo release test test-long postgres mariadb check fmt docs bench clean-data

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## build dhow and run a pipeline over real flights, airports and bird strikes
	@echo "building dhow: the first build takes some minutes (README, Building)"
	cargo build --locked
	@mkdir -p $(DEMO) && cp -R sql fixtures $(DEMO)/
	cd $(DEMO)/fixtures && $(DHOW) run pipelines/flights.yaml
	cd $(DEMO)/fixtures && $(DHOW) sql ../sql/models/worst_airports.sql --source airport_delays=out/airport_delays

release: ## build what is shipped, with every feature: release/dhow in the target folder
	cargo build --release --locked --features connectorx

test: postgres mariadb $(VENV_TESTS)/ready $(NPM_TESTS)/ready ## run every test; the servers that tests start are installed when they are not there
	cargo test --locked --features connectorx

test-long: postgres mariadb $(VENV_TESTS)/ready $(NPM_TESTS)/ready ## the tests against databases in full, which take hours
	DHOW_LONG=1 cargo test --locked --features connectorx --lib --test databases

# The tests start servers of their own, so none is set up to run: `createcluster.d` is read by
# Debian's package when it would make the first one.
postgres: ## install Debian's PostgreSQL, PgBouncer and locales for the tests, unless they are there
	@{ ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; } && \
	  { [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null; } && \
	  [ -e /usr/share/i18n/locales/ja_JP ] || { \
	  echo "installing the Debian packages postgresql and pgbouncer, which tests start on their own, and locales" && \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo) && \
	  $$root mkdir -p /etc/postgresql-common/createcluster.d && \
	  echo "create_main_cluster = false" | \
	    $$root tee /etc/postgresql-common/createcluster.d/dhow.conf >/dev/null && \
	  $$root apt-get update -q && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y postgresql pgbouncer locales && \
	  $$root rm /etc/postgresql-common/createcluster.d/dhow.conf; }

# Debian's package would start a server of its own after it is installed; `policy-rc.d` says no.
mariadb: ## install Debian's MariaDB for the tests, unless it is there
	@{ [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null; } && \
	  command -v mariadb-install-db >/dev/null || { \
	  echo "installing the Debian package mariadb-server, which tests start on their own" && \
	  root=$$([ "$$(id -u)" = 0 ] || echo sudo) && \
	  { [ -e /usr/sbin/policy-rc.d ] || ours=/usr/sbin/policy-rc.d; } && \
	  { [ -z "$$ours" ] || { printf '#!/bin/sh\nexit 101\n' | $$root tee $$ours >/dev/null && \
	    $$root chmod +x $$ours; }; } && \
	  $$root apt-get update -q && \
	  $$root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y mariadb-server; \
	  code=$$?; [ -z "$$ours" ] || $$root rm $$ours; exit $$code; }

check: ## format, lints and documentation, as in .ci/run
	cargo fmt --check
	cargo clippy --locked --all-targets --features connectorx -- -D warnings
	cargo clippy --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --features connectorx

fmt: ## format the code
	cargo fmt

docs: ## the architecture and every public item, in the browser
	cargo doc --locked --no-deps --open

bench: $(VENV)/ready $(VENV_POSTGRES)/ready $(VENV_TESTS)/ready ## compare with DuckDB and others, and print tables (benches/README.md)
	cargo bench --locked --features connectorx --bench compare -- $(CASES)

clean-data: ## remove the demo's output, the data of the bench and its Python
	rm -rf $(DEMO) target/bench-data $(VENV) $(VENV_POSTGRES) $(VENV_TESTS) $(NPM_TESTS)

$(VENV)/ready: benches/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(VENV_POSTGRES)/ready: benches/postgres/requirements.txt
	python3 -m venv $(VENV_POSTGRES)
	$(VENV_POSTGRES)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(VENV_TESTS)/ready: tests/databases/requirements.txt
	python3 -m venv $(VENV_TESTS)
	$(VENV_TESTS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Azure's blob store as Microsoft emulates it; it takes node.
$(NPM_TESTS)/ready: Makefile
	npm install --silent --no-audit --no-fund --prefix $(NPM_TESTS) azurite@$(AZURITE)
	touch $@
