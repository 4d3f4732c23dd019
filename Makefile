# Two commands matter: `make run` starts everything, `make test` tests everything.
# Both set up what they need first; a second call skips what has not changed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
export npm_config_update_notifier := false
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup setup-run run test test-slow e2e cim-conformance check check-code check-api fix demo bench \
	screenshots lock api clean-data clean python-version node-version

help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# $(call step,what,command): run a command, print how long it took, show its output if it fails.
define step
	@start=$$(date +%s%N); log=$$(mktemp); \
	if { $(2); } >"$$log" 2>&1; then \
		took=$$((($$(date +%s%N) - start) / 100000000)); \
		printf '  %-34s %3d.%d s\n' '$(1)' $$((took / 10)) $$((took % 10)); rm -f "$$log"; \
	else cat "$$log" >&2; rm -f "$$log"; printf '%s failed, see above.\n' '$(1)' >&2; exit 1; fi
endef

# --- set up ----------------------------------------------------------------------------------
setup: ## Everything for development: Python packages, console packages, one console build
	@$(MAKE) -j2 $(VENV)/.dev frontend/dist/index.html

setup-run:
	@$(MAKE) -j2 $(VENV)/.runtime frontend/dist/index.html

python-version:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "DERMS needs Python 3.11 or newer as '$(PYTHON)'; name another with make PYTHON=..." >&2; \
		exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing: install the package python3-venv." >&2; exit 1; }

node-version:
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "Node.js 20 or newer with npm is missing: install the packages nodejs and npm." >&2; \
		exit 1; }
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { \
		echo "DERMS needs Node.js 20 or newer; this is $$(node --version)." >&2; exit 1; }

# uv installs in seconds; where it cannot run, pip installs the same pinned files.
$(VENV)/.python: requirements/tools.txt | python-version
	$(call step,virtual environment,$(PYTHON) -m venv $(VENV) && { \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes \
			-r requirements/tools.txt || echo "no uv here: pip does the work"; })
	@touch $@

INSTALL = if [ -x $(BIN)/uv ]; then $(BIN)/uv pip install -q --python $(BIN)/python \
	--compile-bytecode --require-hashes $(1); else $(BIN)/python -m pip install -q \
	--disable-pip-version-check --require-hashes $(1); fi

$(VENV)/.runtime: requirements/runtime.txt requirements/science.txt | $(VENV)/.python
	$(call step,Python packages,$(call INSTALL,-r requirements/runtime.txt -r requirements/science.txt))
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(call step,Python packages for development,$(call INSTALL,-r requirements/dev.txt))
	@touch $@

frontend/node_modules/.stamp: frontend/package-lock.json frontend/package.json | node-version
	$(call step,console packages,cd frontend && npm ci --no-audit --no-fund)
	@touch $@

CONSOLE := $(shell find frontend/src frontend/public -type f 2>/dev/null) \
	$(wildcard frontend/*.html frontend/*.ts frontend/tsconfig*.json)

frontend/dist/index.html: $(CONSOLE) frontend/node_modules/.stamp
	$(call step,console build,cd frontend && npx --no-install vite build && \
		find dist \( -name '*.js' -o -name '*.css' -o -name '*.svg' \) -exec gzip -9kf {} +)
	@touch $@

# --- run -------------------------------------------------------------------------------------
run: setup-run ## Start the whole system with a simulated utility; Ctrl-C stops it
	@exec $(BIN)/python manage.py up

demo: setup ## The main job in a terminal against the running system (starts one if none runs)
	@$(BIN)/python manage.py demo

bench: setup ## Measure the ratios of docs/benchmarks.md in one run
	@$(BIN)/python -m tests.performance

screenshots: setup ## Take the pictures of the documentation from the running demo
	@$(BIN)/python -m tests.e2e.screenshots

# --- prove -----------------------------------------------------------------------------------
PYTEST := $(BIN)/python -m pytest

test: setup ## All tests but the slow ones, browser tests included
	@$(PYTEST) -m "not slow and not e2e"
	@$(PYTEST) -m e2e  # apart: the browser's event loop would forbid the others the database
	@cd frontend && npm test --silent

test-slow: setup ## Long chaos and load tests
	@$(PYTEST) -m slow

e2e: setup ## Browser tests only
	@$(PYTEST) -m e2e

cim-conformance: setup ## Every CIM exchange in both directions against a DMS of its own
	@$(BIN)/python -m tests.conformance

check: setup check-code check-api ## Format, lint, types, import rules, deploy check, API in step

# Cheap first. The deploy check runs as production would.
check-code:
	$(call step,ruff format,$(BIN)/ruff format --check .)
	$(call step,ruff,$(BIN)/ruff check .)
	$(call step,import rules,$(BIN)/lint-imports)
	$(call step,missing migrations,$(BIN)/python -W ignore manage.py makemigrations --check --dry-run)
	$(call step,deploy check,$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING)
	$(call step,mypy,$(BIN)/mypy)
	$(call step,eslint,cd frontend && npx --no-install eslint .)
	$(call step,tsc,cd frontend && npx --no-install tsc --noEmit)

PRODUCTION = DERMS_ENV=production DERMS_ALLOWED_HOSTS=derms.example \
	DERMS_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')
SPECTACULAR = $(BIN)/python manage.py spectacular --fail-on-warn --validate
TYPES = node_modules/.bin/openapi-typescript

check-api:
	@mkdir -p var
	$(call step,OpenAPI document,$(SPECTACULAR) --file var/openapi.yaml \
		&& diff -u docs/openapi.yaml var/openapi.yaml)
	$(call step,TypeScript types,cd frontend && $(TYPES) ../docs/openapi.yaml -o ../var/schema.d.ts \
		&& diff -u src/api/schema.d.ts ../var/schema.d.ts)

api: setup ## Write docs/openapi.yaml and the TypeScript types from the code
	$(call step,OpenAPI document,$(SPECTACULAR) --file docs/openapi.yaml)
	$(call step,TypeScript types,cd frontend && $(TYPES) ../docs/openapi.yaml -o src/api/schema.d.ts)

fix: setup ## Format and repair what can be repaired
	@$(BIN)/ruff check --fix-only -q . ; $(BIN)/ruff format -q .
	@cd frontend && npx --no-install eslint --fix .

# --- keep ------------------------------------------------------------------------------------
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url

lock: $(VENV)/.python ## Resolve requirements/*.in into pinned, hashed requirements/*.txt
	$(COMPILE) requirements/tools.in -o requirements/tools.txt
	$(COMPILE) requirements/runtime.in -o requirements/runtime.txt
	$(COMPILE) requirements/science.in -o requirements/science.txt
	$(COMPILE) requirements/dev.in -o requirements/dev.txt

clean-data: ## Remove the data of the embedded servers (var/)
	@if [ -e var/up.lock ] && ! flock -n var/up.lock true; then \
		echo "DERMS is running here: stop it before removing its data." >&2; exit 1; fi
	rm -rf var

clean: ## Remove what `make setup` made
	rm -rf $(VENV) frontend/node_modules frontend/dist
