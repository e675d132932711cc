# The commands of this repository. Each makes what it needs first; `make help` lists them.

PYTHON ?= python3
BIN := .venv/bin
VENV := .venv/made-from

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help venv sandbox sandbox-down sandbox-shell test check static bench lock clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 24

venv: $(VENV) ## make the virtual environment that Pulumi.yaml names

sandbox: $(VENV) ## bring up every account and stack on this machine, without a cloud
	@$(BIN)/python -m sandbox up

sandbox-down: ## end and remove the sandbox
	@if [ -d "$${SANDBOX_DIR:-.sandbox}" ] || [ -f $(VENV) ]; then $(MAKE) --silent $(VENV) && $(BIN)/python -m sandbox down; \
	else echo "There is no sandbox."; fi

sandbox-shell: $(VENV) ## open a shell in which pulumi and aws work on the sandbox
	@$(BIN)/python -m sandbox shell

test: static ## everything: format, lint, types, tests, and the tests on the real engine
	@$(BIN)/python -m sandbox engine
	@$(BIN)/pytest

check: static ## the same without the engine
	@$(BIN)/pytest --ignore=tests/engine

static: $(VENV)
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/pyright

bench: $(VENV) ## measure speed and scale
	@$(BIN)/python -m bench

lock: ## write requirements.lock from pyproject.toml
	@set -e; tool=$$(mktemp -d); trap 'rm -rf "$$tool"' EXIT; \
	$(PYTHON) -m venv "$$tool"; "$$tool/bin/pip" install --quiet --disable-pip-version-check uv; \
	"$$tool/bin/uv" pip compile pyproject.toml --extra dev --upgrade --quiet --output-file requirements.lock \
	    --generate-hashes --universal --no-emit-index-url --no-emit-find-links --no-header

clean: ## remove what the commands made, the sandbox included
	@$(MAKE) sandbox-down
	@rm -rf .venv .engine .pytest_cache .ruff_cache .hypothesis

$(VENV): requirements.lock sandbox/venv.py
	@command -v $(PYTHON) >/dev/null || { echo "Python is not on PATH: install Python 3.11 or newer, then run the same command again." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python %d.%d is too old: install Python 3.11 or newer and choose it with `make PYTHON=...`." % sys.version_info[:2])'
	@$(PYTHON) -m sandbox.venv
