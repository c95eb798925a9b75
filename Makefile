# Two commands from nothing: `make build` and `make test`. Only git, make and python3 (3.11 or later) with venv are needed.
PYTHON ?= python3
BIN := .venv/bin
RAW ?= data/raw
OUT ?= data/processed

.PHONY: build test test-deep mutants audit check fix lock bench docs clean

build: .venv/ready
	@test -e $(RAW)/sources.toml || $(BIN)/qpvhealth sample $(RAW)
	@$(BIN)/qpvhealth build --raw $(RAW) --out $(OUT)
	@$(BIN)/qpvhealth counts --out $(OUT)

test: .venv/ready
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

# Minutes long, bounded in count: kills and full disks, hostile files, conservation, places. DEEP=--whole tries everything.
test-deep: .venv/ready
	@$(BIN)/python -m pytest tests/deep -n auto --dist worksteal --durations=15 $(DEEP)

# Are the tests of the rules and of the accounting any good? COUNT faults in each of MODULES (0: all), each to be noticed.
MODULES ?=
COUNT ?= 40
mutants: .venv/ready
	@$(BIN)/python tests/tools/mutants.py --count $(COUNT) $(MODULES)

# Known vulnerabilities of the locked versions. Asks a public service: needs a network. The tool has an environment of its own.
audit: requirements.lock
	@$(PYTHON) -m venv --clear .venv-audit
	@.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@.venv-audit/bin/pip-audit --require-hashes --disable-pip --strict --requirement requirements.lock

check: .venv/ready
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: .venv/ready
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# DATA: the folder of public files; PEERS: a Python that has DuckDB, SedonaDB… (they are not dependencies).
DATA ?= ../shared/data
PEERS ?= $(BIN)/python
bench: .venv/ready
	@$(BIN)/python benchmarks/run.py --data $(DATA) --peers $(PEERS) \
	    --neighbourhoods $(DATA)/neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp

docs: .venv/ready
	@$(BIN)/qpvhealth schema --format md > docs/data-dictionary.md
	@$(BIN)/python -c "from qpvhealth.cli import reference; print(reference(), end='')" > docs/cli.md

# The environment is made once, from the hashed lock file, and again when it or pyproject.toml changes.
.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Needs uv; the lock names versions and hashes only, no address.
lock:
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --group dev --all-extras \
	    pyproject.toml -o requirements.lock

clean:
	rm -rf .venv .venv-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
