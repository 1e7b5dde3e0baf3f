# make help lists the targets. Everything is installed on first use, into .venv* of this folder.
PYTHON ?= python3
VENV := .venv
SAM_VENV := .venv-sam
CHECKOV_VENV := .venv-checkov
SILVER_VENV := .venv-silver
PY := $(VENV)/bin/python
SAM := SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
BUILD := .aws-sam/build
SOURCES := layers/shared functions local operations scripts benchmarks
# Containers often set it. Environments are installed uncompiled, so each of hundreds of processes would compile them anew.
unexport PYTHONDONTWRITEBYTECODE
# The local stack and the sandbox are on this machine: whoever has a proxy reaches them without it.
COMMA := ,
WITHOUT_PROXY := $(or $(no_proxy),$(NO_PROXY))
export no_proxy := $(if $(filter *,$(WITHOUT_PROXY)),*,127.0.0.1$(COMMA)localhost$(addprefix $(COMMA),$(WITHOUT_PROXY)))
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-annotate
# What drafthorse asks for and its models never import: lxml's wheels contain libiconv, which is under the LGPL.
NOT_IN_LAYER := --no-emit-package lxml --no-emit-package pypdf
# What every function has from layers/dependencies already.
IN_DEPENDENCIES := --no-emit-package cryptography --no-emit-package cffi --no-emit-package pycparser
HTTP_IN_DEPENDENCIES := --no-emit-package certifi --no-emit-package idna --no-emit-package typing-extensions

.DEFAULT_GOAL := help
.PHONY: help setup env sam-env checkov-env silver-env run demo clean-run test walk e2e lint format checkov validate build template dashboard \
        openapi screenshots deploy doctor cost bench bench-sweep bench-reports bench-aws lock clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# --- environments ---------------------------------------------------------------------------------------------------

define ensure
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "error: no $(PYTHON) on PATH: install Python 3.11 or newer, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())'): say make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) scripts/ensure_env.py $(1) $(2)
endef

setup: ## the environments of the product and of aws-sam-cli
	@$(MAKE) --no-print-directory -j2 env sam-env

env:
	$(call ensure,$(VENV),requirements-dev.txt)

sam-env:
	$(call ensure,$(SAM_VENV),requirements-sam.txt)

checkov-env:
	$(call ensure,$(CHECKOV_VENV),requirements-checkov.txt)

silver-env: env # a peer that this machine cannot have costs one table of the benchmark, not all of them
	@$(PYTHON) scripts/ensure_env.py $(SILVER_VENV) requirements-silver.txt || true

# --- the stack on this machine --------------------------------------------------------------------------------------

run: setup ## the whole stack on this machine, in the foreground (Ctrl-C stops it)
	@exec $(PY) -m local.stack.run

demo: env ## plays a month, a year, 100,000 usage events, payments and a marketplace, beside a running stack
	@$(PY) -m local.demo

clean-run: ## forgets the local stack's data
	@rm -rf .local && echo "the local stack is empty"

# --- checks ---------------------------------------------------------------------------------------------------------

test: env ## all tests but those of the deployed stack
	@# Files with few tests, which pytest-xdist would leave for the end, are the slow ones: one core would wait for the other.
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder tests/faults tests/integration tests/contract tests/unit

walk: env ## long random walks over money (SEEDS="7 8 9" STEPS=300)
	WALK_SEEDS="$(or $(SEEDS),7 8 9 10 11 12)" WALK_STEPS=$(or $(STEPS),300) $(PY) -m pytest -n auto tests/integration/walk

e2e: setup ## starts a stack on free ports and runs tests/e2e against it
	$(PY) -m local.stack.e2e

lint: env sam-env validate ## ruff, mypy, import-linter, limits of length, cfn-lint, sam validate, the dashboard's sources
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	PYTHONPATH=layers/shared:. $(VENV)/bin/lint-imports
	$(PY) scripts/check_limits.py
	$(PY) -m scripts.template --check
	$(PY) -m scripts.dashboard --check

validate: sam-env ## cfn-lint and sam validate --lint
	$(SAM_VENV)/bin/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint

format: env ## lets ruff format and fix
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

checkov: checkov-env ## security checks of the template
	$(CHECKOV_VENV)/bin/checkov --file template.yaml --framework cloudformation --compact --quiet --skip-download

# --- artifacts ------------------------------------------------------------------------------------------------------

build: env sam-env ## artifacts for AWS (arm64, python3.13), and their sizes
	AWS_DEFAULT_REGION=us-east-1 PYTHON="$(abspath $(SAM_VENV))/bin/python" $(SAM) build --build-dir $(BUILD)
	$(PY) -m local.stack.sizes $(BUILD)/template.yaml

# --- on AWS -----------------------------------------------------------------------------------------------------------

deploy: setup ## builds and deploys STAGE=dev, then secret, webhooks, first key and tenant (STRIPE_KEY_FILE=, PARAMETERS="A=1 B=2", FIRST_STEP=)
	@$(PY) -m operations deploy --stage $(or $(STAGE),dev)$(if $(STRIPE_KEY_FILE), --stripe-key-file $(STRIPE_KEY_FILE))$(if $(ANOTHER_STRIPE_ACCOUNT), --another-stripe-account)$(if $(TENANT_FILE), --tenant-file $(TENANT_FILE))$(if $(NEW_PLATFORM_KEY), --new-platform-key)$(if $(FIRST_STEP), --first-step $(FIRST_STEP)) $(PARAMETERS)

doctor: env ## says what is wrong with a deployed stack, and what to do (STACK=ledgerline-dev)
	@$(PY) -m operations doctor --stack $(or $(STACK),ledgerline-dev)

cost: env ## writes the tables of docs/cost.md
	$(PY) -m benchmarks.cost

template: env ## writes template.yaml from infra/
	$(PY) -m scripts.template

dashboard: env ## writes functions/dashboard/assets from dashboard/
	$(PY) -m scripts.dashboard

openapi: env ## writes docs/openapi.json
	$(PY) -m local.reference.openapi

screenshots: setup ## pictures of the dashboard's pages, into docs/screenshots
	$(PY) -m local.screenshots

bench: setup silver-env ## what it costs, side by side with peers
	$(PY) -m benchmarks.run

bench-sweep: env ## one tenant's sweep, and the sweep with 100,000 due (DUE="1000 100000"); an hour
	$(PY) -m benchmarks.run --only scaling sweep --one-tenant --due $(or $(DUE),1000 100000)

bench-reports: env ## the reports of a million invoices (INVOICES=1000000); hours
	$(PY) -m benchmarks.run --only reports --invoices $(or $(INVOICES),1000000)

bench-aws: setup ## starts and latencies of a deployed stack (LEDGERLINE_API_URL, _API_KEY, _STACK), or of a local one
	$(PY) -m benchmarks.aws.run

lock: env ## resolves requirements*.in anew (the layers first: the environment follows them)
	$(LOCK) layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	$(LOCK) -c layers/dependencies/requirements.txt $(NOT_IN_LAYER) layers/pdf/requirements.in -o layers/pdf/requirements.txt
	$(LOCK) -c layers/dependencies/requirements.txt $(IN_DEPENDENCIES) layers/oauth/requirements.in -o layers/oauth/requirements.txt
	$(LOCK) -c layers/dependencies/requirements.txt $(HTTP_IN_DEPENDENCIES) layers/webhooks/requirements.in -o layers/webhooks/requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-sam.in -o requirements-sam.txt
	$(LOCK) requirements-checkov.in -o requirements-checkov.txt
	$(LOCK) requirements-silver.in -o requirements-silver.txt

clean: ## removes what builds and tests left
	rm -rf .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
