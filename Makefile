# Every target makes the virtual environment it needs; a second call reuses it.
#   make demo [FRAMES=folder WEIGHTS=file]   make test [ARGS="-k queue"]   make full
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv demo test full soak lint format bench weights weights-yolo weights-sam2 lab clean

VENV ?= .venv
EXTRAS ?= dev,onnx,postgres,sam2
OUT ?= demo-project
ARGS ?=
export VENV EXTRAS PYTHON

comma := ,
PY := $(VENV)/bin/python
READY := $(VENV)/.ready-$(subst $(comma),-,$(EXTRAS))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 8

$(READY): pyproject.toml constraints.txt .ci/venv
	@.ci/venv
	@touch $@

venv: $(READY) ## make or refresh the virtual environment

demo: $(READY) ## predict, queue, scripted review, metrics, report and export, into demo-project/
	@$(PY) -m labkit demo --out "$(OUT)" $(if $(FRAMES),--frames "$(FRAMES)") $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(TRUST),--trust)

test: $(READY) ## all tests but the slow ones
	@.ci/apt
	@$(PY) -m pytest -m "not soak" $(ARGS)
	@$(if $(ARGS),,$(PY) extensions/check.py test)

full: ## all tests, with FiftyOne installed as well
	@$(MAKE) --no-print-directory test soak EXTRAS=dev,onnx,postgres,sam2,fiftyone

soak: $(READY) ## the slow tests: kills, many hours in minutes
	@$(PY) -m pytest -m soak --timeout 1800 $(ARGS)

lint: $(READY) ## style, types and import contracts
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	@$(PY) extensions/check.py lint

format: $(READY) ## rewrite the code in the project's style
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .
	@$(PY) extensions/check.py format

bench: $(READY) ## every benchmark; each prints a Markdown table
	@for file in benchmarks/[!_]*.py; do $(PY) "$$file" || exit 1; echo; done

weights: weights-yolo weights-sam2 ## train the small models of the embedded world again; goes on where it stopped

weights-yolo: $(READY) ## train the small YOLO again and measure it; goes on where it stopped
	@$(PY) -m training.yolo
	@$(PY) -m training.evaluate_yolo

weights-sam2: $(READY) ## train the small SAM2 (about 2.5 CPU hours) and measure it
	@PY="$(PY)" training/run.sh

lab: $(READY) ## JupyterLab on the notebooks, with the review open
	@$(PY) -m labkit lab notebooks/02_review.ipynb $(if $(ARGS),-- $(ARGS))

clean: ## remove the virtual environment, caches and the demo's project
	rm -rf "$(VENV)" demo-project build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
