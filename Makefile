# Every command of this project. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
UV := $(shell command -v uv 2>/dev/null || echo "$$HOME/.local/bin/uv")
PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
SOURCES := latchportal requests_app audit_app
TEMPLATES := $(shell find templates -name '*.html' 2>/dev/null)
PORT ?= 8000
AZURE_PORT ?= 8100
KILLS ?= 100
SCHEDULES ?= 200
STORIES ?= 200
SEED ?= 1

# Bytecode is worth writing: every test starts processes, and each would compile all of Django and the SDK anew.
unexport PYTHONDONTWRITEBYTECODE

# What a portal in earnest is told, with made-up values: `make check` looks at the settings as they would be there.
PRODUCTION := env -u DATABASE_URL -u DATABASE_OWNER_URL -u REDIS_URL -u LATCH_DEMO -u DEBUG -u POLICY_DIR \
	SECRET_KEY=not-a-secret-but-as-long-as-one-0123456789-abcdefghijklmnopqrstuvwxyz \
	BASE_URL=https://latch.example.com ALLOWED_HOSTS=latch.example.com TRUSTED_PROXY_COUNT=1 \
	ENTRA_TENANT_ID=0b3c1f7e-5d0a-4d57-9a55-3f1f0a3f6c11 ENTRA_CLIENT_ID=0b3c1f7e-5d0a-4d57-9a55-3f1f0a3f6c12 \
	ENTRA_CLIENT_SECRET=not-a-secret DJANGO_SETTINGS_MODULE=latchportal.settings LOG_LEVEL=WARNING \
	DATABASE_URL=postgresql://latch_site@127.0.0.1:1/latch \
	DATABASE_OWNER_URL=postgresql://latch_owner@127.0.0.1:1/latch

# What the offline verifier is made of: no Django, no network.
VERIFIER := __init__ chain jose lines merkle verify walk

.PHONY: help setup demo run smoke test check fix chaos bench verifier browser clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv

$(INSTALLED): pyproject.toml uv.lock
	@command -v "$(UV)" >/dev/null || python3 -m pip install --user --quiet uv \
		|| python3 -m pip install --user --quiet --break-system-packages uv
	@"$(UV)" sync --locked --quiet --compile-bytecode
	@touch $@

demo: setup ## start the whole site with a pretend Azure, for one person on this machine (PORT, AZURE_PORT)
	@exec $(PYTHON) -m latchportal.demo --port $(PORT) --azure-port $(AZURE_PORT) $(ARGS)

run: setup ## start the site alone, by the environment's settings
	@exec $(PYTHON) -m gunicorn latchportal.wsgi:application --bind 127.0.0.1:$(PORT) --workers 2 --threads 4

smoke: setup ## drive the main story through HTTP without a person; one line of JSON at the end
	@exec $(PYTHON) -m latchportal.demo.smoke $(ARGS)

test: setup browser ## run every test (JOBS at once: 6, for they wait a lot; ARGS for pytest)
	@$(PYTHON) -m pytest -n $(or $(JOBS),6) --dist loadgroup $(ARGS)

check: setup ## format, lint, types, floors, templates, migrations, settings of production, policy
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PRODUCTION) $(PYTHON) -m mypy $(SOURCES)
	@.venv/bin/lint-imports
	@.venv/bin/djade --check --target-version 5.2 $(TEMPLATES)
	@.venv/bin/djlint --lint --quiet $(TEMPLATES)
	@$(PRODUCTION) $(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@$(PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@$(PRODUCTION) $(PYTHON) manage.py policy check latchportal/demo/organisation/policy

fix: setup ## format, and repair what can be repaired
	@$(PYTHON) -m ruff check --fix --quiet . || true
	@$(PYTHON) -m ruff format .
	@.venv/bin/djade --target-version 5.2 $(TEMPLATES) || true

chaos: setup ## attack it with KILLS of processes, SCHEDULES and STORIES at random (SEED, JOBS, RESUME=1); the last line sums up
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m tests.chaos --kills $(KILLS) --schedules $(SCHEDULES) --stories $(STORIES) --seed $(SEED) \
		--jobs $(or $(JOBS),2) $(if $(RESUME),--resume)

bench: setup ## measure; prints a table, writes JSON under tests/benchmarks/ (ARGS="pages --seconds 5")
	@env -u PYTHONDONTWRITEBYTECODE $(PYTHON) -m tests.benchmarks $(ARGS)

verifier: ## put the offline verifier into one file, .latch/latch-verify, to be given to auditors
	@rm -rf .latch/verifier && mkdir -p .latch/verifier/audit_app
	@cp $(VERIFIER:%=audit_app/%.py) .latch/verifier/audit_app/
	@printf 'import sys\n\nfrom audit_app.verify import main\n\nsys.exit(main())\n' >.latch/verifier/__main__.py
	@$(PYTHON) -m zipapp .latch/verifier --python '/usr/bin/env python3' --output .latch/latch-verify
	@rm -rf .latch/verifier && echo .latch/latch-verify

browser:
	@command -v chromium-headless-shell chromium chromium-browser google-chrome >/dev/null \
		|| .venv/bin/playwright install chromium-headless-shell chromium \
		|| { apt-get update -qq && { apt-get install -y -qq chromium-headless-shell || apt-get install -y -qq chromium; }; }

clean: ## remove everything that was made here: environment, caches, the demo's data
	@rm -rf .venv .latch .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
