# Every target makes its own environment in .venv: Python >= 3.11 and pip are enough, uv is used where installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "bestofinf needs Python 3.11 or newer, found %s: name another with make PYTHON=python3.12" % sys.version.split()[0])'
	$(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

# One stamp for using the library, one for working on it.
$(VENV)/.used: pyproject.toml | $(BIN)/python
	$(INSTALL) -e '.[all]'
	@touch $@

$(VENV)/.developed: pyproject.toml | $(BIN)/python
	$(INSTALL) -e '.[test,lint]'
	@touch $@ $(VENV)/.used

demo: $(VENV)/.used ## Watch an adaptive ensemble answer questions, offline
	$(BIN)/bestofinf demo

test: $(VENV)/.developed ## Run the tests
	$(BIN)/python -m pytest

soak: $(VENV)/.developed ## Run the long tests
	$(BIN)/python -m pytest -m soak

lint: $(VENV)/.developed ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.developed ## Rewrite the files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.benched: pyproject.toml $(VENV)/.developed
	$(INSTALL) -e '.[bench]'
	@touch $@

bench: $(VENV)/.benched ## Measure what the documentation claims
	$(BIN)/python -m benchmarks

docs: $(VENV)/.developed ## Build the documentation site into site/
	$(BIN)/mkdocs build --strict

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build site
