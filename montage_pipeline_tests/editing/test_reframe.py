"""The crop starts in the middle and leaves it only for what is surely meant."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import (
    LivingSighting,
    LivingThing,
    Moment,
    Movement,
    Overlay,
    SubjectPoint,
)
from montage_pipeline.editing.framing.crops import kept_share, middle_crop
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import Framing, framing_for
from montage_pipeline.editing.timeline import eased
from montage_pipeline.footage.model import Box
from montage_pipeline.spans import Span
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import facts, moment

CLIP, REEL = facts("a", 30), Format.REEL.frame_size
MIDDLE = middle_crop(CLIP, REEL)
START_S, END_S = 10.0, 14.0
SPAN = Span(START_S, END_S)
TIMES = [START_S + step / 2 for step in range(9)]


@given(st.integers(120, 4100), st.integers(120, 4100), st.sampled_from(list(Format)))
def test_the_middle_crop_is_the_largest_of_its_shape_and_even(
    width: int, height: int, format_: Format
) -> None:
    clip, size = facts("a", 5, width=width, height=height), format_.frame_size
    crop = middle_crop(clip, size)
    assert crop.x + crop.width <= width
    assert crop.y + crop.height <= height
    off_across = abs(crop.width - crop.height * size.width / size.height)
    off_down = abs(crop.height - crop.width * size.height / size.width)
    assert min(off_across, off_down) <= 1
    assert crop.width >= width - 4 or crop.height >= height - 4
    assert crop.width % 2 == crop.height % 2 == crop.x % 2 == crop.y % 2 == 0
    assert abs(2 * crop.x + crop.width - width) <= 4


@given(st.floats(0, 0.4), st.floats(0, 0.4), st.integers(160, 1300), st.sampled_from(list(Format)))
def test_no_crop_shows_borders(top: float, left: float, width: int, format_: Format) -> None:
    picture = Box(
        x=round(left, 4),
        y=round(top, 4),
        width=round(1 - 2 * left, 4),
        height=round(1 - 2 * top, 4),
    )
    bare = facts("a", 30, width=width, height=720)
    bordered = bare.model_copy(update={"picture": picture})
    shown = with_things((box(0.8, 0.15), 0.9))
    for seen in (shown, with_movement({12: 9.0, 13: 9.0}), moment(0, 0, START_S, END_S)):
        framing = framing_for(bordered, format_.frame_size, SPAN, evidence_of([seen]))
        for crop in (framing.crop, framing.crop_end or framing.crop):
            assert picture.x * width - 0.2 <= crop.x
            assert crop.x + crop.width <= (picture.x + picture.width) * width + 0.2
            assert picture.y * 720 - 0.2 <= crop.y
            assert crop.y + crop.height <= (picture.y + picture.height) * 720 + 0.2


def test_inside_borders_the_crop_goes_where_it_goes_without() -> None:
    """The same footage, bare and in the middle of a frame half as large again each way."""
    wide = facts("b", 30, width=2880, height=1620)
    third, picture = 1 / 6, Box(x=1 / 6, y=1 / 6, width=2 / 3, height=2 / 3)
    bordered = wide.model_copy(update={"picture": picture})
    subject = box(0.78, 0.2)
    moved = Box(
        x=third + subject.x * 2 / 3,
        y=third + subject.y * 2 / 3,
        width=subject.width * 2 / 3,
        height=subject.height * 2 / 3,
    )
    plain = framed(with_things((subject, 0.9))).crop
    evidence = evidence_of([with_things((moved, 0.9))])
    inside = framing_for(bordered, REEL, SPAN, evidence).crop
    assert plain.x > MIDDLE.x
    assert (inside.x - 480, inside.y - 270) == (plain.x, plain.y)
    assert (inside.width, inside.height) == (plain.width, plain.height)


@pytest.mark.parametrize("size", [(1, 1), (400, 1), (1, 400), (3, 2)])
def test_even_a_frame_of_a_few_pixels_has_a_crop(size: tuple[int, int]) -> None:
    for format_ in Format:
        crop = middle_crop(facts("a", 5, width=size[0], height=size[1]), format_.frame_size)
        assert 1 <= crop.width <= size[0] - crop.x
        assert 1 <= crop.height <= size[1] - crop.y


def box(middle: float, width: float = 0.1, y: float = 0.3, height: float = 0.5) -> Box:
    left = min(1 - width, max(0.0, middle - width / 2))
    return Box(x=left, y=y, width=width, height=height)


def following(source: str, *middles: float) -> Moment:
    """A moment whose subject is seen every half second, its middle on the way along `middles`."""
    steps = len(TIMES) - 1
    points = []
    for index, time_s in enumerate(TIMES):
        at = index / steps * (len(middles) - 1)
        left, right = middles[int(at)], middles[min(int(at) + 1, len(middles) - 1)]
        where = box(left + (at - int(at)) * (right - left))
        points.append(SubjectPoint(time_s=time_s, box=where, source=source))
    return moment(0, 0, START_S, END_S, subject_path=tuple(points))


def with_things(*rows: tuple[Box, float]) -> Moment:
    """A moment in which the same people or animals are seen every half second."""
    things = tuple(LivingThing(box=where, score=score) for where, score in rows)
    living = tuple(LivingSighting(time_s=time_s, things=things) for time_s in TIMES)
    return moment(0, 0, START_S, END_S, living=living)


def with_movement(columns: dict[int, float], stability: float = 0.98) -> Moment:
    """A moment in which the same columns of the frame (of 16, from the left) move all the time."""
    across = tuple(columns.get(column, 0.0) for column in range(16))
    movement = tuple(Movement(time_s=time_s, across=across, down=(1.0,) * 16) for time_s in TIMES)
    return with_stability(moment(0, 0, START_S, END_S, movement=movement), stability)


def framed(shown: Moment) -> Framing:
    return framing_for(CLIP, REEL, SPAN, evidence_of([shown]))


def middle_inside(framing: Framing, share: float, where: Box) -> bool:
    end = framing.crop_end or framing.crop
    left = framing.crop.x + (end.x - framing.crop.x) * eased(share)
    at = (where.x + where.width / 2) * CLIP.width
    return left <= at <= left + framing.crop.width


def test_nothing_known_is_the_middle() -> None:
    assert framed(moment(0, 0, START_S, END_S)) == Framing(MIDDLE, None)


def with_stability(shown: Moment, stability: float) -> Moment:
    scores = shown.scores.model_copy(update={"stability": stability})
    return shown.model_copy(update={"scores": scores})


def test_contrast_does_not_move_the_crop() -> None:
    assert framed(following("saliency", 0.9)) == Framing(MIDDLE, None)


def test_movement_moves_the_crop_only_before_a_camera_that_stands_still() -> None:
    moving = {12: 3.0, 13: 3.0, 14: 1.0, 6: 1.0}
    assert framed(with_movement(moving, stability=0.6)) == Framing(MIDDLE, None)
    framing = framed(with_movement(moving))
    assert framing.crop.x <= 12 / 16 * CLIP.width
    assert framing.crop.x + framing.crop.width >= 14 / 16 * CLIP.width


def test_a_face_so_near_that_it_reaches_the_edge_is_meant() -> None:
    """Its box, shoulders and all, goes from the middle to the frame's edge."""
    near = [
        point.model_copy(update={"box": Box(x=0.36, y=0.0, width=0.64, height=1.0)})
        for point in following("face", 0.5).subject_path
    ]
    framing = framed(moment(0, 0, START_S, END_S, subject_path=tuple(near)))
    assert middle_inside(framing, 0.5, Box(x=0.63, y=0.0, width=0.1, height=1.0))


def test_a_body_that_fills_the_frame_does_not_say_where_to_look() -> None:
    """An arm reaches in from the right: the crop is on it, and stays in the middle."""
    assert framed(with_things((Box(x=0.3, y=0.2, width=0.7, height=0.6), 0.9))).crop == MIDDLE
    # A face at one time tells more than the body around it at the others.
    body = with_things((Box(x=0.0, y=0.0, width=1.0, height=1.0), 0.9))
    face = tuple(following("face", 0.7).subject_path[:5])
    both = body.model_copy(update={"subject_path": face})
    assert middle_inside(framed(both), 0.5, box(0.7))


def test_who_stands_behind_what_moves_does_not_act() -> None:
    passer_by = Box(x=0.12, y=0.1, width=0.08, height=0.45)

    def with_motion(moved: Box) -> Moment:
        points = [SubjectPoint(time_s=time_s, box=moved, source="motion") for time_s in TIMES]
        shown = with_things((passer_by, 0.55))
        return with_stability(shown.model_copy(update={"subject_path": tuple(points)}), 0.98)

    assert framed(with_motion(Box(x=0.0, y=0.05, width=0.75, height=0.65))).crop == MIDDLE
    assert framed(with_motion(passer_by)).crop.x < MIDDLE.x


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {10: 4.0, 11: 5.0, 12: 5.0, 13: 5.0, 14: 5.0, 15: 5.0},
        {12: 1.5, 13: 1.5, 14: 0.5},
        {7: 5.0, 8: 5.0, 14: 3.0},
        dict.fromkeys(range(16), 1.0),
        {0: 5.0, 15: 5.0},
    ],
    ids=[
        "none",
        "a hand that reaches in",
        "next to none",
        "most of it in the middle",
        "all over the frame",
        "at both ends",
    ],
)
def test_the_middle_stays_for_movement(columns: dict[int, float]) -> None:
    assert framed(with_movement(columns)) == Framing(MIDDLE, None)


def test_movement_where_somebody_is_seen_says_nothing() -> None:
    shown = with_things((box(0.5, 0.3), 0.8))
    both = shown.model_copy(update={"movement": with_movement({13: 5.0, 14: 5.0}).movement})
    assert framed(with_stability(both, 0.98)) == Framing(MIDDLE, None)


def test_movement_and_who_is_seen_are_strong_evidence_where_they_agree() -> None:
    # Cut off by the frame's edge: alone too little to leave the middle for.
    shown = with_stability(with_things((Box(x=0.0, y=0.2, width=0.3, height=0.8), 0.55)), 0.98)
    assert framed(shown) == Framing(MIDDLE, None)
    moving = {2: 3.0, 3: 5.0, 4: 5.0, 5: 5.0}
    both = shown.model_copy(update={"movement": with_movement(moving).movement})
    assert framed(both).crop.x <= 3 / 16 * CLIP.width
    elsewhere = shown.model_copy(update={"movement": with_movement({13: 5.0}).movement})
    assert framed(elsewhere) == Framing(MIDDLE, None)


def test_who_was_just_seen_in_the_middle_is_still_there() -> None:
    beside = with_things((box(0.24, 0.14), 0.8))
    assert framed(beside).crop.x < MIDDLE.x
    flickering = tuple(
        sighting.model_copy(
            update={"things": (*sighting.things, LivingThing(box=box(0.55, 0.12), score=0.7))}
        )
        if index % 2
        else sighting
        for index, sighting in enumerate(beside.living)
    )
    both = beside.model_copy(update={"living": flickering})
    assert framed(both) == Framing(MIDDLE, None)


@pytest.mark.parametrize("source", ["face", "model"])
def test_a_subject_inside_the_middle_crop_leaves_it_where_it_is(source: str) -> None:
    assert framed(following(source, 0.52)) == Framing(MIDDLE, None)


@settings(deadline=None)
@given(at=st.floats(0.05, 0.95))
def test_where_claude_points_the_crop_goes(at: float) -> None:
    framing = framed(following("model", at))
    assert framing.crop_end is None
    assert kept_share(CLIP, framing.crop, box(at)) > 0.99


def test_it_goes_no_farther_than_it_must() -> None:
    framing = framed(following("model", 0.75))
    right = framing.crop.x + framing.crop.width
    assert (0.8 * CLIP.width) <= right <= 0.8 * CLIP.width + 0.1 * framing.crop.width


def test_an_empty_pointing_means_the_middle_whatever_else_is_seen() -> None:
    people = with_things((box(0.8, 0.2), 0.9))
    assert framed(people).crop.x > MIDDLE.x
    pointed = people.model_copy(update={"subject_path": following("model", 0.5).subject_path})
    assert framed(pointed) == Framing(MIDDLE, None)


def test_a_person_outside_the_middle_crop_is_fetched() -> None:
    framing = framed(with_things((box(0.75, 0.15), 0.9)))
    assert middle_inside(framing, 0.5, box(0.75, 0.15))


@pytest.mark.parametrize(
    "shown",
    [
        with_things((Box(x=0.0, y=0.2, width=0.2, height=0.8), 0.9)),
        with_things((box(0.5, 0.3), 0.6), (box(0.9, 0.15), 0.9)),
        with_things((box(0.42, 0.1), 0.8), (box(0.58, 0.1), 0.8)),
    ],
    ids=["cut off by the frame's edge", "one stands in the middle", "a group that fits"],
)
def test_the_middle_stays_for(shown: Moment) -> None:
    assert framed(shown) == Framing(MIDDLE, None)


def test_of_two_who_stand_too_far_apart_one_is_shown() -> None:
    """And not the place between them, where nobody is."""
    pair = (box(0.25, 0.15), box(0.75, 0.15))
    crop = framed(with_things(*((who, 0.8) for who in pair))).crop
    assert sorted(kept_share(CLIP, crop, who) for who in pair) == [0, 1]


def test_who_is_seen_once_in_passing_does_not_move_the_crop() -> None:
    shown = with_things((box(0.75, 0.15), 0.9))
    once = shown.model_copy(update={"living": shown.living[:1]})
    assert framed(once) == Framing(MIDDLE, None)


def test_one_smooth_move_follows_who_walks_through() -> None:
    framing = framed(following("model", 0.3, 0.6))
    assert framing.crop_end is not None
    assert framing.crop_end.x > framing.crop.x
    for index, point in enumerate(following("model", 0.3, 0.6).subject_path):
        assert middle_inside(framing, index / (len(TIMES) - 1), point.box)


def test_a_runner_does_not_make_the_crop_run() -> None:
    framing = framed(following("model", 0.05, 0.95))
    end = framing.crop_end or framing.crop
    seconds = END_S - START_S
    assert abs(end.x - framing.crop.x) <= 0.3 * seconds * framing.crop.width + 1


def test_a_face_stays_out_of_the_interface() -> None:
    tall = facts("b", 30, width=1080, height=2800)
    low = [
        point.model_copy(update={"box": Box(x=0.4, y=0.8, width=0.2, height=0.08)})
        for point in following("face", 0.5).subject_path
    ]
    shown = moment(0, 0, START_S, END_S, subject_path=tuple(low))
    crop = framing_for(tall, REEL, SPAN, evidence_of([shown])).crop
    assert crop.y + crop.height >= 0.88 * 2800


def marked(where: Box, shown: Moment | None = None) -> Moment:
    overlays = (Overlay(kind="watermark", box=where),)
    return (shown or moment(0, 0, START_S, END_S)).model_copy(update={"overlays": overlays})


def test_a_mark_at_the_edge_is_left_out_and_one_in_the_middle_is_not_fled() -> None:
    plain = framed(moment(0, 0, START_S, END_S))
    edge = Box(x=0.63, y=0.85, width=0.12, height=0.08)
    moved = framed(marked(edge))
    assert moved.crop_end is None
    assert moved.crop.x + moved.crop.width <= edge.x * 1920 + 2
    assert plain.crop.x - moved.crop.x <= 0.12 * plain.crop.width
    assert framed(marked(Box(x=0.4, y=0.4, width=0.2, height=0.2))) == plain
    assert framed(marked(Box(x=0.8, y=0.85, width=0.15, height=0.08))) == plain


def test_no_mark_costs_the_subject() -> None:
    at_the_other_edge = Box(x=0.345, y=0.2, width=0.3, height=0.7)
    shown = with_things((at_the_other_edge, 0.9))
    clear = framed(marked(Box(x=0.62, y=0.85, width=0.1, height=0.08), shown)).crop
    before = kept_share(CLIP, framed(shown).crop, at_the_other_edge)
    assert kept_share(CLIP, clear, at_the_other_edge) >= before - 0.03
