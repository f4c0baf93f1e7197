# Everything a person or CI runs. `make` alone prints this help.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

VENV := .venv/bin
PACKAGES := console forecast foreshadow frr ingest policy_gen rollout scenarios shadow
CODE := $(wildcard $(PACKAGES) tests benchmarks)
PROSE := $(wildcard docs kafka containerlab Makefile README.md CHANGELOG.md pyproject.toml)

# Tests run in a shuffled order that is the same every time; SEED=N shuffles otherwise.
SEED ?= 1

# Options of `make demo`; each is passed on only when it was given.
DEMO_OPTIONS = $(if $(TRAFFIC),--traffic "$(TRAFFIC)") $(if $(REPORT),--report "$(REPORT)") \
	$(if $(GROWTH),--growth "$(GROWTH)") $(if $(DAY),--day "$(DAY)")

.PHONY: help setup setup-containerlab demo doctor test lint fmt type contracts unit integration
.PHONY: golden bench docs clean

help: ## Print this help
	@printf 'Foreshadow\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\n  make demo TRAFFIC=FILE REPORT=DIR GROWTH=2.5 DAY=2004-03-11   each one optional\n'

setup: ## Install what is missing (prints what and why); quick when nothing is
	@bash console/setup.sh

setup-containerlab: setup ## Install what routers as containers need: an engine of our own, an image
	@bash console/setup-containerlab.sh

demo: setup ## Run the reference drill: forecast, drill, policy, waves, rollback
	@$(VENV)/foreshadow demo $(DEMO_OPTIONS)

doctor: setup ## Say what this host can do and what it lacks
	@$(VENV)/foreshadow doctor

test: setup lint type contracts ## Lint, types, import contracts and every test
	$(VENV)/pytest --randomly-seed=$(SEED)

lint: setup ## Style, formatting and spelling
	$(VENV)/ruff check $(CODE)
	$(VENV)/ruff format --check $(CODE)
	$(VENV)/codespell $(CODE) $(PROSE)

fmt: setup ## Rewrite the code the way lint wants it
	$(VENV)/ruff check --fix $(CODE)
	$(VENV)/ruff format $(CODE)

type: setup ## mypy, strict, over packages and tests
	$(VENV)/mypy $(CODE)

contracts: setup ## The direction of the rooms (pyproject.toml, import-linter)
	$(VENV)/lint-imports

unit: setup ## Tests that need no broker and no routers
	$(VENV)/pytest tests/unit

integration: setup ## Tests on the real broker and the real routers
	$(VENV)/pytest tests/integration

golden: setup ## Rewrite the rendered reference files; review them as a diff
	FORESHADOW_GOLDEN=rewrite $(VENV)/pytest tests -p no:randomly -k golden

bench: setup ## Benchmarks; one with BENCH=NAME
	@for name in $(or $(BENCH),$(basename $(notdir $(wildcard benchmarks/[a-z]*.py)))); do \
		$(VENV)/python -m benchmarks.$$name || exit 1; \
	done

docs: setup ## Check that every file the documents link to exists
	$(VENV)/pytest tests/unit/docs

clean: ## Remove what dead runs left behind; ALL=1 also stops live ones
	@if [ -x $(VENV)/foreshadow ]; then $(VENV)/foreshadow clean $(if $(ALL),--all); \
	else echo 'nothing to clean: set-up has not run here'; fi
