"""Where the crop is, and how it follows its subject."""

from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import SubjectPoint, TimeSpan
from montage_pipeline.editing.reframe import (
    Framing,
    KnownSubject,
    crop_for,
    framing_for,
    kept_share,
)
from montage_pipeline.editing.timeline import eased
from montage_pipeline.footage.model import Box, ClipFacts
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import facts

BOXES = st.builds(
    lambda x, y, w, h: Box(x=x, y=y, width=min(w, 1 - x), height=min(h, 1 - y)),
    st.floats(0, 0.95),
    st.floats(0, 0.95),
    st.floats(0.02, 1),
    st.floats(0.02, 1),
)


@given(
    st.integers(120, 4100),
    st.integers(120, 4100),
    st.sampled_from(list(Format)),
    st.none() | BOXES,
    st.floats(0, 1),
)
def test_the_crop_is_the_largest_of_its_shape_and_even(
    width: int, height: int, format_: Format, box: Box | None, faces: float
) -> None:
    clip, size = facts("a", 5, width=width, height=height), format_.frame_size
    crop = crop_for(clip, size, ((box, 1.0),) if box else (), faces)
    assert crop.x + crop.width <= width
    assert crop.y + crop.height <= height
    assert (
        abs(crop.width - crop.height * size.width / size.height) <= 1
        or abs(crop.height - crop.width * size.height / size.width) <= 1
    )
    assert crop.width >= width - 4 or crop.height >= height - 4
    assert crop.width % 2 == crop.height % 2 == crop.x % 2 == crop.y % 2 == 0
    if box:
        fits = box.width * width <= crop.width - 4 and box.height * height <= crop.height - 4
        # Even sides can cost a pixel at each edge of an odd frame. A person's face is put high on
        # purpose.
        pixel_off = (1 - 2 / (box.width * width)) * (1 - 2 / (box.height * height))
        assert not fits or faces >= 0.3 or kept_share(clip, crop, box) >= pixel_off


def test_landscape_footage_in_a_reel_follows_its_subject() -> None:
    clip, size = facts("a", 5), Format.REEL.frame_size
    assert crop_for(clip, size).model_dump() == {"x": 656, "y": 0, "width": 608, "height": 1080}
    assert crop_for(clip, size, ((Box(x=0.7, y=0.3, width=0.1, height=0.2), 1.0),)).x == 1136
    assert crop_for(clip, size, ((Box(x=0.9, y=0.3, width=0.1, height=0.2), 1.0),)).x == 1312
    both = (
        (Box(x=0.2, y=0.3, width=0.1, height=0.2), 1.0),
        (Box(x=0.4, y=0.3, width=0.1, height=0.2), 3.0),
    )
    assert crop_for(clip, size, both).x == round((0.25 * 0.25 + 0.75 * 0.45) * 960 - 152) * 2


def test_a_face_sits_in_the_upper_third_of_an_upright_crop() -> None:
    clip, size = facts("a", 5, width=1080, height=2400), Format.FEED.frame_size
    face = Box(x=0.4, y=0.4, width=0.2, height=0.1)
    crop = crop_for(clip, size, ((face, 1.0),), faces=0.9)
    assert (0.45 * 2400 - crop.y) / crop.height == pytest.approx(1 / 3, abs=0.01)
    thing = crop_for(clip, size, ((face, 1.0),), faces=0.0)
    assert (0.45 * 2400 - thing.y) / thing.height == pytest.approx(1 / 2, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (400, 1), (1, 400), (3, 2)])
def test_even_a_frame_of_a_few_pixels_has_a_crop(size: tuple[int, int]) -> None:
    for format_ in Format:
        crop = crop_for(facts("a", 5, width=size[0], height=size[1]), format_.frame_size)
        assert 1 <= crop.width <= size[0] - crop.x
        assert 1 <= crop.height <= size[1] - crop.y


def _framed(
    clip: ClipFacts, path: Sequence[SubjectPoint], start_s: float, end_s: float, **known: Any
) -> Framing:
    """The framing of a span for a Reel."""
    span, subject = Span(start_s, end_s), KnownSubject(path=path, **known)
    return framing_for(clip, Format.REEL.frame_size, span, subject)


def _walk(
    begin: float,
    end: float,
    width: float = 0.08,
    source: Literal["face", "model", "motion", "saliency"] = "motion",
    seconds: float = 4.0,
) -> list[SubjectPoint]:
    """A subject whose middle goes from one share of the frame's width to another, seen twice a
    second.
    """
    steps = int(seconds * 2) + 1
    middles = [begin + (end - begin) * step / (steps - 1) for step in range(steps)]
    boxes = [
        Box(x=max(0.0, min(1 - width, middle - width / 2)), y=0.3, width=width, height=0.3)
        for middle in middles
    ]
    return [
        SubjectPoint(time_s=10 + step / 2, box=box, source=source) for step, box in enumerate(boxes)
    ]


def _crop_at(framing: Framing, share: float) -> tuple[float, float]:
    end = framing.crop_end or framing.crop
    way = eased(share)
    return framing.crop.x + (end.x - framing.crop.x) * way, framing.crop.y + (
        end.y - framing.crop.y
    ) * way


@settings(deadline=None)
@given(begin=st.floats(0.05, 0.95), change=st.floats(-0.3, 0.3))
def test_the_crop_goes_with_a_subject_that_walks(begin: float, change: float) -> None:
    end = min(0.95, max(0.05, begin + change))
    clip = facts("a", 30)
    framing = _framed(clip, _walk(begin, end), 10.0, 14.0)
    for share in (0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0):
        x, _ = _crop_at(framing, share)
        middle = (begin + (end - begin) * share) * clip.width
        assert x <= middle <= x + framing.crop.width
    assert framing == _framed(clip, _walk(begin, end), 10.0, 14.0)


def test_a_subject_that_hardly_moves_gets_a_still_crop_and_a_runner_a_slow_one() -> None:
    clip = facts("a", 30)
    assert _framed(clip, _walk(0.5, 0.56), 10.0, 14.0).crop_end is None
    moving = _framed(clip, _walk(0.3, 0.6), 10.0, 14.0)
    assert moving.crop_end is not None
    assert moving.crop_end.x > moving.crop.x
    assert (moving.crop_end.width, moving.crop_end.height) == (
        moving.crop.width,
        moving.crop.height,
    )
    rushing = _framed(clip, _walk(0.05, 0.95, seconds=1.0), 10.0, 11.0)
    assert (
        rushing.crop_end is None
        or abs(rushing.crop_end.x - rushing.crop.x) <= 0.3 * rushing.crop.width + 1
    )


def test_a_face_outweighs_what_moves_and_stays_out_of_the_interface() -> None:
    clip = facts("a", 30)
    face = [point.model_copy(update={"source": "face"}) for point in _walk(0.2, 0.2)]
    framing = _framed(clip, [*face, *_walk(0.9, 0.9)], 10.0, 14.0)
    assert framing.crop_end is None
    for point in face:
        assert kept_share(clip, framing.crop, point.box) == 1.0
    tall = facts("b", 30, width=1080, height=2400)
    low = [
        point.model_copy(update={"box": Box(x=0.4, y=0.5, width=0.2, height=0.08)})
        for point in face
    ]
    crop = _framed(tall, low, 10.0, 14.0).crop
    assert crop.y + 0.14 * crop.height <= 0.5 * 2400
    assert crop.y + 0.65 * crop.height >= 0.58 * 2400


def test_without_points_in_the_span_the_moments_subject_decides() -> None:
    clip, size = facts("a", 30), Format.REEL.frame_size
    subjects = ((Box(x=0.7, y=0.3, width=0.1, height=0.2), 1.0),)
    assert _framed(clip, _walk(0.1, 0.2), 20.0, 24.0, boxes=subjects).crop == crop_for(
        clip, size, subjects
    )
    stands_at_left = _framed(clip, _walk(0.1, 0.2), 20.0, 24.0).crop
    assert stands_at_left.x + stands_at_left.width < 0.5 * clip.width, (
        "long before is better than nothing"
    )
    assert _framed(clip, _walk(0.1, 0.2), 40.0, 44.0).crop == crop_for(clip, size)


@pytest.mark.parametrize("mirrored", [False, True])
def test_who_stands_still_before_or_after_they_walk_is_in_view_all_the_time(mirrored: bool) -> None:
    """Movement tells where they are in the last third of the cut only (mirrored: in the first)."""
    clip = facts("a", 20)
    walk = _walk(0.2, 0.45, seconds=1.0)
    times = (
        [10 + place / 2 for place in range(3)]
        if mirrored
        else [13 + place / 2 for place in range(3)]
    )
    path = [
        SubjectPoint(time_s=time_s, box=point.box, source="motion")
        for time_s, point in zip(times, walk, strict=True)
    ]
    framing = _framed(clip, path, 10.0, 14.0)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        box = next((point.box for point in path if point.time_s >= 10 + 4 * share), path[-1].box)
        left, _ = _crop_at(framing, share)
        width = framing.crop.width / clip.width
        assert left / clip.width <= box.x + box.width / 2 <= left / clip.width + width, share


def test_while_the_subject_is_gone_it_is_nowhere() -> None:
    clip = facts("a", 20)
    path = _walk(0.3, 0.95, seconds=2.0)
    followed = _framed(clip, path, 10.0, 14.0, gone=[TimeSpan(start_s=12.3, end_s=14.0)])
    assert followed == _framed(clip, path, 10.0, 14.0, gone=[TimeSpan(start_s=12.3, end_s=20.0)])
    assert followed != _framed(clip, path, 10.0, 14.0)
