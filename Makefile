# make run: from clone to an installable model. make test: lint, types and tests.
# Both set up .venv first, with the exact versions in requirements.txt.

PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The config that `configure` writes says everything; this variable would silently beat it.
unexport SPACY_CONFIG_OVERRIDES
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.PHONY: run test setup ray lock document clean

run: setup ## The whole pipeline, then a summary
	python -m weasel run all

test: setup ray ## Lint, types, tests
	ruff check .
	ruff format --check .
	mypy
	python -m pytest --numprocesses auto --dist loadfile

setup: .venv/ready ## .venv with locked requirements
	@git rev-parse --is-inside-work-tree > /dev/null 2>&1 || \
		(git init --quiet && echo "DVC needs a git repository: made one here (git init).")

# `ready` comes last, so an interrupted installation is never taken for a whole one.
.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		(echo "Python 3.10 or newer is needed: make PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch .venv/ready

ray: setup .venv/ray ## What it needs to work on more than one machine

.venv/ray: requirements-ray.txt .venv/ready
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-ray.txt
	touch .venv/ray

lock: setup ## Write requirements.txt anew from pyproject.toml
	uv pip compile --universal --generate-hashes --python-version 3.10 --no-header --quiet \
		--group dev pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --python-version 3.10 --no-header --quiet \
		--group dev --extra ray --constraint requirements.txt pyproject.toml -o requirements-ray.txt

document: setup ## Write the README's last part and its picture anew
	python -m weasel document . --output README.md
	python -m scripts.reporting.picture docs/summary.svg

clean: ## Remove what the pipeline made; data, environment and DVC's cache stay
	rm -rf corpus training/base training/model training/model-best training/model-last training/live packages
