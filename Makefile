# demo: one inventory becomes a working set of backup proxies, in the lab on this machine.
# test: the test suite.   check: linters, types, layers, ratchet (edits nothing).   fix: what can be mended by itself.
# matrices: long scenarios, kills, faults, storms: a sample of each, or all of it with LENGTH=all.
# simulate: storms in simulated time (STEPS, the first is FROM); with SEED that one alone, with the log of every party.
# integration: tests on Debian hosts that are started for them; needs root and the packages that .ci/run installs.
# mutants: does a test fail when the code is changed a little? A sample of 300 changes (COUNT, SEED).
# audit: known vulnerabilities of what the locks install.
# wheel: what can be installed elsewhere, below dist/.   lock: the newest versions that pyproject.toml allows.

.PHONY: demo test check fix matrices simulate integration mutants audit kerberos peers wheel lock clean
.DEFAULT_GOAL := demo

# Tests start the program hundreds of times: Python may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v $$p; break; }; done)
PIP := @$(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install
LOCKED := $(PIP) --require-hashes --requirement
# The backend that builds is the locked one: pip fetches none for this.
SELF := $(PIP) --no-deps --no-build-isolation --editable .

# An account without a home keeps the state of the lab in the environment.
ifneq ($(shell [ -w "$$HOME" ] && echo yes),yes)
demo: export XDG_STATE_HOME ?= $(abspath $(VENV))/state
endif
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
	$(BIN)/python -m pytest -m matrix -n 5 -v --durations=15 $$(grep -rl --include="*.py" "mark[.]matrix" tests)

FROM ?= 1
STEPS ?= 100000
simulate: $(VENV)/.dev
	$(BIN)/python -m tests.simulation $(if $(filter command%,$(origin SEED)),--only --seed $(SEED),--seed $(FROM) --steps $(STEPS))

integration: $(VENV)/.dev
	$(BIN)/python -m pytest tests/integration -m integration -rs

COUNT ?= 300
SEED ?= 1
mutants: $(VENV)/.mutants
	$(BIN)/python -m tests.mutants --count $(COUNT) --seed $(SEED)

audit: $(VENV)/.audit
	$(BIN)/python -m tests.audit

wheel: $(VENV)/.lab
	$(BIN)/python -m hatchling build --target wheel

# Other people's clients for `make integration`, in an environment of their own below that of the tests.
peers: $(VENV)/.peers

# The extra `kerberos`, in the environment of the tests: compiled here, so it is no part of `make test`.
kerberos: $(VENV)/.kerberos

# The other locks agree with that of the development tools: they go into the same environment. `make lock UPGRADE=` keeps
# the versions that are locked, and adds what pyproject.toml asks for besides.
UPGRADE ?= --upgrade
LOCK := $(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock'
lock: $(VENV)/.lock
	$(LOCK) pyproject.toml --extra dev --group build --output-file .requirements/dev.txt
	$(LOCK) pyproject.toml --extra lab --group build --constraint .requirements/dev.txt --output-file .requirements/lab.txt
	$(LOCK) pyproject.toml --extra kerberos --constraint .requirements/dev.txt --output-file .requirements/kerberos.txt
	$(LOCK) --group build-kerberos --output-file .requirements/build-kerberos.txt
	$(LOCK) --group lock --output-file .requirements/lock.txt
	$(LOCK) --group audit --constraint .requirements/dev.txt --output-file .requirements/audit.txt
	$(LOCK) --group mutants --constraint .requirements/dev.txt --output-file .requirements/mutants.txt
	$(LOCK) --group peers --output-file .requirements/peers.txt

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# A stamp for each set of dependencies: a second `make` installs nothing, unless the set or the project's data changed.
$(VENV)/.lab: .requirements/lab.txt pyproject.toml | $(BIN)/python
	@echo "Installing vbo-reconcile with the lab into $(VENV) ..."
	$(LOCKED) .requirements/lab.txt
	$(SELF)
	@touch $@

$(VENV)/.dev: .requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing vbo-reconcile with its development tools into $(VENV) ..."
	$(LOCKED) .requirements/dev.txt
	$(SELF)
	@touch $@ $(VENV)/.lab

$(VENV)/.kerberos: .requirements/kerberos.txt .requirements/build-kerberos.txt $(VENV)/.dev
	$(LOCKED) .requirements/build-kerberos.txt
	$(LOCKED) .requirements/kerberos.txt --no-build-isolation
	@touch $@

$(VENV)/.mutants: .requirements/mutants.txt $(VENV)/.dev
	$(LOCKED) .requirements/mutants.txt
	@touch $@

$(VENV)/.peers: .requirements/peers.txt | $(BIN)/python
	@'$(PYTHON)' -m venv $(VENV)/peers
	@$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet --quiet install \
		--require-hashes --requirement .requirements/peers.txt
	@touch $@

$(VENV)/.audit: .requirements/audit.txt $(VENV)/.dev
	$(LOCKED) .requirements/audit.txt
	@touch $@

$(VENV)/.lock: .requirements/lock.txt | $(BIN)/python
	$(LOCKED) .requirements/lock.txt
	@touch $@

$(BIN)/python:
	@[ -n '$(PYTHON)' ] || { \
	  echo "Python 3.11 or newer is needed, and none is on the PATH." >&2; \
	  echo "Name one:  make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments: ensurepip is missing." >&2; \
	  echo "On Debian and Ubuntu:  sudo apt-get install python3-venv" >&2; exit 1; }
	@'$(PYTHON)' -m venv $(VENV)
