# make test and make demo need python3.11, venv and make, and set up .venv/ by themselves. PYTHON=... names the interpreter to make it from.

SHELL := /bin/bash
VENV_PYTHON := .venv/bin/python
CORES := $(shell nproc 2>/dev/null || echo 2)

# No display is needed: Qt draws into memory, VTK renders through EGL.
export QT_QPA_PLATFORM ?= offscreen
export OMP_NUM_THREADS ?= $(CORES)
# Without bytecode each of the hundreds of processes that the tests start would compile the packages anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: reliability help setup lint format test test-fast docs demo bench readme pictures model release clean

help:
	@echo "make setup      make or refresh .venv/"
	@echo "make lint       what .ci/run checks before the tests: ruff's rules and format, mypy"
	@echo "make format     put the code into that form"
	@echo "make test       all tests"
	@echo "make test-fast  the tests of crend alone that take no longer than a breath (not marked slow)"
	@echo "make docs       the documentation, in build/docs; a warning is an error"
	@echo "make reliability  thousands of odd volumes, files, bundles and requests, and kills, in half an hour; Testing/reliability/report.md"
	@echo "make demo       a sample volume, its segmentation, a Slicer scene and its picture, in demo/"
	@echo "make bench      what takes how long, against peers and by size, and the report in Testing/benchmarks/report (up to an hour)"
	@echo "make readme     the demo, then its output and its picture into README.md"
	@echo "make pictures   the demo, then the pictures of the documentation; look at each"
	@echo "make model      train, bundle, measure and calibrate the bundled model anew, in runs/model (hours)"
	@echo "make release    the committed tree as a repository of one commit for Slicer's catalogue, checked, in dist/SlicerCRend/"
	@echo "make clean      remove what make demo and the tests left; .venv/ stays"

setup:
	@tools/setup.sh

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# A process a core, each with one thread; a file's tests stay together, for they share what is slow to make. Files go out in the order of
# Testing/conftest.py, the slow ones first.
test: setup
	OMP_NUM_THREADS=1 $(VENV_PYTHON) -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(PYTEST)

test-fast: setup
	$(VENV_PYTHON) -m pytest -m "not slow" Testing/unit $(PYTEST)

docs: setup
	$(VENV_PYTHON) -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "build/docs/index.html"

reliability: setup
	$(VENV_PYTHON) Testing/reliability/run.py

demo: setup
	$(VENV_PYTHON) tools/crend_demo

bench: setup
	$(VENV_PYTHON) Testing/benchmarks/bench.py

readme: demo
	$(VENV_PYTHON) tools/update_readme.py

pictures: demo
	$(VENV_PYTHON) tools/make_pictures.py

model: setup
	PYTHON=$(VENV_PYTHON) tools/make_model.sh

release: setup
	$(VENV_PYTHON) tools/release.py

clean:
	rm -rf demo build dist .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find CRendSegmentation training_pkg Testing tools -name __pycache__ -prune -exec rm -rf {} +
