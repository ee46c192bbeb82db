"""The graph is what the UI and the docs say: assets, retries, pools, sensors."""

import subprocess
import sys
from itertools import pairwise

import dagster as dg

from montage_pipeline.definitions import build_definitions
from montage_pipeline.requests.analytics.views import VIEWS
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step
from montage_pipeline_tests.test_composition import HEAVY


def test_every_asset_says_what_it_is() -> None:
    defs = build_definitions(Settings(retry_max=3, retry_delay_s=4))
    dg.Definitions.validate_loadable(defs)
    nodes = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    tables = {f"analytics/{view.name}" for view in VIEWS}
    assert set(nodes) == {step.value for step in Step} | {"api_cost_logs"} | tables
    for name, spec in nodes.items():
        assert spec.description, name
        assert spec.owners, name
        assert spec.group_name in {"montage", "costs"}, name
        assert spec.kinds, name
        assert spec.tags, name
        assert spec.code_version, name
    upstream = {
        name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in nodes.items()
    }
    order = [step.value for step in Step]
    for before, after in pairwise(order):
        assert before in upstream[after], f"{after} does not follow {before}"


def test_steps_retry_three_times_with_growing_pauses() -> None:
    defs = build_definitions(Settings(retry_max=3, retry_delay_s=4))
    pools = {}
    for step in Step:
        op = defs.get_assets_def(step.value).op
        policy = op.retry_policy
        assert policy is not None
        assert (policy.max_retries, policy.backoff, policy.jitter) == (
            3,
            dg.Backoff.EXPONENTIAL,
            dg.Jitter.PLUS_MINUS,
        )
        pools[step] = op.pool
    assert pools == {
        Step.CLIP_ANALYSIS: "claude",
        Step.MUSIC_TRACK: "fal",
        Step.EDIT_TIMELINE: None,
        Step.RENDERED_VIDEO: "render",
        Step.R2_OBJECT: None,
    }


def test_a_run_worker_starts_without_the_heavy_libraries() -> None:
    heavy = {*HEAVY, "fastapi"}
    code = f"import sys, montage_pipeline.definitions; print({heavy!r} & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert loaded == "set()"
