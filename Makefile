# Everything starts from nothing: Python 3.11 with pip, make, and the package registries.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := .tools/bin/uv
# Runs side by side: once it has booted a run mostly waits.
JOBS ?= 16
# So do the tests; but more of them at once than this, and some judge the machine.
TESTS ?= 2
PROFILES := --profile hardened --profile guide-int-keys

# Never fetch a Python: the one at hand is the one that is judged.
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)

.PHONY: run test lint test-quick test-real test-docker agreement scenarios bench load load-ceiling images clean

## The main job: the default scenarios under `hardened` and under the mended guide, side by side.
run: .venv/synced
	.venv/bin/stallproof run $(PROFILES) --must-hold hardened --jobs $(JOBS)

## Lint, types, import rules, every test, every scenario.
test: lint test-quick test-real test-docker scenarios

lint: .venv/synced
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test-quick: .venv/synced
	.venv/bin/pytest -q -m "not real"

test-real: .venv/synced
	.venv/bin/pytest -q -m "real and not docker" -n $(TESTS) --dist worksteal

## One at a time: beside a busy process of the host's, containers starve.
test-docker: .venv/synced
	.venv/bin/pytest -q -m docker

## Every scenario that lives in real time on every site, the verdicts compared, and what the kernel's
## faults look like there; twenty minutes of nothing else, more on a busy machine.
agreement: .venv/synced
	.venv/bin/pytest -q tests/sites/docker/test_agreement.py \
		tests/sites/docker/test_calibration.py --every-scenario

## Every scenario must hold under `hardened`, and the others must show what is on record for them.
scenarios: .venv/synced
	.venv/bin/pytest -q scenarios --stallproof-jobs $(JOBS) --profile hardened
	.venv/bin/pytest -q scenarios --stallproof-jobs $(JOBS) -m recorded \
		--profile guide-int-keys --profile celery-defaults

## Boot to first executed story, and the harness's own cost.
bench: .venv/synced
	.venv/bin/stallproof bench

## A hundred stories a second for a minute, without faults and then through a broker restart.
load: .venv/synced
	.venv/bin/stallproof load --rate-per-s 100 --for-s 60
	.venv/bin/stallproof load --rate-per-s 100 --for-s 60 --scenario broker-killed-4s \
		--thresholds loadtests/thresholds-during-faults.toml

## How many stories a second are too many here, and what is used up by then.
load-ceiling: .venv/synced
	.venv/bin/stallproof load --find-ceiling --rate-per-s 100 --for-s 20 \
		--worker-args=--concurrency=16

## Ours from their Dockerfiles, the others pulled, or stand-ins where no registry can be reached.
images: .venv/synced
	.venv/bin/python -m images

.venv/synced: pyproject.toml system/pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --locked
	@touch $@

$(UV):
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools uv==$(UV_VERSION)

clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
