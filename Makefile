# `make demo` and `make test` need only Python 3.11+, pip and make; what else they need they make, once.
PYTHON ?= python3

VENV   := .venv
PY     := $(VENV)/bin/python
# The stamps hang on pyproject.toml alone, so that a second run starts no pip.
MADE   := $(VENV)/.made
RUN    := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev

# The comparison with a real TensorFlow: the interpreter TFCOMPAT_ORACLE names, else one made here (a download of some 250 MB).
ORACLE_VENV := .oracle-venv
ORACLE_MADE := $(ORACLE_VENV)/.installed
ORACLE_PY   := $(or $(TFCOMPAT_ORACLE),$(ORACLE_VENV)/bin/python)
TENSORFLOW  := tensorflow-cpu==2.21.0

.PHONY: demo test oracle oracle-python lint format bench clean

demo: $(RUN)
	$(PY) examples/demo.py

test: lint
	$(PY) -m pytest -n 2

# `make oracle ORACLE="--record"`: arguments of tests/oracle/run.py.
oracle: $(DEV) oracle-python
	TFCOMPAT_ORACLE=$(ORACLE_PY) $(PY) tests/oracle/run.py $(ORACLE)

oracle-python: $(if $(TFCOMPAT_ORACLE),,$(ORACLE_MADE))
	@$(ORACLE_PY) -c 'import importlib.metadata as m, sys; sys.exit(not any(m.packages_distributions().get("tensorflow", ())))' || \
	    { echo "$(ORACLE_PY) has no TensorFlow" >&2; exit 1; }

lint: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(DEV)
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# With TF_PYTHON=<an interpreter that has TensorFlow> the table gets a third column.
bench: $(RUN)
	$(PY) benchmarks/run.py

clean:
	rm -rf $(VENV) $(ORACLE_VENV) build dist *.egg-info .pytest_cache .ruff_cache demo.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Where the venv module cannot bring pip along (Debian keeps ensurepip in a package of its own), the pip outside does.
$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "tfcompat needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	    $(PYTHON) -m pip --python $(PY) install pip; }
	@touch $@

$(ORACLE_MADE):
	$(PYTHON) -m venv $(ORACLE_VENV) || { $(PYTHON) -m venv --clear --without-pip $(ORACLE_VENV) && \
	    $(PYTHON) -m pip --python $(ORACLE_PY) install pip; }
	$(ORACLE_PY) -m pip install --quiet --disable-pip-version-check '$(TENSORFLOW)'
	@touch $@

$(RUN): pyproject.toml $(MADE)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[all]'
	@touch $@

$(DEV): pyproject.toml $(RUN)
	$(PY) -m pip install --quiet --disable-pip-version-check -e '.[all,dev]'
	@touch $@
