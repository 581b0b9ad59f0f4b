# One name a chore; `make` alone lists them. Everything happens in a private .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Hundreds of interpreters start in the tests: each module is compiled once, away from the sources.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

.DEFAULT_GOAL := help
.PHONY: help check test slow fuzz lint docs asan tsan readme clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Installed again whenever what is built or required has changed.
$(VENV)/.installed: pyproject.toml CMakeLists.txt $(shell find native -name '*.?pp')
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,lint,docs]' \
		--config-settings=cmake.define.FENCEPOST_WARNINGS_ARE_ERRORS=ON
	@touch $@

check: $(VENV)/.installed ## run the main job on the recorded workloads
	$(BIN)/fencepost check

test: $(VENV)/.installed ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal --durations 40

slow: $(VENV)/.installed ## run the full sizes of the slow tests too
	$(BIN)/python -m pytest -m "slow or not slow" --timeout 3000

fuzz: $(VENV)/.installed ## damaged files for every reader, a minute each; what is found is kept in tests/corpus
	FENCEPOST_FUZZ_SECONDS=60 $(BIN)/python -m pytest tests/verbs/test_fuzz.py --timeout 3000

lint: $(VENV)/.installed ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

docs: $(VENV)/.installed ## the documentation as a site, build/site/index.html; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -B -m mkdocs build --strict

asan: $(VENV)/.installed ## the native tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(BIN)/python -m pip install --quiet --disable-pip-version-check cmake ninja pybind11
	$(BIN)/python .ci/sanitized.py asan

tsan: $(VENV)/.installed ## the native tests under ThreadSanitizer
	$(BIN)/python -m pip install --quiet --disable-pip-version-check cmake ninja pybind11
	$(BIN)/python .ci/sanitized.py tsan

readme: $(VENV)/.installed ## write the program's output into README.md, docs/ and the examples
	$(BIN)/python examples/produce.py

clean: ## remove what was built and installed
	rm -rf $(VENV) build fencepost-out .mypy_cache .ruff_cache .pytest_cache
