"""Frames that are held, black, torn away or tiny are not shown as footage, and it is said."""

from pathlib import Path

import pytest

from montage_pipeline.analysis.moments import UnscoredMoment, cut_into_moments
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import H264, filmed, indexed, make_clip, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")


def moments_of(path: Path) -> list[UnscoredMoment]:
    return cut_into_moments(measure(indexed(path)))


def usable_s(moments: list[UnscoredMoment]) -> list[Span]:
    """The moments without a fault, in order."""
    return [moment.span for moment in moments if not moment.rejects]


def filmed_clip(path: Path, duration_s: float, filters: str, *output: str) -> Path:
    return make_clip(
        path,
        source=filmed(scenery(path.with_suffix(".png"), seed=5)),
        rate="25",
        duration_s=duration_s,
        filters=filters,
        output=(*H264, "-crf", "18", *output),
    )


def test_a_frame_that_a_recorder_holds_is_a_frozen_span(tmp_path: Path) -> None:
    hold = "setpts='if(lt(T,2),PTS,PTS+5/TB)'"
    vfr = ("-fps_mode", "vfr", "-video_track_timescale", "90000", "-t", "20")
    moments = moments_of(filmed_clip(tmp_path / "gap.mp4", 4.5, hold, *vfr))

    begins, ends = zip(*usable_s(moments), strict=True)
    assert (begins[0], ends[0]) == (0, pytest.approx(1.96, abs=0.05))
    assert begins[1] == pytest.approx(7.0, abs=0.15)
    held = [moment for moment in moments if 2 < moment.span.middle_s < 7]
    assert held
    assert all(moment.rejects[0].code == "frozen" for moment in held)


def test_a_slide_show_is_frozen_throughout(tmp_path: Path) -> None:
    slides = "fps=1/2,setpts=N*2/TB,crop=w=iw/2:h=ih/2:x='mod(n*70,150)':y=0"
    moments = moments_of(filmed_clip(tmp_path / "slides.mp4", 12, slides, "-g", "1"))
    assert moments
    assert all(moment.rejects for moment in moments)
    assert "frozen" in {reason.code for moment in moments for reason in moment.rejects}


def test_black_frames_at_the_ends_of_a_shot_are_in_no_moment(tmp_path: Path) -> None:
    black = "drawbox=t=fill:color=black:enable='lt(t,0.4)+between(t,2.52,2.79)+gt(t,4.6)'"
    for begin_s, end_s in usable_s(moments_of(filmed_clip(tmp_path / "black.mp4", 5, black))):
        assert begin_s >= 0.39
        assert end_s <= 4.61
        assert end_s <= 2.53 or begin_s >= 2.79


def test_tiny_frames_are_said_to_be_too_small(tmp_path: Path) -> None:
    tiny = moments_of(filmed_clip(tmp_path / "tiny.mp4", 3, "scale=96:96"))
    assert tiny
    for moment in tiny:
        assert any("too small: 96 pixels" in reason.message for reason in moment.rejects)


def test_nothing_is_shown_across_a_whip_of_the_camera(tmp_path: Path) -> None:
    """Two views, between which the camera is whipped round in 0.6 s, five frame widths far."""
    room = scenery(tmp_path / "room.png", seed=5, size=(4000, 450))
    whip = "x='20+3300*clip((n-75)/15,0,1)+3*sin(n)':y=20"
    clip = make_clip(
        tmp_path / "whip.mp4",
        source=filmed(room, whip),
        rate="25",
        duration_s=7,
        filters="eq=contrast=2",
        output=(*H264, "-crf", "18"),
    )
    moments = moments_of(clip)
    before, after = usable_s(moments)
    assert 2.7 < before.end_s <= 3.1
    assert 3.3 <= after.start_s < 3.9
    [torn] = [moment for moment in moments if moment.rejects]
    assert "shaky" in {reason.code for reason in torn.rejects}
