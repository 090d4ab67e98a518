# `make demo` and `make test` on a machine with Python 3.11 and nothing else.

VENV := .venv
PYTHON := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: demo test lint clean

demo: $(STAMP)
	$(PYTHON) scripts/train.py --flagfile=configs/demo.flags

test: $(STAMP)
	$(PYTHON) -m pytest -n 2 --dist loadscope -m "not slow"

lint: $(STAMP)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# Made anew whenever what it is made from changes.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@.ci/find_python.sh >/dev/null
	"$$(.ci/find_python.sh)" -m venv $(VENV)
	@echo "Installing TensorFlow and what else is pinned in constraints.txt (some minutes the first time) ..."
	$(PYTHON) -m pip install --quiet --constraint constraints.txt --editable ".[test,dev,tfds]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info
