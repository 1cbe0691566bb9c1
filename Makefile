# `make run` and `make test` are all one needs; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CATALOGUE := lumo/locale/ja/LC_MESSAGES/django

.PHONY: help setup run test check messages bench bench-soak format clean
.DEFAULT_GOAL := help

help: ## List what make can do
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed $(CATALOGUE).mo ## Install Lumo into .venv, nothing else

# Ends with make itself, kill -9 included; Ctrl-C is its own to handle.
run: setup ## Install, start everything in the sandbox and send the sample message
	@exec setpriv --pdeathsig TERM -- $(BIN)/python -P -m lumo up --sandbox --sample

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(CATALOGUE).mo: $(CATALOGUE).po | $(VENV)/.installed
	$(BIN)/python -m tools.translations compile

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

check: $(VENV)/.installed-dev $(CATALOGUE).mo ## Lint, types, import rules, translations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	find lumo -name '*.html' -exec $(BIN)/djlint --quiet --check --lint {} +
	$(BIN)/python -m tools.translations check

test: check ## Install what the tests need and run them all
	$(BIN)/python -m pytest -n 2

messages: $(VENV)/.installed ## Bring the Japanese catalogue up to date with the code
	$(BIN)/python -m tools.translations update

$(VENV)/.installed-bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@dpkg -s nginx-light libnginx-mod-http-echo >/dev/null 2>&1 || [ "$$(id -u)" != 0 ] || { \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends nginx-light libnginx-mod-http-echo; }
	@touch $@

bench: $(VENV)/.installed-bench ## Measure the real system; ARGS=--quick for a short look, ARGS=--help for more
	$(BIN)/python -m benchmarks $(ARGS)

bench-soak: $(VENV)/.installed-bench ## 500,000 pushes against a faulty LINE, through each HTTP client
	nice $(BIN)/python -m benchmarks.soak compare $(ARGS)

format: $(VENV)/.installed-dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove .venv and caches (never your data)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
