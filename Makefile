# Everything runs in a virtual environment that the first target makes: VENV=folder chooses where.
VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
IN_VENV = $(VENV)/bin/python
STAMP = $(VENV)/.installed
DEV_STAMP = $(VENV)/.installed-dev
PINS ?= requirements/tested.txt
METADATA = pyproject.toml setup.py $(PINS)

OFFLINE = HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error \
          WANDB_MODE=offline MPLBACKEND=Agg OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.PHONY: help venv test test-all test-oldest lint types demo docs bench fuzz clean

help:
	@echo 'make demo      generate a small world, train, evaluate and ground in it (FRESH=1: anew)'
	@echo 'make test      the tests, in a virtual environment (VENV=folder, default .venv)'
	@echo 'make test-all  the slow tests too'
	@echo 'make test-oldest  the tests with the oldest versions of everything'
	@echo 'make docs      the manual as HTML, in build/docs'
	@echo 'make bench     the benchmarks, at sizes that take a CPU eleven minutes'
	@echo 'make fuzz      a minute of Atheris for every reader of files from outside (SECONDS=60)'
	@echo 'make lint types clean'

venv: $(STAMP)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): $(METADATA) | $(VENV)/bin/python
	$(IN_VENV) -m pip install --quiet -e '.[test]' -c $(PINS)
	@touch $@

$(DEV_STAMP): $(STAMP)
	$(IN_VENV) -m pip install --quiet -e '.[dev]' -c $(PINS)
	@touch $@

test: $(STAMP)
	$(OFFLINE) $(IN_VENV) -m pytest -q -m 'not slow and not gpu' --durations=10

test-all: $(STAMP)
	$(OFFLINE) $(IN_VENV) -m pytest -q --durations=20

lint: $(DEV_STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(IN_VENV) tools/audit_dependencies.py requirements/tested.txt

# The oldest versions that setup allows, in an environment of their own.
test-oldest:
	$(MAKE) test VENV=$(VENV)-oldest PINS=requirements/oldest.txt

types: $(DEV_STAMP)
	$(VENV)/bin/mypy

demo: $(STAMP)
	$(IN_VENV) tools/demo.py --out demo $(if $(FRESH),--fresh)

docs: $(STAMP)
	$(IN_VENV) -m pip install --quiet -e '.[docs]' -c requirements/tested.txt
	$(OFFLINE) $(IN_VENV) -m sphinx -q -W --keep-going -b html docs build/docs
	@echo 'wrote build/docs/index.html'

bench: $(STAMP)
	$(IN_VENV) tools/run_benchmarks.py

fuzz: $(STAMP)
	$(IN_VENV) -m pip install --quiet -e '.[fuzz]' -c requirements/tested.txt
	$(OFFLINE) $(IN_VENV) tools/fuzz.py $(if $(SECONDS),--seconds $(SECONDS))

clean:
	rm -rf build dist demo work_dirs .pytest_cache .mypy_cache .ruff_cache .hypothesis stgr.egg-info
	find stgr tests tools configs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
