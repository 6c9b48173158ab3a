# `make demo` and `make test` are all that a newcomer needs; both set up what they miss.
PYTHON ?= python3.11
VENV   ?= .venv
BIN    := $(VENV)/bin
export PREFECT_SERVER_ANALYTICS_ENABLED = false
export DO_NOT_TRACK = 1
export NO_ALBUMENTATIONS_UPDATE = 1

.PHONY: setup demo test lint docs bench serve lock audit clean

setup: $(VENV)/ready

# Everything is installed at the versions of constraints.txt; a change of either file installs again. Of 25,000
# modules most are never imported: compiling all of them would be a third of the time.
$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Name another one: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@echo "Setting up $(VENV) (about 3 minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[embedded,ctranslate2,ray,posters,docs,dev]'
	@touch $@

demo: setup
	@$(BIN)/mmuda demo

# Two workers, a file to each, the longest first: half of the time goes into waiting for servers and processes.
test: setup lint
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n $(or $(WORKERS),2) --dist loadfile --no-loadscope-reorder

lint: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports

# The pages of docs/ and of the docstrings, as a folder that needs no server; a warning is an error.
docs: setup
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "The pages are in $(CURDIR)/site; open site/index.html."

# But for those that take an hour, want finished runs, or are started by others.
UNATTENDED = $(filter-out benchmarks/long_run%.py benchmarks/training_worker.py benchmarks/view_distance.py,$(wildcard benchmarks/*.py))

bench: setup
	@for script in $(UNATTENDED); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# Prefect's page with every run so far, and the deployments: schedules, runs by hand, training after an augmentation.
serve: setup
	@exec $(BIN)/mmuda serve

# Resolves the newest allowed versions of every extra without installing them.
lock:
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check --dry-run --ignore-installed --report $(VENV)/lock.json \
	  '.[embedded,ctranslate2,ray,posters,docs,dev]'
	@$(BIN)/python -c 'import json, sys; report = json.load(open(sys.argv[1])); \
	  pins = ((p["metadata"]["name"], p["metadata"]["version"]) for p in report["install"] if p["metadata"]["name"] != "mmuda"); \
	  print("# Written by `make lock`: every package that any extra installs, at the version that was tested."); \
	  print("\n".join(sorted((f"{name}=={version}" for name, version in pins), key=str.lower)))' $(VENV)/lock.json > constraints.txt
	@wc -l constraints.txt

# Known faults of the pinned packages; needs pypi.org. The auditor has an environment of its own.
audit:
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/pip install -qq --disable-pip-version-check pip-audit; }
	@.venv-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip --progress-spinner off

clean:
	rm -rf $(VENV) .venv-audit build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
