"""What was measured in a clip is found again by its content: nothing is decoded twice, and the
analysis is what it would have been.
"""

import zlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.analysis.scan import attention, workers
from montage_pipeline.analysis.scan.kept import KeptMeasures
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.settings import Settings
from montage_pipeline.storage.keys import MEASURES_PREFIX
from montage_pipeline.storage.object_store import ObjectStore
from montage_pipeline_tests.analysis.scan.test_looking import film

pytestmark = pytest.mark.usefixtures("bare_footage")

DECODING = {"measure", "calm_spans", "scan_keyframes"}

SECRET_URL = "https://clips.example/walk.mp4?X-Amz-Signature=5ec4e7"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What clips were decoded for, call by call."""
    calls: list[str] = []
    real = isolated

    def counted(budget: object, stop: object, function: object, *args: object) -> object:
        name = getattr(function, "__name__", "")
        if name in DECODING:
            calls.append(name)
        return real(budget, stop, function, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "isolated", counted)
    return calls


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> FetchedClip:
    return film(tmp_path_factory.mktemp("kept"), "walk.mp4", ["null"])


def analysed(
    clip: FetchedClip, kept: KeptMeasures | None, style: str = "dynamic", duration_s: float = 7.0
) -> ClipAnalysis:
    return LocalAnalyst(Settings(), kept=kept).analyse([clip], style, duration_s)


@pytest.mark.parametrize(
    "work",
    [None, pytest.param(20.0, marks=pytest.mark.slow)],
    ids=["measured whole", "looked at in parts"],
)
def test_a_clip_is_decoded_once_whatever_is_made_of_it(
    clip: FetchedClip,
    object_store: ObjectStore,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    work: float | None,
) -> None:
    if work is not None:
        monkeypatch.setattr(attention, "WORK", work)
    user = uuid4()
    first = analysed(clip, KeptMeasures(object_store, user))
    assert decoded
    decoded.clear()

    # Another name, and another process: what is kept is found by the content.
    renamed = clip.model_copy(update={"url": SECRET_URL})
    again = analysed(renamed, KeptMeasures(object_store, user))
    assert decoded == []
    assert again.clips[0].facts.url == SECRET_URL
    assert again == analysed(renamed, None)
    assert again.clips[0].moments == first.clips[0].moments

    decoded.clear()
    other_style = analysed(clip, KeptMeasures(object_store, user), style="minimal")
    assert decoded == []
    assert other_style == analysed(clip, None, style="minimal")


def test_what_is_kept_is_one_users_and_names_no_address(
    clip: FetchedClip, object_store: ObjectStore, decoded: list[str]
) -> None:
    signed = clip.model_copy(update={"url": SECRET_URL})
    analysed(signed, KeptMeasures(object_store, uuid4()))
    assert decoded == ["measure"]
    analysed(signed, KeptMeasures(object_store, uuid4()))
    assert decoded == ["measure", "measure"], "measured for each of two users"

    for key in object_store.list_keys(MEASURES_PREFIX):
        held = zlib.decompress(object_store.get_bytes(key))
        assert b"5ec4e7" not in held
        assert b"clips.example" not in held


@pytest.mark.parametrize(
    "damage", [b"not measures", pytest.param(b"x\x9c\x01\x02", marks=pytest.mark.slow)]
)
def test_what_is_damaged_is_measured_again(
    clip: FetchedClip, object_store: ObjectStore, decoded: list[str], damage: bytes
) -> None:
    kept = KeptMeasures(object_store, uuid4())
    first = analysed(clip, kept)
    for key in object_store.list_keys(MEASURES_PREFIX):
        object_store.put_bytes(key, damage, content_type="application/zlib")
    decoded.clear()

    assert analysed(clip, kept) == first
    assert decoded == ["measure"]
    decoded.clear()
    assert analysed(clip, kept) == first
    assert decoded == [], "and kept whole again"


def test_another_clip_of_the_same_shape_is_measured(
    clip: FetchedClip, object_store: ObjectStore, decoded: list[str], tmp_path: Path
) -> None:
    kept = KeptMeasures(object_store, uuid4())
    analysed(clip, kept)
    other = film(tmp_path, "walk.mp4", ["negate"])
    decoded.clear()
    assert analysed(other, kept) == analysed(other, None)
    assert decoded == ["measure", "measure"]


def test_what_is_old_is_removed(clip: FetchedClip, object_store: ObjectStore) -> None:
    analysed(clip, KeptMeasures(object_store, uuid4()))
    assert KeptMeasures.evict(object_store, timedelta(days=1)) == 0
    assert KeptMeasures.evict(object_store, timedelta(0)) == 1
    assert not list(object_store.list_keys(MEASURES_PREFIX))
