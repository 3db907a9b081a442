# make run: from clone to an installable model. make help: everything else.
# Every target sets up .venv first, with the exact versions in requirements.txt.

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# `configure` writes the complete config; this variable would override it without a word.
unexport SPACY_CONFIG_OVERRIDES
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

PYTEST = python -m pytest --numprocesses auto --dist loadfile

# What of the answers to `make new` is given on the command line.
GIVEN = $(if $(DIR),"$(DIR)") $(if $(NAME),--name "$(NAME)") \
	$(if $(filter undefined,$(origin DATA)),,--data "$(DATA)")

.PHONY: help new run test test-all setup ray transformers lock document clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## The whole pipeline, then a summary
	python -m weasel run all

new: setup ## A project of your own, without the demo: make new DIR=../mine NAME=mine_ner DATA=../texts
	@python -m scripts.new $(GIVEN)

test: setup ## Lint, types, layers and the fast tests, the whole pipeline once among them
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	$(PYTEST) -m "not slow"

test-all: setup ray ## The tests that `make test` leaves out: faults, Ray, queue, browser, sharing
	$(PYTEST) -m slow

setup: .venv/ready ## .venv with locked requirements
	@git rev-parse --is-inside-work-tree > /dev/null 2>&1 || \
		(git init --quiet && echo "DVC needs a git repository: made one here (git init).")

# `ready` is written last, so an interrupted installation is never taken for a complete one.
.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		(echo "Python 3.10 or newer is needed: make PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m scripts.runtime.install requirements.txt
	touch .venv/ready

ray: setup .venv/ray ## Ray beside the rest, to annotate and experiment on more than one machine

.venv/ray: requirements-ray.txt .venv/ready
	.venv/bin/python -m scripts.runtime.install requirements-ray.txt
	touch .venv/ray

# On Linux, PyPI's PyTorch comes with what a GPU needs: several GB (docs/transformers.md).
transformers: setup .venv/transformers ## What base models with a transformer need, beside the rest

.venv/transformers: requirements-transformers.txt .venv/ready
	.venv/bin/python -m scripts.runtime.install requirements-transformers.txt
	touch .venv/transformers

lock: setup ## Write the locked requirements anew from pyproject.toml
	uv pip compile --universal --generate-hashes --python-version 3.10 --no-header --quiet \
		--group dev pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --python-version 3.10 --no-header --quiet \
		--group dev --extra ray --constraint requirements.txt pyproject.toml -o requirements-ray.txt
	uv pip compile --universal --generate-hashes --python-version 3.10 --no-header --quiet \
		--group dev --extra transformers --constraint requirements.txt pyproject.toml \
		-o requirements-transformers.txt

document: setup ## Write docs/commands.md and the pictures of summary and page anew
	python -m weasel document . --output docs/commands.part
	sed -e 's#](project.yml)#](../project.yml)#' -e 's#](assets/#](../assets/#' docs/commands.part > docs/commands.md
	rm docs/commands.part
	python -m scripts.reporting.picture docs/summary.svg docs/report.png

clean: ## Remove what the pipeline made; data, environment and DVC's cache stay
	rm -rf corpus training/base training/model training/model-best training/model-last training/live packages
