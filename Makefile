# Two commands on a fresh machine with python3 (3.11 or newer) and make:
#   make demo    the main job on an embedded AWS organization
#   make test    the tests
PYTHON ?= python3
VENV := .venv
PEERS := .venv-peers
WORKERS ?= 4
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check bench docs requirements clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' Makefile

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python3: expected 3.11 or newer; set PYTHON=python3.x" >&2; exit 2; }
	@test -x $(BIN)/python || { echo "creating $(VENV)" >&2; $(PYTHON) -m venv $(VENV); }
	@echo "installing the pinned requirements" >&2
	@$(PIP) install --require-hashes -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "installing the pinned development requirements" >&2
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.runtime ## the whole story on an embedded AWS organization; ends by itself
	@$(BIN)/trailkeep demo

test: $(VENV)/.dev ## all tests
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

check: $(VENV)/.dev ## format, lint, types, layers, docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python docs/generate.py --check

docs: $(VENV)/.dev ## regenerate the generated pages of the documentation
	@$(BIN)/python docs/generate.py

$(PEERS)/.stamp: requirements/peers.txt $(VENV)/.runtime
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@echo "installing the peers that the figures stand beside" >&2
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/peers.txt
	@touch $@

bench: $(VENV)/.dev $(PEERS)/.stamp ## figures beside named peers, as ratios
	@$(BIN)/python bench/run.py

requirements: $(VENV)/.dev ## resolve the newest releases and pin them with hashes
	@$(BIN)/python requirements/pin.py

clean: ## remove the virtual environment and the caches
	@rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis
