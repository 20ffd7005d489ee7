# Everything a newcomer or CI runs. Needs python3 (with venv), make and a package index, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
N ?= 300
SEED ?=
DB ?= sqlite
# What make builds on the way goes to standard error: `make demo ARGS="--exit --json"` prints JSON alone.
QUIET := 1>&2

.PHONY: demo test check fix acceptance chaos lock bench clean help

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(STAMP) ## Start everything with a stand-in Moodle and issue certificates (ARGS="--exit --json --port N")
	@exec $(BIN)/python -m campus.demo $(ARGS)

test: $(STAMP) ## Run all tests
	@# Set, it would have each of the hundreds of processes that tests start compile all sources anew.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: $(STAMP) ## Format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(STAMP) ## Format and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

chaos: $(STAMP) ## Complete courses while all is killed, paused and cut off (N= SEED= DB=sqlite|postgresql)
	@$(BIN)/python -m tests.chaos --n $(N) --db $(DB) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(STAMP) ## Measure, and write the table of docs/benchmarks.md (ARGS="NAME …")
	@$(BIN)/python -m benchmarks $(ARGS); status=$$?; \
		$(BIN)/python -m scripts.benchmark_table && exit $$status

lock: ## Write requirements.lock anew from pyproject.toml
	@$(PYTHON) scripts/lock.py

clean: ## Remove what was built and what the demo left
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(STAMP): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) …" $(QUIET)
	@$(PYTHON) -m venv $(VENV) $(QUIET)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -q --require-hashes -r requirements.lock $(QUIET)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -q --no-deps --no-build-isolation -e . $(QUIET)
	@touch $(STAMP)
