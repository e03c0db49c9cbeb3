# The two commands a newcomer needs are `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8501

.PHONY: run test lint audit bench bundle clean

.venv/run.done: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev.done: requirements.txt requirements-dev.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: .venv/run.done  ## start the app on localhost:8501
	$(BIN)/python -m invlab.compiled
	$(BIN)/python -m streamlit run app.py --server.port $(PORT)

test: .venv/dev.done  ## the whole suite; the browser tests need Chromium
	$(BIN)/python -m pytest

lint: .venv/dev.done audit  ## style, types, and what is known against the packages we use
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: .venv/dev.done  ## known advisories and our answers (docs/advisories.toml)
	$(BIN)/python -m tests.advisories

bench: .venv/dev.done  ## every benchmark this machine can run; results in benchmarks/results
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python -m invlab.compiled
	$(BIN)/python -m benchmarks.run

bundle: .venv/run.done  ## compute the bundled results anew (about an hour on two cores; goes on where it stopped)
	$(BIN)/python -m invlab bundle build

clean:
	rm -rf invlab/kernels-* .venv .pytest_cache .mypy_cache .ruff_cache
