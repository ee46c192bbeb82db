# Needs only Python 3.11 to 3.13 and make; everything else goes to .venv/.
PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo up studio studio-pictures test test-all test-chaos coverage lint format docs clean bench bench-preview bench-render bench-edit bench-seen bench-eye bench-look bench-reframe bench-watermarks bench-beats bench-analysis bench-changes bench-latency bench-load bench-growth ui-pictures

help: ## Show what can be made.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.run: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv (first time: a few minutes)"
	@$(PIP_INSTALL) --upgrade pip
	@$(PIP_INSTALL) --editable '.[local]'
	@touch $@

.venv/.dev: .venv/.run
	@$(PIP_INSTALL) --editable '.[local,dev,celery]'
	@touch $@

# A clone keeps its state to itself; elsewhere `montage` has one place per user.
demo up: export MONTAGE_HOME ?= $(CURDIR)/.montage

demo: .venv/.run ## Make a Reel from real sample footage, through the whole system.
	@$(BIN)/montage demo

up: .venv/.run ## Run the whole system on this machine.
	@$(BIN)/montage up

# Bytecode is kept: each worker would compile the tests anew (8 s), and each process our modules.
unexport PYTHONDONTWRITEBYTECODE

# One more than there are cores: a third of a worker's time is spent waiting, for servers that start,
# for subprocesses and for retries.
TEST_WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# All tests of a file go to one worker, so that what they share is made once.
test: .venv/.dev ## Run the tests (under 10 minutes on 2 cores).
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder -m 'not slow'

# So many systems are broken side by side, each with its own servers: most of a case is waiting.
CHAOS_WORKERS ?= 3

test-chaos: .venv/.dev ## Break running systems on purpose, and print what held (CASE=name, CHAOS_SEED=n).
	@$(BIN)/python -m pytest montage_pipeline_tests/chaos -m chaos $(if $(CASE),-k '$(CASE)',-n $(CHAOS_WORKERS) --dist loadgroup --no-loadscope-reorder)

test-all: .venv/.dev ## Run every test, the slow ones too, with more examples of Hypothesis.
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder -m 'not chaos' --hypothesis-profile=thorough

coverage: .venv/.dev ## Run the tests of `make test`, measured: fails below the floor in pyproject.toml.
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder -m 'not slow' --cov --cov-report=term

lint: .venv/.dev ## Style, types, rooms, definitions.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/dg check defs

format: .venv/.dev ## Format the code.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: .venv/.dev ## Write what the docs take from the code: the tree of the tour, the examples, docs/errors.md, .env.example.
	@$(BIN)/python -m montage_pipeline_tests.package_tree
	@$(BIN)/python -m montage_pipeline_tests.api.frontend_page
	@$(BIN)/montage errors --markdown > docs/errors.md
	@$(BIN)/montage settings --env > .env.example

WEB := montage_pipeline/api/studio/web

studio: .venv/.dev ## Build the studio from its sources (needs Node 20 or newer).
	@cd $(WEB) && npm ci --silent
	@$(BIN)/python -m montage_pipeline_tests.studio.build
	@cd $(WEB) && npm run --silent types && npm run --silent check && npm run --silent build
	@$(BIN)/python -m montage_pipeline_tests.studio.build

studio-pictures: .venv/.dev ## Picture the studio for the docs (needs Chromium).
	@$(BIN)/python -m montage_pipeline_tests.studio.pictures

ui-pictures: .venv/.dev ## Picture Dagster's UI as operators see it, into ui-pictures/ (needs Chromium).
	@$(BIN)/python -m montage_pipeline_tests.studio.ui_pictures ui-pictures

bench: .venv/.dev ## Time a Reel by step (CLIPS="a.mp4 b.mp4"), and write docs/benchmarks.md.
	@$(BIN)/python -m benchmarks.reel --write $(CLIPS)

bench-preview: .venv/.dev ## Time clicks to a plan, a preview, a Reel (CLIPS="a.mp4 b.mp4 …").
	@$(BIN)/python -m benchmarks.preview --write $(CLIPS)

bench-render: .venv/.dev ## Measure the render: limit, MoviePy, encoder, changes, memory (ONLY=limit,memory).
	@$(BIN)/python -m benchmarks.render --write $(if $(ONLY),--only $(ONLY))

bench-changes: .venv/.dev ## Time one swapped segment beside the full Reel (CLIPS="a.mp4 b.mp4").
	@$(BIN)/python -m benchmarks.changes --write $(CLIPS)

bench-edit: .venv/.dev ## Measure the planner: time, proved gap, cuts on beats, what two attempts share.
	@$(BIN)/python -m benchmarks.edit --write

bench-latency: .venv/.dev ## Measure what a Reel waits for beside its steps.
	@$(BIN)/python -m benchmarks.latency --write

bench-load: .venv/.dev ## Put 500 requests into the queue at once: none lost, none twice, in fair order.
	@$(BIN)/python -m benchmarks.load --write

bench-growth: .venv/.dev ## Time ticks, retirement and pruning after 100,000 finished requests.
	@$(BIN)/python -m benchmarks.growth --write

bench-seen: .venv/.dev ## Time the search for footage of earlier Reels among a million segments.
	@$(BIN)/python -m benchmarks.seen --write

bench-eye: .venv/.dev ## Score Reels of labelled footage against an editor's labels (FOOTAGE=dir with labels.json; JUDGE=dir for answers about contact sheets).
	@$(BIN)/python -m benchmarks.eye --write --footage $(or $(FOOTAGE),$(error FOOTAGE=dir is needed)) $(if $(JUDGE),--judge $(JUDGE))

bench-look: .venv/.dev ## Measure how segments match, what that takes, and enlarged crops (FOOTAGE=dir with labels.json).
	@$(BIN)/python -m benchmarks.look --write --footage $(or $(FOOTAGE),$(error FOOTAGE=dir is needed)) $(if $(ONLY),--only $(ONLY))

bench-reframe: .venv/.dev ## Judge crops against labelled subjects (FOOTAGE=dir has more of the labelled clips).
	@$(BIN)/python -m benchmarks.reframe --write $(if $(FOOTAGE),--footage $(FOOTAGE))

bench-watermarks: .venv/.dev ## Count watermarks found over real footage, and false ones (FOOTAGE="dir dir").
	@$(BIN)/python -m benchmarks.watermarks --write $(addprefix --footage ,$(or $(FOOTAGE),$(error FOOTAGE=dir is needed)))

bench-beats: .venv/.dev ## Compare the beat tracker with librosa's on generated loops (MUSIC="NAME=FILE=BPM@FIRST_S").
	@$(PIP_INSTALL) --editable '.[bench]'
	@$(BIN)/python -m benchmarks.beats --write $(if $(MUSIC),--music $(MUSIC))

bench-analysis: .venv/.dev ## Measure looking at long footage: time, memory, PySceneDetect's share, shot changes.
	@$(PIP_INSTALL) --editable '.[bench]'
	@$(BIN)/python -m benchmarks.analysis --write

clean: ## Remove the environment and local state.
	@rm -rf .venv .montage
