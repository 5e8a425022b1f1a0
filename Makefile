# The front door. `make help` lists the targets; each of them sets up .venv first where it needs it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEV_STAMP := $(VENV)/.ready-dev
UV := uv==0.13.9
ONCE ?=
JSON ?=
FAULTS ?=
AT ?= 1
PYTEST_ARGS ?=
# Processes, each with its own database server. The tests of a file stay together, because they share fixtures. Three
# keep two cores busy, because servers and killed databases are waited for. tests/conftest.py gives the order.
AT_ONCE := -n 3 --dist loadfile --no-loadscope-reorder
SECONDS_OF_SEEDS ?= 60
# Tests start hundreds of programs: Python reuses compiled modules, in every environment.
export PYTHONDONTWRITEBYTECODE :=

# The stamp names the folder it was made in. A virtual environment that was moved or copied would run the code of
# its old folder, so it is made again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

# It is also made again when another Python is named.
ifneq ($(origin PYTHON),file)
ifneq ($(shell { $(PYTHON) --version || :; } 2>&1),$(shell { $(BIN)/python --version || :; } 2>&1))
.PHONY: $(STAMP)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help install setup demo test test-rls slow planted simulate bench check sbom format wheel lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) \
	    | awk -F':.*## ' '{ printf "  make %-9s %s\n", $$1, $$2 }'

install: $(STAMP) ## make .venv with the `playtime` command in it (make PYTHON=python3.12 ... picks a Python)
	@:

setup: $(DEV_STAMP) ## the same, and everything that tests and checks need
	@:

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	    echo "playtime: '$(PYTHON)' was not found. Install Python 3.11 or newer" \
	         "(Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python)," \
	         "or name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "playtime: Python 3.11 or newer is needed, '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	         "Install a newer one, or name it: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' >/dev/null 2>&1 || { \
	    echo "playtime: '$(PYTHON)' cannot make virtual environments (venv or ensurepip is missing)." \
	         "Debian, Ubuntu: apt install python3-venv" >&2; exit 1; }
	@if [ "$$(cat $@ 2>/dev/null)" != "$(CURDIR)" ] \
	    || [ "$$($(PYTHON) --version 2>&1)" != "$$($(BIN)/python --version 2>&1)" ]; then \
	    echo "making $(VENV) with $$($(PYTHON) --version)"; \
	    $(PYTHON) -m venv --clear $(VENV); \
	fi
	@rm -f $@
	@$(BIN)/python tools/install.py requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@rm -rf build *.egg-info
	@mkdir -p $(VENV)/src && ln -sfn ../.. $(VENV)/src/playtime
	@echo "$(CURDIR)" > $@

# Every version in requirements.lock is also in requirements-dev.lock: nothing that runs is replaced.
$(DEV_STAMP): $(STAMP) requirements-dev.lock
	@rm -f $@
	@$(BIN)/python tools/install.py requirements-dev.lock
	@touch $@

demo: install ## play a day, show where every coin is, then serve (ONCE=1: exit after the table)
	@$(BIN)/playtime demo $(if $(filter-out 0,$(ONCE)),--once)

test: setup ## the tests without the slow ones (PYTEST_ARGS="-k voucher" picks some)
	@$(BIN)/python -m pytest -m "not slow" $(AT_ONCE) $(PYTEST_ARGS)

test-rls: setup ## only the tests of isolation between tenants
	@$(BIN)/python -m pytest -m rls $(PYTEST_ARGS)

slow: setup ## only the slow tests
	@$(BIN)/python -m pytest -m slow $(AT_ONCE) $(PYTEST_ARGS)

planted: setup ## plant faults one at a time: the tests must find each (FAULTS=limits AT=2: some, in 2 processes)
	@$(BIN)/python -m playtime.tools.planted --processes $(AT) $(FAULTS)

simulate: install ## run the simulation for a minute, each time from a new seed (SECONDS_OF_SEEDS=600: longer)
	@$(BIN)/playtime simulate --seconds $(SECONDS_OF_SEEDS)

bench: install ## measure a spin beside the floor of the database (JSON=FILE: also write all figures there)
	@$(BIN)/playtime bench spin $(if $(JSON),--json $(JSON))

check: setup ## lint, format, types, import contracts, language, table of folders, and known vulnerabilities
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m playtime.tools.language
	@$(BIN)/python -m playtime.tools.structure
	@$(BIN)/bandit --quiet --configfile pyproject.toml --recursive *.py domain application adapters tools
	@$(BIN)/python tools/vulnerabilities.py

sbom: setup ## write the bill of materials of what runs to build/sbom.json (CycloneDX)
	@$(BIN)/python tools/sbom.py build/sbom.json

format: setup ## format the code as `make check` requires
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

wheel: setup ## build the wheel into dist/, with the tools of requirements-dev.lock and without a network
	@rm -rf build *.egg-info
	@$(BIN)/python -m pip wheel . --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
	    --wheel-dir dist
	@rm -rf build *.egg-info

# The packages for running are locked first. The lock of tests and checks has their versions too.
LOCK := build/lock/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --custom-compile-command "make lock" --quiet

lock: ## make both locks from pyproject.toml (UPGRADE=1: newest versions)
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check $(UV)
	@$(LOCK) --group build $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	@$(LOCK) --group dev $(if $(UPGRADE),--upgrade) --constraint requirements.lock \
	    --output-file requirements-dev.lock
	@rm -rf build/lock

clean: ## remove .venv and the files that tools leave behind; data in PLAYTIME_HOME stays
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
