# Everything a newcomer or CI types, for any Python >= 3.11 and GNU make >= 3.81 (macOS).
#
# A virtual environment in .venv holds all of it. Packages come from the lock files with their
# hashes checked; the project itself is installed from this tree without resolving anything.
# A stamp file in .venv remembers each installation, so that a second `make run` starts at once.

VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.installed-run $(VENV)/.installed-dev
ARGS   ?=

# The newest Python that is new enough. Looked up only when .venv has to be made, because a
# recursive variable is expanded where it is used.
PYTHON ?= $(shell for python in python3.14 python3.13 python3.12 python3.11 python3 python; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
  && echo $$python && break; done)

# Set while .venv is absent, or the Python that its link points to was removed.
MISSING := $(shell test -x $(BIN)/python || echo missing-python)

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo install test tools coverage soak bench docs screenshots lint format lock clean $(MISSING)

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed-run  ## start the gateway on port 5000 (HOST and PORT change that)
	@exec $(BIN)/python -m proxy

demo: $(VENV)/.installed-run  ## the same in front of the built-in simulator: no key needed
	@exec $(BIN)/python -m proxy demo

install: $(VENV)/.installed-dev  ## install what tests and linters need

test: $(VENV)/.installed-dev  ## run all tests (ARGS='-k name' picks some)
	@$(BIN)/python -m pytest -n auto $(ARGS)

# Versions that were tried; tests/connect runs whichever are here or on PATH.
NPM_TOOLS := @anthropic-ai/claude-code@2.1.197 @continuedev/cli@1.5.47 cline@3.0.65 opencode-ai@1.18.33
PIP_TOOLS := aider-chat==0.86.2

tools: $(VENV)/.installed-dev  ## install real tools into .tools for tests/connect (npm; 1.7 GB)
	@npm install --prefix .tools --no-save --no-audit --no-fund --loglevel=error --fetch-retries=1 $(NPM_TOOLS)
	@$(BIN)/python -m venv .tools/aider
	@.tools/aider/bin/python -m pip --disable-pip-version-check --quiet install $(PIP_TOOLS)

coverage: $(VENV)/.installed-dev  ## run all tests and show the lines that none of them reaches
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term-missing:skip-covered $(ARGS)

soak: $(VENV)/.installed-dev  ## run 10,000 streams with faults, print what is left behind
	@$(BIN)/python tests/soak/soak.py

bench: $(VENV)/.installed-dev  ## measure speed beside nginx (5 minutes), fill in docs/performance.md
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

lint: $(VENV)/.installed-dev  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.installed-dev  ## bring the generated parts of the documents up to date
	@$(BIN)/python tests/docs/generated.py

screenshots: $(VENV)/.installed-dev  ## take the pictures of the live page anew (needs Chromium)
	@$(BIN)/python tests/screenshots.py

format: $(VENV)/.installed-dev  ## fix style and formatting
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and everything generated
	rm -rf $(VENV) .tools build dist htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find proxy tests -name __pycache__ -prune -exec rm -rf {} +

# --- installation -----------------------------------------------------------------------------

# The target is a file that dates from the making; bin/python links to a far older one.
$(VENV)/pyvenv.cfg: $(MISSING)
	@python='$(PYTHON)'; fail() { echo "$$1" >&2; exit 1; }; \
	test -n "$$python" || \
	  fail 'Python 3.11 or newer is needed and none was found: make PYTHON=/path/to/python3'; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  fail "$$python does not run, or is older than Python 3.11, the oldest that works."; \
	"$$python" -c 'import ensurepip, venv' 2>/dev/null || \
	  fail "$$python cannot make environments. On Debian and Ubuntu: apt install python3-venv"; \
	echo "Making $(VENV) with $$python"; \
	"$$python" -m venv --clear $(VENV)

# --no-build-isolation: the build backend is the locked one, not the newest of the day.
$(VENV)/.installed-run: $(VENV)/pyvenv.cfg requirements.lock \
  requirements-build.lock pyproject.toml
	@echo 'Installing what the gateway needs'
	@$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The development lock holds the other two whole, hence both stamps.
$(VENV)/.installed-dev: $(VENV)/pyvenv.cfg requirements-dev.lock pyproject.toml
	@echo 'Installing what tests and linters need'
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(STAMPS)

# --- lock files -------------------------------------------------------------------------------

# One resolution for every platform and Python >= 3.11. Pins stay as they are unless they must
# move; `make lock ARGS=--upgrade` moves all. No index address may land in the files.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(ARGS)

lock: $(VENV)/pyvenv.cfg  ## bring the lock files up to date with pyproject.toml
	@test -x $(BIN)/uv || $(PIP) install uv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group build -o requirements-build.lock
	$(COMPILE) pyproject.toml --group dev \
	  -c requirements.lock -c requirements-build.lock -o requirements-dev.lock
