# Everything a person needs: `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
# One process of tests a core, each with one thread, or threads that spin take the others' time.
PYTEST = OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -q -n $(CORES) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo quick check test slow format install clean

help:  ## Say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## Create the environment and install the project in it

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)  ## Simulate a small Europe, train on it, map it, and write the report
	$(BIN)/biomap run recipes/demo.yaml
	$(BIN)/biomap report recipes/demo.yaml

check: $(INSTALLED)  ## Format, lint, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: check  ## What must hold while one works: check, and the tests of what users trust
	$(PYTEST) -m 'trust and not gpu' tests

test: check  ## Everything that must hold before a change is kept
	$(PYTEST) -m 'not gpu and not slow'

slow: $(INSTALLED)  ## Tests that take minutes each; exit status 5 of pytest is that there are none
	$(PYTEST) -m 'slow and not gpu' || [ $$? -eq 5 ]

format: $(INSTALLED)  ## Put the code in form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## Remove the environment and the caches; runs are kept
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
