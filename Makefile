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

native:
	cmake -S . -B build/native -DSTRIATE_PYTHON=OFF -DSTRIATE_NATIVE_TESTS=ON
	cmake --build build/native --parallel 2
	ctest --test-dir build/native --output-on-failure

sanitize: sanitize-address sanitize-undefined sanitize-thread

sanitize-%:
	cmake -S . -B build/$* -DSTRIATE_SANITIZE=$*
	cmake --build build/$* --parallel 2
	ctest --test-dir build/$* --output-on-failure

doctests:
	python -m pytest -q --doctest-modules --pyargs striate
	python -m pytest -q --doctest-glob="*.md" docs README.md
