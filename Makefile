# kakou: `make` alone prints the targets.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Tests wait for servers, browsers and clocks about a third of the time: more of them at once than there are cores.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 2)))
# A file's tests share its servers; files begin in the order of tests/conftest.py, those that measure time come last.
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder
READY := $(VENV)/.ready
# A process that keeps no bytecode compiles everything anew at each start: 5 s in the place of 2 s for `kakou --help`.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: install wheels docs pictures release bundle sbom notice audit help setup demo test test-long mutants check lint format typecheck bench screens lock checksums clean

help: ## Print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with everything that demo and tests need

$(READY): pyproject.toml requirements.lock
	@sh deploy/setup.sh $(PYTHON) $(VENV)
	@touch $@

install: ## Create .venv with what a machine at work needs and no more (ROLE=box or centre)
	@case "$(ROLE)" in box) lock=requirements-box.lock;; centre) lock=requirements-runtime.lock;; \
	*) echo "make install ROLE=box 或 ROLE=centre" >&2; exit 2;; esac; sh deploy/setup.sh $(PYTHON) $(VENV) $$lock

demo: $(READY) ## Screen the fixture clips against a sample risk list (SERVE=1 opens the command screen too)
	@$(BIN)/kakou demo $(if $(SERVE),--serve,)

test: $(READY) ## Run the tests
	$(PYTEST)

test-long: $(READY) ## Run the long forms of the tests
	$(PYTEST) -m long

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

pictures: $(READY) ## Photograph anew what README.md and the documents show (docs/pictures)
	$(BIN)/python -m tests.console_screens docs/pictures --readme
	$(BIN)/python -m tests.steward_pictures docs/pictures
	$(BIN)/python -m tests.product_pictures docs/pictures
	$(BIN)/python -m tests.terminal_pictures docs/pictures

docs: $(READY) ## Build the documentation site (build/site, opens without a server)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "build/site/index.html"

lock: ## Write requirements.lock and requirements-runtime.lock anew from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --no-emit-package kakou \
	  --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra centre --extra replay --no-emit-package kakou \
	  --custom-compile-command "make lock" --output-file requirements-runtime.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra box --no-emit-package kakou \
	  --custom-compile-command "make lock" --constraint requirements-runtime.lock --output-file requirements-box.lock pyproject.toml

bundle: $(READY) ## Make the offline bundle in OUT (ARCHES, VERSIONS, SIGN_KEY choose)
	PYTHON=$(BIN)/python deploy/bundle.sh $(or $(OUT),build/bundle) $(ARCHES)

release: $(READY) ## Tag the version of pyproject.toml and make what is handed out in OUT (SIGN_KEY signs; CONTRIBUTING.md)
	PYTHON=$(BIN)/python sh deploy/release.sh $(or $(OUT),build/release)

sbom: $(READY) ## Print what a release is made of (CycloneDX)
	@$(BIN)/python -m kakou.installing.sbom

notice: $(READY) ## Write NOTICE anew: the licences of what kakou runs with
	$(BIN)/python -m kakou.installing.sbom notice > NOTICE

audit: $(READY) ## Ask for known weaknesses of the dependencies, where advisories can be reached
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit || { echo "pip-audit 无法安装：这里连不到软件源 (not audited)" >&2; exit 0; }; \
	$(BIN)/python -m pip_audit --require-hashes --disable-pip -r requirements-runtime.lock; code=$$?; \
	[ $$code -le 1 ] && exit $$code || { echo "这里连不到漏洞通告，未审计 (advisories cannot be reached: not audited)" >&2; exit 0; }

checksums: ## Write the SHA-256 of the model files anew
	cd ocr/models && sha256sum detector.onnx recognizer.onnx recognizer.yaml > SHA256SUMS

clean: ## Remove the environment and what the demo left; the state folder var/ itself stays
	rm -rf $(VENV) var/demo build *.egg-info
