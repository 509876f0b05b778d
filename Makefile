# Two commands matter: `make ship` runs the main job, `make test` passes the tests.
# Both set up all they need (uv, the locked environment, the pinned scanners) and re-use it the next time.

.DEFAULT_GOAL := help
.PHONY: help setup ship ship-bad down test lint policies benchmark

UV_BIN = $(shell scripts/bootstrap.sh)
RUN = $(UV_BIN) run --frozen --quiet

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: ## Install uv and the locked environment
	@uv=$$(scripts/bootstrap.sh) && $$uv sync --frozen

ship: setup ## Build, scan, judge, sign, record and deploy Florin on this machine, then trace its first posting
	@$(RUN) mintmark ship --env local

ship-bad: setup ## Try seven bad releases of Florin and show how each is refused
	@$(RUN) python scripts/ship_bad.py

down: setup ## Stop the Florin that `make ship` started, and its database
	@$(RUN) mintmark env stop local

lint: setup ## Formatting, lint, types and import contracts
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports

test: lint ## Everything that must hold before a change lands
	@$(RUN) pytest $(PYTEST_ARGS)

policies: setup ## Rebuild the policy bundle with OPA, and the policy pages
	@$(RUN) python scripts/build_policies.py

benchmark: setup ## Ratios, measured side by side in one run
	@$(RUN) python benchmarks/start_up.py
	@$(RUN) python -m benchmarks.evidence
	@$(RUN) python -m benchmarks.ledger_binding
	@$(RUN) python -m benchmarks.scanning
	@$(RUN) python -m benchmarks.deciding
