"""The subject's path: a face is followed, else movement, else what stands out."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.planes import Plane
from montage_pipeline.footage.measuring.subject import (
    SeenFrame,
    SubjectPlace,
    absences,
    is_bare,
    subject_path,
)
from montage_pipeline.footage.model import Box
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.settings import Settings
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, filmed, indexed, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

FLAT: Plane = np.full((90, 160), 120, np.uint8)
ROOM: Plane = FLAT.copy()
ROOM[60:] = 60
ROOM[20:50, 20:60] = 200


def middle(box: Box) -> tuple[float, float]:
    return box.x + box.width / 2, box.y + box.height / 2


def face(x: float, size: float = 0.1) -> Box:
    return Box(x=x, y=0.3, width=size, height=size)


def test_face_is_followed_past_a_larger_one_and_over_a_gap() -> None:
    rows: list[tuple[Box, ...]] = [
        (face(0.10),),
        (face(0.7, 0.2), face(0.16)),
        (),
        (face(0.7, 0.2), face(0.28)),
        (face(0.34),),
    ]
    path = subject_path([SeenFrame(place / 2, faces, FLAT) for place, faces in enumerate(rows)], [])
    assert [place.source for place in path] == ["face"] * 5
    assert [middle(place.box)[0] for place in path] == pytest.approx(
        [0.15, 0.21, 0.27, 0.33, 0.39], abs=0.02
    )
    assert path[0].box.height > 0.15, "with head and shoulders"


def van(folder: Path, *, pixels_a_frame: int, seconds: int) -> Path:
    """Something of 90x90 drives to the right from x=20, y=90 in front of a scene that rests.

    480x270, 15 frames a second.
    """
    sources = [
        filmed(scenery(folder / f"{seed}.png", seed=seed), "x=20:y=20").format(
            size="480x270", rate=15
        )
        for seed in (1, 5)
    ]
    inputs = [word for source in sources for word in ("-f", "lavfi", "-i", source)]
    graph = f"[1:v]crop=90:90[van];[0:v][van]overlay=x='20+n*{pixels_a_frame}':y=90"
    path = folder / "van.mp4"
    encoding = ["-t", str(seconds), "-c:v", "libx264", "-preset", "veryfast"]
    run_ffmpeg(["-y", *inputs, "-filter_complex", graph, *encoding, str(path)])
    return path


def test_what_moves_is_followed(tmp_path: Path) -> None:
    path = van(tmp_path, pixels_a_frame=6, seconds=4)
    seen = measure(indexed(path))
    frames = [SeenFrame(sample.time_s, sample.faces, sample.luma) for sample in seen.samples]
    places = subject_path(frames, seen.motions)
    assert {place.source for place in places} == {"motion"}
    assert len(places) >= 7
    for place in places[1:-1]:
        place_x = (20 + place.time_s * 15 * 6 + 45) / 480
        assert middle(place.box)[0] == pytest.approx(place_x, abs=0.12)
        assert middle(place.box)[1] == pytest.approx(0.5, abs=0.12)


def test_what_stands_out_is_looked_at_when_nothing_moves() -> None:
    random = np.random.default_rng(2)
    still = np.clip(random.normal(120, 4, (90, 160)), 0, 255).astype(np.uint8)
    still[50:66, 110:126] = 235
    (place,) = subject_path([SeenFrame(0.0, (), still)], [])
    assert place.source == "saliency"
    assert middle(place.box) == pytest.approx((118 / 160, 58 / 90), abs=0.12)
    still[40:52, 14:26] = 160
    (place,) = subject_path([SeenFrame(0.0, (), still)], [])
    assert place.box.x > 0.5, "the one that stands out more, not the gap between the two"
    assert subject_path([SeenFrame(0.0, (), FLAT)], []) == ()


def test_who_leaves_the_frame_is_not_confused_with_who_turns_away() -> None:
    inside, leaving = (face(0.4),), (face(0.88),)
    rows = [leaving, (), (), leaving, (), inside, (), (), inside, leaving, (), (), ()]
    seen = [SeenFrame(place * 1.0, faces, ROOM) for place, faces in enumerate(rows)]
    assert absences(seen, subject_path(seen, [])) == (Span(0, 3), Span(9, 12))
    assert absences(seen[4:9], subject_path(seen[4:9], [])) == ()
    assert absences(seen, ()) == (), "nothing is gone where nothing was followed"


@pytest.mark.parametrize(("touched", "gone_s"), [(0, None), (1, 3.0), (3, 2.5), (8, 3.0)])
def test_who_walks_out_is_gone_from_when_the_side_was_touched(
    touched: int, gone_s: float | None
) -> None:
    """Movement every half second, eight times, the last `touched` at the side; then nobody."""
    boxes = [
        Box(x=0.7 if place >= 8 - touched else 0.5, y=0.2, width=0.3, height=0.6)
        for place in range(8)
    ]
    path = [SubjectPlace(place / 2, box, "motion") for place, box in enumerate(boxes)]
    seen = [SeenFrame(place / 2, (), ROOM) for place in range(12)]
    assert absences(seen, path) == (() if gone_s is None else (Span(gone_s, 5.5),))


def test_a_bare_frame_shows_nobody_unless_somebody_crosses_it() -> None:
    random = np.random.default_rng(5)
    road = np.clip(random.normal(110, 6, (180, 320)), 0, 255).astype(np.uint8)
    assert is_bare(road)
    assert not is_bare(ROOM)
    rows = [road] * 4 + [ROOM] * 3 + [road] * 5
    seen = [SeenFrame(place / 2, (), luma) for place, luma in enumerate(rows)]
    assert absences(seen, ()) == (Span(0, 1.5), Span(3.5, 5.5))
    bird = [
        SubjectPlace(place / 2, Box(x=0.4, y=0.4, width=0.05, height=0.05), "motion")
        for place in (8, 9)
    ]
    assert absences(seen, bird) == (Span(0, 1.5), Span(5.0, 5.5))
    assert absences(seen[3:5], ()) == (), "a single frame may have been missed"


def test_nothing_is_missing_from_a_sky_nor_where_somebody_small_is_seen() -> None:
    random = np.random.default_rng(6)
    snow = np.clip(random.normal(225, 4, (180, 320)), 0, 255).astype(np.uint8)
    landscape = [SeenFrame(place / 2, (), snow) for place in range(8)]
    assert absences(landscape, ()) == ()
    skier = [SeenFrame(place / 2, (), snow, with_living=place >= 3) for place in range(8)]
    assert absences(skier, ()) == (Span(0, 1.0),), "whoever comes later is not there yet"


def test_van_that_drives_away_leaves_an_empty_scene(tmp_path: Path) -> None:
    path = van(tmp_path, pixels_a_frame=15, seconds=6)
    moments = LocalAnalyst(Settings()).analyse([fetched(path)], "dynamic", 7).clips[0].moments
    left_s = (480 - 20) / 15 / 15
    gone = [span for moment in moments for span in moment.without_subject]
    assert gone[0].start_s == pytest.approx(left_s, abs=0.8)
    assert sum(span.end_s - span.start_s for span in gone) == pytest.approx(6 - left_s, abs=1)
