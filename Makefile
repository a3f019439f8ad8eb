# One task file; CI calls the same recipes.
.PHONY: test exhaustive lint types layers doctests native sanitize

test:
	python -m pytest -q

exhaustive:
	python -m pytest -q -m "exhaustive or not exhaustive"

lint:
	ruff check .

types:
	mypy

layers:
	lint-imports

doctests:
	python -m pytest -q --doctest-modules --pyargs striate
	python -m pytest -q --doctest-glob="*.md" docs README.md
