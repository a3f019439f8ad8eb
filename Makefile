# One task file; CI calls the same recipes.
.PHONY: test exhaustive browser lab lint types layers doctests site wheel packages native neon sanitize

test:
	python -m pytest -q -n 2 --dist loadfile

exhaustive:
	python -m pytest -q -m "not browser"

browser:
	python -m pytest -q -n 2 --dist loadfile -m browser tests/browser --ignore tests/browser/test_lab.py

lab:
	python -m pytest -q -m browser tests/browser/test_lab.py

lint:
	ruff check .
	find native -name "*.[ch]pp" | xargs clang-format --dry-run -Werror

types:
	mypy
	if command -v npx; then npx --yes --package typescript@5.9.3 tsc --project jsconfig.json; \
	  else echo "without npm the page's scripts are not checked"; fi

layers:
	lint-imports

native:
	cmake -S . -B build/native -DSTRIATE_PYTHON=OFF -DSTRIATE_NATIVE_TESTS=ON
	cmake --build build/native --parallel 2
	ctest --test-dir build/native --output-on-failure

# The same tests for aarch64, emulated; the emulator cannot fork a process that has threads, which the pool's test does.
neon:
	cmake -S . -B build/neon -DSTRIATE_PYTHON=OFF -DSTRIATE_NATIVE_TESTS=ON -DCMAKE_SYSTEM_NAME=Linux \
	  -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static \
	  -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64
	cmake --build build/neon --parallel 2
	ctest --test-dir build/neon --output-on-failure --exclude-regex pool

sanitize: sanitize-address sanitize-undefined sanitize-thread

sanitize-%:
	cmake -S . -B build/$* -DSTRIATE_SANITIZE=$*
	cmake --build build/$* --parallel 2
	ctest --test-dir build/$* --output-on-failure

doctests:
	python -m pytest -q --doctest-modules --pyargs striate
	python -m pytest -q --doctest-glob="*.md" docs README.md

site:
	sphinx-build -q -W --keep-going --fresh-env docs build/site

# The wheel takes what pip compiled before in build/, as long as CMake is the one that pip took.
wheel:
	rm -rf build/packages
	python -m pip wheel -q --no-deps --wheel-dir build/packages .

# What is to be published, tried as a user gets it.
packages:
	test -n "$(wildcard build/packages/*.whl)" || $(MAKE) wheel
	rm -f build/packages/*.tar.gz
	python -m build -q --sdist --outdir build/packages .
	python packaging/try_packages.py build/packages
