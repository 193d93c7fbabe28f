# Two commands: `make run` (install everything, run the quickstart) and `make test` (install everything, check everything).
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test install install-test lint types rules unit faults docs clean

run: install
	$(BIN)/python -m sweeper run

test: install-test lint types rules unit

install: $(VENV)/.installed

install-test: $(VENV)/.installed-test

# torch first and pinned: what is asked for without a pin is the newest build, with gigabytes that a CPU has no use for.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test]'
	touch $@

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy

rules: install-test
	$(BIN)/lint-imports --no-cache

unit: install-test
	$(BIN)/python -m pytest

# Every fault, the storm of 20 kills included: about an hour, and root for what mounts a small or read-only disk.
faults: install-test
	$(BIN)/python -m pytest tests/faults -m "faults or not faults"

docs: install
	$(BIN)/python -m sweeper.experiment.reference > docs/experiment.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache build *.egg-info
