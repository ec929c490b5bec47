# Everything a person needs: `make demo` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check format install clean

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

test: check  ## Everything that must hold before a change is kept
	$(BIN)/pytest -m 'not gpu'

format: $(INSTALLED)  ## Put the code in form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## Remove the environment and the caches; runs are kept
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
