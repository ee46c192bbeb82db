"""The prompt is versioned data, and the asset's code version follows it."""

import json
from importlib.resources import files
from typing import Any

import pytest

from montage_pipeline.analysis.claude import prompt
from montage_pipeline.analysis.claude.tokens import image_tokens, text_tokens
from montage_pipeline.definitions import build_definitions
from montage_pipeline.settings import Settings
from montage_pipeline.vocabulary import Step

LIST = """c0m0 | 1.4-5.8 | 2.2 3.6 5.1 | 99 100 95 52 64 0 50
Clip 2: 39.9 s, 640x360, silent.
c1m3 | 11.0-15.0 | 11.7 13.0 14.3 | 87 100 99 12 42 0 0"""


def test_a_released_version_never_changes() -> None:
    """When this fails, give the changed prompt a new name.

    That is a new prompts/judge_vN.md, VERSION, and its hash in versions.json.
    """
    released = files("montage_pipeline.analysis.claude").joinpath("prompts/versions.json")
    versions = json.loads(released.read_text())
    assert versions[prompt.VERSION] == prompt.prompt_hash()


def test_the_analysis_is_as_old_as_its_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(**settings: Any) -> str | None:
        assets = build_definitions(Settings(**settings)).get_assets_def(Step.CLIP_ANALYSIS.value)
        return next(iter(assets.specs)).code_version

    before = version(analyst="claude")
    assert before is not None
    assert prompt.prompt_version() in before
    local = version(analyst="local")
    prompt.prompt_version.cache_clear()
    monkeypatch.setattr(prompt, "prompt_hash", lambda: "another")
    try:
        assert version(analyst="claude") != before
        assert version(analyst="local") == local
    finally:
        prompt.prompt_version.cache_clear()


def test_tokens_of_images_as_published() -> None:
    published = {
        (512, 288): 209,
        (768, 432): 448,
        (1024, 576): 777,
        (1280, 720): 1196,
        (1920, 1080): 2691,
    }
    assert {size: image_tokens(*size) for size in published} == published


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        (prompt.system_prompt(), 1212),
        (json.dumps(prompt.answer_schema(), separators=(",", ":")), 447),
        (LIST, 76),
    ],
    ids=["instructions", "schema", "list"],
)
def test_tokens_of_text_are_near_those_of_the_public_tokenizer(text: str, counted: int) -> None:
    """`counted`: by the tokenizer that the SDK carried up to 0.38, before the newer one's 30 %."""
    assert text_tokens(text, 1.0) == pytest.approx(counted, rel=0.06)
