# Storecast. `make help` lists the commands.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
UV_VERSION := 0.13.9
BIN := .venv/bin
SERVE ?= 1
ORDERS ?=
ENGINE ?=
PORT ?= 8000

# Threads of linear algebra would fight with the processes of the fleet for the cores.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

UV_PIP := $(BIN)/uv --system-certs pip

# uv takes seconds where pip takes minutes; pip knows the machine's pip.conf where uv does not.
define install
env -u PYTHONDONTWRITEBYTECODE $(UV_PIP) install --quiet --compile-bytecode --python $(BIN)/python -r $(1) \
	|| { echo "uv could not install $(1); pip does it, in some minutes" >&2; $(BIN)/pip install --quiet --disable-pip-version-check -r $(1); }
endef

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/.ready: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "Storecast needs Python 3.11: '$(PYTHON)' is not found; make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(call install,requirements.txt)
	touch $@

.venv/.ready-tests: .venv/.ready tests/requirements.txt
	$(call install,tests/requirements.txt)
	touch $@

# Compiled once here, so that no task and no test waits for the compiler.
.venv/.warm: .venv/.ready $(wildcard forecasting/*.py forecasting/*/*.py)
	@$(BIN)/python -m forecasting warm
	touch $@

.PHONY: setup
setup: .venv/.warm ## Make the environment in .venv

.PHONY: run
run: .venv/.warm ## Run everything on the sample, or on ORDERS=file, and serve it (SERVE=0: end then)
	@$(BIN)/python -m dags run --orders "$(ORDERS)" --engine "$(ENGINE)" --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

.PHONY: serve
serve: .venv/.ready ## Serve what was published last on the sample
	@$(BIN)/python -m api serve --host 127.0.0.1 --port $(PORT)

.PHONY: test
test: .venv/.ready-tests .venv/.warm ## Run every test
	@.ci/install || echo "The tests in a browser are skipped: see above what is missing." >&2
	@$(BIN)/python -m pytest

.PHONY: check
check: .venv/.ready-tests ## Lint, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --verbose

.venv/.ready-cluster: .venv/.ready-tests requirements-cluster.txt
	$(call install,requirements-cluster.txt)
	touch $@

.PHONY: bench
bench: .venv/.ready-cluster .venv/.warm ## Run the benchmarks, each against its peer, in their quick version
	@for script in tests/bench/bench_*.py; do echo "=== $$script"; PYTHONPATH=. $(BIN)/python "$$script"; done

.PHONY: bench-scale
bench-scale: .venv/.ready-cluster .venv/.warm ## Run the benchmarks at full size: hours
	@for script in tests/bench/bench_*.py; do echo "=== $$script"; PYTHONPATH=. $(BIN)/python "$$script" --scale; done

.PHONY: format
format: .venv/.ready-tests ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: .venv/.ready ## Pin every package anew in requirements.txt
	$(UV_PIP) compile --quiet pyproject.toml --python-version 3.11 --no-emit-index-url --no-emit-find-links --upgrade -o requirements.txt
	$(UV_PIP) compile --quiet pyproject.toml --extra test --python-version 3.11 --no-emit-index-url --no-emit-find-links --prerelease=if-necessary-or-explicit -c requirements.txt -o tests/requirements.txt
	$(UV_PIP) compile --quiet pyproject.toml --extra cluster --python-version 3.11 --no-emit-index-url --no-emit-find-links -c requirements.txt -o requirements-cluster.txt
