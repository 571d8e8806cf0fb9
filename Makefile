# Two commands do all the set-up on a fresh machine: `make up` and `make test`.
# Only Python 3.11+ and make are needed; uv comes from PyPI when it is not installed.
SHELL := /bin/bash
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
RUN := .venv/bin/python
export UV_PYTHON_DOWNLOADS := never
# A company's own certificate authority is in the system store, not in uv's.
export UV_SYSTEM_CERTS := true
export UV_PROJECT_ENVIRONMENT := .venv
# PATH of another project's environment must not redirect ours.
unexport VIRTUAL_ENV
# Every process that a test or the product starts would compile every library anew.
unexport PYTHONDONTWRITEBYTECODE

# `.venv/bin/greenroom`: the project is not installed as a package, so the command names its folder.
COMMAND := printf '%s\n' '\#!$(CURDIR)/.venv/bin/python' 'import sys' \
  'sys.path.insert(0, "$(CURDIR)")' 'from memoryapp.project.cli import main' 'sys.exit(main())' \
  > .venv/bin/greenroom && chmod +x .venv/bin/greenroom

.PHONY: help up test lint types check install install-dev tools bench chaos format screenshots schema reference wheel sbom chart docs clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: install ## Start Greenroom here: embedded PostgreSQL and Redis, web, worker, beat
	@exec $(RUN) -m memoryapp.project.up

# mypy takes one core for a minute: it goes on beside the tests, and yields to them.
test: install-dev ## Everything CI checks
	@said=$$(mktemp); trap 'rm -f "$$said"' EXIT; \
	{ nice $(MAKE) --no-print-directory -o install-dev types > "$$said" 2>&1; code=$$?; cat "$$said"; exit $$code; } & types=$$!; \
	$(MAKE) --no-print-directory -o install-dev -j2 lint tools || { wait; exit 1; }; \
	$(RUN) -m pytest -n 2 --dist loadgroup --durations=30 --durations-min=4; tested=$$?; \
	wait $$types || { cat "$$said"; exit 1; }; \
	exit $$tested

lint: install-dev ## Style, import contracts, migrations, API schema, compose file
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports --no-cache
	@$(RUN) -W ignore manage.py makemigrations --check --dry-run
	.venv/bin/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	.venv/bin/bandit -q -lll -r memoryapp practice clients/python/greenroom_client
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/ci.yml

types: install-dev ## mypy, strict
	.venv/bin/mypy memoryapp practice tests examples/helpdesk clients/python manage.py

install: .tools/python-ok
	@test -x "$(UV)" || command -v uv >/dev/null || $(MAKE) --no-print-directory .tools/uv/bin/uv
	@$(UV) sync --frozen --inexact --quiet --no-default-groups --python $(PYTHON)
	@$(COMMAND)

install-dev: .tools/python-ok
	@test -x "$(UV)" || command -v uv >/dev/null || $(MAKE) --no-print-directory .tools/uv/bin/uv
	@$(UV) sync --frozen --inexact --quiet --group dev --python $(PYTHON)
	@$(COMMAND)

.tools/python-ok:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Greenroom needs Python 3.11 to 3.13. Name one with: make up PYTHON=python3.12"; exit 1; }
	@mkdir -p .tools && touch $@

.tools/uv/bin/uv:
	@$(PYTHON) -m venv .tools/uv || \
	  { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

tools: install-dev ## MCP servers of other people, for the tests, in environments of their own
	@$(RUN) -m tests.third_party

bench: install-dev ## Figures of the practice engine in docs/benchmarks-practice.md, one JSON line each; hours
	@$(UV) sync --frozen --inexact --quiet --group dev --extra bfcl --python $(PYTHON)
	$(RUN) -m benchmarks.practice_bfcl --ablations
	$(RUN) -m benchmarks.practice_bfcl --seeds 51 52 53 54 55 56
	$(RUN) -m benchmarks.memory_helps
	$(RUN) -m benchmarks.validator_bfcl
	$(RUN) -m benchmarks.task_manager
	$(RUN) -m benchmarks.third_party
	$(RUN) -m benchmarks.orchestration
	$(RUN) -m benchmarks.growth

chaos: install-dev ## Kill worker, beat, web, Redis and PostgreSQL, and cut the network, while runs go on
	$(RUN) -m benchmarks.chaos

format: install-dev ## Rewrite style
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

screenshots: install-dev ## Take the pictures in docs/screenshots again
	$(RUN) -m tests.screenshots

schema: install-dev ## Write docs/openapi.yaml and the reference pages made from it
	$(RUN) manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml
	$(RUN) -W ignore -m tests.reference

reference: install-dev ## Write the reference pages of settings, API and command
	$(RUN) -W ignore -m tests.reference

wheel: install-dev ## Build dist/greenroom-*.whl, with templates, static files and the sample
	$(RUN) -m hatchling build -t wheel -d dist

sbom: install-dev ## Write dist/sbom.cdx.json: what a release holds, from uv.lock (CycloneDX)
	@mkdir -p dist
	@$(UV) export --frozen --quiet --no-default-groups --format cyclonedx1.5 > dist/sbom.cdx.json

chart: install-dev ## Render the Helm chart with Helm's own code, and look at what comes out
	@$(UV) sync --frozen --inexact --quiet --group dev --group chart --python $(PYTHON)
	$(RUN) -m pytest -q tests/project/test_chart.py

docs: install-dev ## Build the documentation into dist/docs; a broken link fails it
	.venv/bin/zensical build --strict

clean: ## Remove what was installed, never the data
	rm -rf .venv .tools .mypy_cache .ruff_cache
