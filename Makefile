# Aliases; the commands themselves are in manage.py. PostgreSQL and Redis come in packages for Python 3.11 and 3.12.
PYTHON ?= $(firstword $(foreach name,python3.12 python3.11 python3,$(shell $(name) -c 'print("$(name)")' 2>/dev/null)))
BIN := .venv/bin

.PHONY: up test check bench faults fuzz format lock messages dev

up:
	$(PYTHON) manage.py up

test:
	$(PYTHON) manage.py test

check: dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	PUBLIC_URL=https://oneview.example \
	SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
	ENCRYPTION_KEYS=$$($(BIN)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
	$(BIN)/python manage.py check --deploy --fail-level WARNING

bench: dev
	$(BIN)/python -m bench $(ONLY)

faults: dev
	$(BIN)/python -m bench.faults $(ONLY)

# Ten thousand requests made from the API's own description, for a quarter of an hour at most.
fuzz: dev
	FUZZ_CASES=10000 FUZZ_SECONDS=900 $(BIN)/python -m pytest -q tests/inbox/test_api_schema.py

format: dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Needs uv. An upgrade: make lock UPGRADE=--upgrade
lock:
	cd requirements && for name in base dev; do \
	    uv pip compile $(UPGRADE) --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url $$name.in -o $$name.txt || exit 1; \
	done

# Needs gettext. Brings every catalogue to the sentences of the code; what is new in it waits for its translation.
messages: dev
	$(BIN)/python manage.py makemessages $(foreach language,en de es fr,-l $(language)) --no-location --no-wrap --ignore .venv --ignore var

dev:
	@$(PYTHON) -m oneview.bootstrap dev
