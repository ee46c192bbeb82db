"""Faces of real footage: how many, how large, and where."""

import numpy as np
import pytest

from montage_pipeline.footage.measuring.boxes import intersection_over_union
from montage_pipeline.footage.measuring.faces import faces_in
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import SpanMeasures
from montage_pipeline.local.footage import demo_clips
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import H264, indexed

LOOKS = {
    "as filmed": "null",
    "mirrored": "hflip",
    "small": "scale=iw/2:ih/2,pad=2*iw:2*ih:0:0:gray",
    "tiny": "scale=176:144",
    "twice": "split[a][b];[b]hflip[c];[a][c]hstack",
    "upside down": "vflip",
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SpanMeasures]:
    """A second of a man who talks in a car, in several ways."""
    folder = tmp_path_factory.mktemp("faces")
    found = {}
    for name, look in LOOKS.items():
        path = folder / f"{name.replace(' ', '-')}.mp4"
        chain = f"[0:v]scale=528:432,{look}"
        source = ["-i", str(demo_clips()[2]), "-t", "1", "-filter_complex", chain]
        run_ffmpeg(["-y", *source, *H264, "-crf", "18", "-an", str(path)])
        found[name] = measure(indexed(path)).between(Span(0, 1))
    return found


def test_a_face_is_counted_where_it_is(seen: dict[str, SpanMeasures]) -> None:
    plain, mirrored = seen["as filmed"], seen["mirrored"]
    assert plain.face is not None
    assert mirrored.face is not None
    assert len(plain.faces) == len(mirrored.faces) == 1
    assert plain.face_share >= 0.5
    assert mirrored.face.x + mirrored.face.width / 2 == pytest.approx(
        1 - plain.face.x - plain.face.width / 2, abs=0.06
    )
    assert seen["upside down"].face_share < 0.3


def test_a_tiny_frame_is_large_enough(seen: dict[str, SpanMeasures]) -> None:
    tiny, plain = seen["tiny"], seen["as filmed"]
    assert tiny.face_share == 1
    assert tiny.face is not None
    assert plain.face is not None
    assert intersection_over_union(tiny.face, plain.face) > 0.8


def test_a_face_that_passes_by_is_seen_and_a_drawn_animal_is_none() -> None:
    animal, street = (measure(indexed(path)) for path in demo_clips()[:2])
    assert not any(sample.faces for sample in animal.samples)
    # A man walks by within half a second, dark against the light and blurred by his movement.
    times_s = [sample.time_s for sample in street.samples if sample.faces]
    assert times_s
    assert all(1.0 < time_s < 2.2 for time_s in times_s)


@pytest.mark.parametrize("shape", [(1, 500), (500, 1), (2, 2), (90, 512), (641, 359)])
def test_frames_of_any_shape_are_looked_at(shape: tuple[int, int]) -> None:
    assert faces_in(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)) == []


def test_a_smaller_face_is_smaller_and_two_are_two(seen: dict[str, SpanMeasures]) -> None:
    plain, small, twice = seen["as filmed"].face, seen["small"].face, seen["twice"]
    assert plain is not None
    assert small is not None
    assert small.height == pytest.approx(plain.height / 2, rel=0.25)
    assert (small.x + small.width / 2, small.y + small.height / 2) == pytest.approx(
        ((plain.x + plain.width / 2) / 2, (plain.y + plain.height / 2) / 2), abs=0.06
    )
    assert len(twice.faces) == 2
    left, right = sorted(face.x + face.width / 2 for face in twice.faces)
    assert left < 0.5 < right
