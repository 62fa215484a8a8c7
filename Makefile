# Two words for a newcomer: `make run` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
LOCK = $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

# Of a Python that is too old pip would say only that there is no such Starlette.
NEW_ENOUGH = -c "import sys; sys.version_info < (3, 11) and sys.exit('Billetter needs Python 3.11 or \
	newer, and $(PYTHON) is ' + sys.version.split()[0] + '; name another: make run PYTHON=python3.11')"
# What an earlier try has left may be of such a Python, or half made.
VENV_IS_WHOLE = $(BIN)/python $(NEW_ENOUGH) 2> /dev/null && $(BIN)/python -m pip --version > /dev/null 2>&1

.PHONY: run install test check fmt bench bench-http bench-recovery bench-sale bench-pages screenshots load torture lock clean

run: install
	$(BIN)/billetter demo

install: .venv/installed

test: .venv/installed-dev check
	$(BIN)/python -m pytest -n 3 --dist loadfile

check: .venv/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: .venv/installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Half an hour and 6 GB of disk; each with `--smoke` does the same with a hundredth.
bench: .venv/installed-dev
	$(BIN)/python -m bench.scale
	$(BIN)/python -m bench.search
	$(BIN)/python -m bench.sagas
	$(BIN)/python -m bench.slow
	$(BIN)/python -m bench.engine
	$(BIN)/python -m bench.plots

# Three minutes: a million records, a million bookings, and the log beside a plain file.
bench-recovery: .venv/installed-dev
	$(BIN)/python -m bench.recovery

# A quarter of an hour; wrk must be installed, nginx may be: the server beside a hello-world on the
# same Granian, and through nginx, by turns.
bench-http: .venv/installed-dev
	$(BIN)/python -m bench.http
	$(BIN)/python -m bench.nginx
	$(BIN)/python -m bench.plots

# Some twenty-five minutes; the storm needs wrk. An hour more, with the server killed every ten
# minutes: `python -m bench.soak --minutes 60 --kill-every 10`.
bench-sale: .venv/installed-dev
	$(BIN)/python -m bench.storm
	$(BIN)/python -m bench.sale
	$(BIN)/python -m bench.soak
	$(BIN)/python -m bench.watchers

# A minute each, with a Chromium on the PATH: what pages cost a browser, and their pictures.
bench-pages: .venv/installed-dev
	$(BIN)/python -m bench.pages

screenshots: .venv/installed-dev
	$(BIN)/python -m bench.screenshots

# Until it is ended: people at a shop of demo data, watched and chosen at http://127.0.0.1:8089.
load: .venv/installed-dev
	$(BIN)/python -m bench.load

# Three hours on two cores; RELIABILITY.md says what is tried and what came out.
torture: .venv/installed-dev
	$(BIN)/billetter torture --seed 20261124 --report torture/results

# Setuptools is in the lock file, so that the editable install builds offline and from known hashes.
.venv/installed: requirements.lock pyproject.toml
	@echo "Installing Billetter into .venv (once) ..."
	@$(VENV_IS_WHOLE) || { $(PYTHON) $(NEW_ENOUGH) && $(PYTHON) -m venv --clear .venv; }
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	@echo "Installing the test tools into .venv (once) ..."
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# Two files, so that `make run` does not wait for the test tools.
lock: .venv/installed-dev
	$(LOCK) --upgrade --output-file requirements.lock pyproject.toml requirements-build.in
	$(LOCK) --upgrade --constraint requirements.lock --extra dev --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
