# `make` lists the targets. Everything they install goes into a private .venv in this folder.
#   make demo PYTHON=/usr/bin/python3.12    choose the Python
#   make test ARGS="-k signature"           pass more to the command behind a target

PYTHON ?=
ARGS ?=
STORE ?=
URL ?=
export PYTHON STORE URL
# Where it is set, each process that a test starts compiles all of Podium again: 0.3 s.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo quick test test-stores test-others soak bench bench-serve bench-quick bench-bulk bench-stores bench-explain bench-zoo check docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: ## install, train two models on real data, pack them, serve them at 127.0.0.1:8000
	@sh scripts/environment.sh demo
	@$(BIN)/podium demo $(ARGS)

QUICK := tests/architecture tests/unit tests/hosts/test_hosts.py tests/hosts/test_lanes.py
RUN := -m pytest -n auto --maxprocesses 8 --dist worksteal

quick: ## a minute after each change: the code's rules, the unit tests, a slice of the hosts
	@sh scripts/environment.sh test
	@$(BIN)/python $(RUN) -q -m "not slow" $(QUICK) $(ARGS)

test: ## install what the tests need and run the whole suite, on all processors
	@sh scripts/environment.sh test
	@sh scripts/browser.sh
	@sh scripts/databases.sh
	@sh scripts/clients.sh
	@$(BIN)/python $(RUN) $(ARGS)

test-stores: ## the contract of a store on a server of yours: make test-stores STORE=redis URL=redis://...
	@test -n "$$URL" || { echo "name an empty database: make test-stores STORE=cassandra URL=cassandra://..."; exit 2; }
	@sh scripts/environment.sh test
	@PODIUM_TEST_STORE="$$STORE" PODIUM_TEST_STORE_URL="$$URL" $(BIN)/python -m pytest tests/contract/test_users_server.py $(ARGS)

test-others: ## lifelines and others that refuse the newest pandas or SciPy, in an environment of their own
	@sh scripts/environment.sh test
	@$(BIN)/python -m bench.others $(ARGS)

soak: ## every fault for about an hour, every answer of podium new, attacks; PODIUM_SOAK=3 does a little
	@sh scripts/environment.sh test
	@sh scripts/databases.sh
	@PODIUM_SOAK=$${PODIUM_SOAK:-25} $(BIN)/python -m pytest tests/contract tests/faults tests/hosts/test_grpc.py tests/projects tests/security -s --timeout 7200 $(ARGS)

bench: ## programs against their originals, then servers against their peers; into the docs
	@sh scripts/environment.sh test
	@OMP_NUM_THREADS=1 $(BIN)/python -m bench.compile $(or $(ARGS),--markdown docs/benchmarks.md --svg docs/images/compile.svg)
	@$(if $(ARGS),,$(BIN)/python -m bench.start --markdown docs/benchmarks.md)
	@$(if $(ARGS),,$(BIN)/python -m bench.score --markdown docs/benchmarks.md)
	@$(if $(ARGS),,$(BIN)/python -m bench.serve --write)

bench-serve: ## servers alone: make bench-serve ARGS="--part recording --only podium,flask"
	@sh scripts/environment.sh test
	@$(BIN)/python -m bench.serve $(ARGS)

bench-quick: ## servers in two minutes: a few peers, one round, nothing is written
	@sh scripts/environment.sh test
	@$(BIN)/python -m bench.serve --quick $(ARGS)

bench-bulk: ## files beside pandas with scikit-learn, then the same rows by each engine
	@sh scripts/environment.sh test
	@sh scripts/databases.sh # Java, for Spark
	@$(BIN)/python -m bench.score $(ARGS)
	@$(BIN)/python -m bench.engines

bench-stores: ## stores side by side: make bench-stores ARGS="--only postgresql,mariadb"; into the docs
	@sh scripts/environment.sh test
	@sh scripts/databases.sh
	@$(BIN)/python -m bench.stores $(or $(ARGS),--write)

bench-explain: ## explanations of trees beside shap's, which gets an environment of its own; into the docs
	@sh scripts/environment.sh test
	@$(BIN)/python -m bench.explain $(or $(ARGS),--markdown docs/benchmarks.md)

bench-zoo: ## how many models compile, as people have them; make bench-zoo ARGS="boosters --why"; into the docs
	@sh scripts/environment.sh test
	@$(BIN)/python -m bench.zoo $(or $(ARGS),--markdown docs/reference/compiled.md)

check: ## format, lint, types, imports: what must hold before a commit
	@sh scripts/environment.sh test
	@$(BIN)/ruff format --check --quiet . && echo "format: ok"
	@$(BIN)/ruff check --quiet . && echo "lint: ok"
	@$(BIN)/mypy --no-error-summary && echo "types: ok"
	@$(BIN)/lint-imports --no-logo > .venv/podium/imports.log || { cat .venv/podium/imports.log; exit 1; }
	@echo "imports: ok"

docs: ## build the documentation into site/, with pictures of the pages where there is a browser
	@sh scripts/environment.sh docs
	@$(BIN)/python scripts/pictures.py
	@$(BIN)/zensical build --clean --strict
	@echo "docs: open site/index.html"

clean: ## remove .venv, site/ and caches; records stay
	@rm -rf .venv site docs/images/pages build dist src/*.egg-info src/podium/*/*.so podium-demo/*.podium
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .cache
	@find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
