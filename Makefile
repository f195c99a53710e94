# make setup       create .venv with pinned versions
# make quickstart  the main job on embedded data, about a minute on two free cores
# make check       format, lint, types
# make test-fast   the tests that answer in minutes: without the marks "slow" and "cifar10"
# make wheels      sdist and wheels for Linux in dist/, with zig's compiler; those of WHEELS, or all
# make wheels-test installs each wheel without a compiler and runs it, on the systems ON, or on all
# make test        check, then the whole test suite
# make coverage    the whole test suite, and the lines of src/ that it does not run
# make docs        the site of the documentation, in site/; a wrong link is an error
VENV := .venv/bin

.PHONY: setup quickstart check test-fast test coverage format docs wheels wheels-setup wheels-test clean
setup: .venv/.ready

ENGINE := CMakeLists.txt $(shell find csrc -type f)

.venv/.ready: pyproject.toml constraints.txt tools/install.sh $(ENGINE)
	tools/install.sh

quickstart: setup
	$(VENV)/signbit quickstart

check: setup
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/pyright

format: setup
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

# Two processes of one thread each: the networks of the tests are too small for two threads.
PYTEST := OMP_NUM_THREADS=1 $(VENV)/pytest -n 2

test-fast: setup
	$(PYTEST) -q -m "not slow and not cifar10"

test: check
	$(PYTEST)

coverage: setup
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

docs: setup
	$(VENV)/zensical build --strict -f mkdocs.yml

wheels-setup: setup
	$(VENV)/uv pip install --quiet --python $(VENV)/python -c constraints.txt --group wheels

wheels: wheels-setup
	$(VENV)/python -m tools.make_wheels $(WHEELS)

wheels-test: wheels-setup
	$(VENV)/python -m tests.wheels.install $(ON)
	$(VENV)/python -m tests.wheels.broken

clean:
	rm -rf .venv build dist site
