# Everything runs in .venv, made here from the pinned versions of constraints.txt: Python 3.11 to 3.13 and make are enough.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

ROOM ?= formats

.PHONY: setup demo test coverage mutants lint docs lock clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed; name one: make setup PYTHON=python3.12. Received: " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,physics,serve,large,docs]'
	touch $@

demo: $(READY)
	$(BIN)/python -m rugan_tf.demo --out runs/demo

# A file of tests stays in one process: what its tests share is made once.
test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# How much of the package the tests run, in about twice the time of `make test`.
coverage: $(READY)
	mkdir -p build/coverage
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --sort cover

# Mutation testing of one room, at the lowest priority: make mutants ROOM=lattice
mutants: $(READY)
	$(BIN)/python tests/mutants.py $(ROOM)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/prose.py README.md CHANGELOG.md saved_models/README.md docs/*.md

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --site-dir site

lock: $(READY)
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

clean:
	rm -rf .venv build site *.egg-info .pytest_cache .mypy_cache .ruff_cache
