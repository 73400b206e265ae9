# kakou: `make` alone prints the targets.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A process that keeps no bytecode compiles everything anew at each start: 5 s in the place of 2 s for `kakou --help`.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long mutants check lint format typecheck bench screens lock checksums clean

help: ## Print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with everything that demo and tests need

$(READY): pyproject.toml requirements.lock
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "$(PYTHON) -m venv failed: install Python 3.11-3.13 with its venv module, or say which: make PYTHON=python3.12" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
	@touch $@

demo: $(READY) ## Screen the fixture clips against a sample risk list (SERVE=1 opens the command screen too)
	@$(BIN)/kakou demo $(if $(SERVE),--serve,)

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile

test-long: $(READY) ## Run the long forms of the tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m long

mutants: $(READY) ## Change one line of the product at a time and see that the tests notice (an hour; ONLY=word)
	$(BIN)/python -m tests.mutants.run $(if $(ONLY),--only "$(ONLY)",)

check: $(READY) lint typecheck test ## Formatting, lint, types and tests

lint: $(READY) ## Formatting and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

typecheck: $(READY) ## Types
	$(BIN)/mypy

format: $(READY) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) ## Run every bench; one whose unpublished data are absent says so and is passed over
	@for name in $$($(BIN)/python -m bench --list); do $(BIN)/python -m bench.$$name $(BENCH_FLAGS) || [ $$? = 3 ] || exit 1; done

screens: $(READY) ## Photograph every page of the console (OUT=folder)
	$(BIN)/python -m tests.console_screens $(or $(OUT),/tmp/kakou-screens)

lock: ## Write requirements.lock anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --no-emit-package kakou \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

checksums: ## Write the SHA-256 of the model files anew
	cd ocr/models && sha256sum detector.onnx recognizer.onnx recognizer.yaml > SHA256SUMS

clean: ## Remove the environment and what the demo left; the state folder var/ itself stays
	rm -rf $(VENV) var/demo build *.egg-info
