# `make demo` and `make test` on a machine with Python 3.11 and nothing else.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# The newest TensorFlow has an environment of its own.
NEWEST := .venv-newest
NEWEST_STAMP := $(NEWEST)/.installed

.PHONY: demo test test-newest check-exports lint clean

demo: $(STAMP)
	$(PYTHON) scripts/train.py --flagfile=configs/demo.flags

test: $(STAMP)
	$(PYTHON) -m pytest -n 2 --dist loadscope -m "not slow"

test-newest: $(NEWEST_STAMP)
	$(NEWEST)/bin/python -m pytest -n 2 --dist loadscope -m "not slow"

# Every segmenter in every runtime; see docs/serving.md.
check-exports: $(STAMP) $(NEWEST_STAMP)
	$(PYTHON) -m tests.runtimes.check --newest=$(NEWEST)/bin/python

lint: $(STAMP)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Made anew whenever what it is made from changes. Python itself compiles what is imported; pip would
# compile all of TensorFlow, which takes a minute.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@.ci/find_python.sh >/dev/null
	"$$(.ci/find_python.sh)" -m venv $(VENV)
	@echo "Installing TensorFlow and what else is pinned in constraints.txt (some minutes the first time) ..."
	$(PYTHON) -m pip install --quiet --no-compile --constraint constraints.txt --editable ".[test,dev,tfds,runtimes]"
	@touch $@

$(NEWEST_STAMP): setup.cfg pyproject.toml constraints-newest.txt
	@.ci/find_python.sh >/dev/null
	"$$(.ci/find_python.sh)" -m venv $(NEWEST)
	@echo "Installing the newest TensorFlow, pinned in constraints-newest.txt (some minutes the first time) ..."
	$(NEWEST)/bin/python -m pip install --quiet --no-compile --constraint constraints-newest.txt --editable ".[tf-newest,test]"
	@touch $@

clean:
	rm -rf $(VENV) $(NEWEST) build *.egg-info
