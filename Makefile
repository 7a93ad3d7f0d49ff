# demo: one inventory becomes a working set of backup proxies, in the lab on this machine.
# test: the test suite.   check: linters, types, layers, ratchet (edits nothing).   fix: what can be mended by itself.
# matrices: long scenarios, kills, faults, and more than 10,000 steps of storms (STORMS=8 for a few minutes of them only).
# integration: tests on Debian hosts that are started for them; needs root and the packages that .ci/run installs.

.PHONY: demo test check fix matrices integration clean
.DEFAULT_GOAL := demo

# Tests start the program hundreds of times: Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
PIP := @$(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install

demo: $(VENV)/.lab
	$(BIN)/vbo-reconcile apply --lab inventories/demo.yml --auto-approve

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.ratchet

matrices: $(VENV)/.dev
	$(BIN)/python -m pytest -m matrix -n 3 -v --durations=15

integration: $(VENV)/.dev
	$(BIN)/python -m pytest tests/integration -m integration -rs

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A stamp for each set of dependencies: a second `make` installs nothing, unless pyproject.toml changed.
$(VENV)/.lab: pyproject.toml | $(BIN)/python
	@echo "Installing vbo-reconcile with the lab into $(VENV) ..."
	$(PIP) --editable '.[lab]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	@echo "Installing vbo-reconcile with its development tools into $(VENV) ..."
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.lab

$(BIN)/python:
	@[ -n '$(PYTHON)' ] || { \
	  echo "Python 3.11 or newer is needed, and none is on the PATH." >&2; \
	  echo "Name one:  make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments: ensurepip is missing." >&2; \
	  echo "On Debian and Ubuntu:  sudo apt-get install python3-venv" >&2; exit 1; }
	@'$(PYTHON)' -m venv $(VENV)
