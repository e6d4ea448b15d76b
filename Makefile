# `make` lists the targets. Each sets up what it needs, once: a virtual environment in .venv with
# the locked, hash-checked dependencies and this package.
# Variables: PYTHON (interpreter for the set-up), WORKERS (test processes), ARGS (passed on).

WORKERS ?= 3
ARGS ?=
BIN := .venv/bin
RUNTIME := .venv/.runtime-is-set-up
DEV := .venv/.dev-is-set-up

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak mutants clean

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## /  make \1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-15s%s\n", $$1, $$2}'

demo: $(RUNTIME)  ## work a day's basket on the embedded exchange, break things, recover, report
	$(BIN)/floorbroker demo $(ARGS)

test: $(DEV)  ## run every test, except the soak tests
	$(BIN)/pytest -n $(WORKERS) -m "not soak" $(ARGS)

check: $(DEV)  ## format, lint, types, import contracts, house rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -p no:randomly tests/test_house.py

bench: $(DEV)  ## print the benchmark table
	$(BIN)/python -m bench $(ARGS)

soak: $(DEV)  ## run the long tests
	$(BIN)/pytest -n $(WORKERS) -m soak --timeout 3600 $(ARGS)

mutants: $(DEV)  ## plant bugs, one at a time, and see that the tests find each
	$(BIN)/python -m tests.mutants $(ARGS)

clean:  ## remove what make made: .venv, caches, reports
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache out dist
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml requirements/runtime.txt
	@PYTHON="$(PYTHON)" sh .ci/setup runtime
	@touch $@

# The development set holds the runtime set, so one install serves both stamps.
$(DEV): pyproject.toml requirements/dev.txt
	@PYTHON="$(PYTHON)" sh .ci/setup dev
	@touch $(RUNTIME) $@
