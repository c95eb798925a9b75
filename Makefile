# Two commands from nothing: `make build` and `make test`. Only git, make and python3 (3.11 or later) with venv are needed; uv is used if there.
PYTHON ?= python3
BIN := .venv/bin
RAW ?= data/raw
OUT ?= data/processed

# uv where it answers, else the pip that the interpreter brings: either takes what a lock names, by hash, and builds nothing on the way.
export UV_PYTHON_DOWNLOADS := never
ifneq ($(shell uv --version 2>/dev/null),)
INSTALLER := uv
venv = $(PYTHON) -m venv --without-pip
install = uv pip install --quiet --python $(1)/bin/python
else
INSTALLER := pip
venv = $(PYTHON) -m venv
install = $(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile
endif
locked = --only-binary :all: --require-hashes -r
# Bytecode is made on every core once all is there; the tests that libraries ship, half of it, are left out.
compile = $(BIN)/python -m compileall -qq -j 0 -x /tests/ .venv/lib || true
# How many packages a lock names, those of another system left out.
packages = $(words $(sort $(shell sed -n "/sys_platform == 'win32'/d; s/^\([a-z0-9-]*\).*==.*/\1/p" $(1))))

.PHONY: build test test-deep mutants audit check fix develop lock bench bench-guard docs clean

build: .venv/ready
	@test -e $(RAW)/sources.toml || $(BIN)/qpvhealth sample $(RAW)
	@$(BIN)/qpvhealth build --raw $(RAW) --out $(OUT)
	@$(BIN)/qpvhealth counts --out $(OUT)

test: .venv/ready-dev
	@$(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report=term:skip-covered

# Minutes long, bounded in count: kills and full disks, hostile files, conservation, places. DEEP=--whole tries everything.
test-deep: .venv/ready-dev
	@$(BIN)/python -m pytest tests/deep -n auto --dist worksteal --durations=15 $(DEEP)

# Are the tests of the rules and of the accounting any good? COUNT faults in each of MODULES (0: all), each to be noticed.
MODULES ?=
COUNT ?= 40
mutants: .venv/ready-dev
	@$(BIN)/python tests/tools/mutants.py --count $(COUNT) $(MODULES)

# Known vulnerabilities of the locked versions. Asks a public service: needs a network. The tool has a lock and an environment of its own.
audit:
	@$(venv) --clear .venv-audit
	@$(call install,.venv-audit) $(locked) requirements-audit.lock
	@.venv-audit/bin/pip-audit --require-hashes --disable-pip --strict -r requirements-dev.lock -r requirements-audit.lock

check: .venv/ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

fix: .venv/ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# DATA: the folder of public files; PEERS: a Python that has DuckDB, SedonaDB… (they are not dependencies).
DATA ?= ../shared/data
PEERS ?= $(BIN)/python
QUARTERS = $(DATA)/neighbourhoods/qpv-2015/QP_METROPOLEOUTREMER_WGS84_EPSG4326.shp
bench: .venv/ready-dev
	@$(BIN)/python benchmarks/run.py --data $(DATA) --peers $(PEERS) \
	    --neighbourhoods $(QUARTERS) $(if $(ONLY),--only $(ONLY))

bench-guard: .venv/ready-dev
	@$(BIN)/python benchmarks/instructions.py --neighbourhoods $(QUARTERS)

docs: .venv/ready
	@$(BIN)/qpvhealth schema --format md > docs/data-dictionary.md
	@$(BIN)/python -c "from qpvhealth.cli import reference; print(reference(), end='')" > docs/cli.md

# One environment, made from what a build needs; what developers need is added to it. A lock or pyproject.toml that changes makes it again.
.venv/ready: requirements.lock pyproject.toml
	@echo "Setting up .venv with $(INSTALLER): $(call packages,$<) packages of $<, about 130 MB to download if its cache is empty"
	@$(venv) --clear .venv
	@$(call install,.venv) $(locked) $<
	@$(call install,.venv) --no-deps --no-build-isolation -e .
	@$(compile)
	@touch $@

develop: .venv/ready-dev

.venv/ready-dev: requirements-dev.lock .venv/ready
	@echo "Adding the extras and the tools of developers: $(call packages,$<) packages of $< in all, about 70 MB more"
	@$(venv) .venv
	@$(call install,.venv) $(locked) $<
	@$(compile)
	@touch $@

# Needs uv. A lock names versions and hashes only, no address; versions already in it stay (UPGRADE=--upgrade takes the latest).
# Each lock is made under the one before, so that they agree; extras stay written, which pip before 23.3 needs.
UPGRADE ?=
lock = uv pip compile --quiet --universal --only-binary :all: --generate-hashes --no-emit-index-url --no-header --no-strip-extras $(UPGRADE)
lock:
	$(lock) pyproject.toml --group build -o requirements.lock
	$(lock) pyproject.toml --group build --group dev --all-extras -c requirements.lock -o requirements-dev.lock
	$(lock) --group audit -c requirements-dev.lock -o requirements-audit.lock
	for group in readers readers-duckdb-1; do \
	    $(lock) --no-annotate --group $$group -c requirements-dev.lock -o tests/deep/$$group.lock; done

clean:
	rm -rf .venv .venv-audit .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
