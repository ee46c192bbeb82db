"""Contact sheets: every moment legible on few images, and every frame where its label says."""

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from montage_pipeline.analysis.claude.sheets import (
    GLANCES,
    MAX_SHEET_TOKENS,
    MAX_SIDE_PX,
    SAMPLINGS,
    Sampling,
    draw_sheets,
    frame_times_s,
    plan_sheets,
)
from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline_tests.analysis.claude.stand_ins import StandInAnalyst
from montage_pipeline_tests.editing import footage
from montage_pipeline_tests.examples import examples
from montage_pipeline_tests.footage.media import fetched, make_clip

SHAPES = [(1920, 1080), (1080, 1920), (640, 480), (1080, 1080), (3840, 1600), (176, 144)]


def _clips(shapes: list[tuple[int, int]], moments: int) -> ClipAnalysis:
    return footage.analysis(
        [
            (
                footage.facts(str(index), 60.0).model_copy(
                    update={"width": width, "height": height}
                ),
                [
                    footage.moment(index, number, 6.0 * number, 6.0 * number + 5)
                    for number in range(moments)
                ],
            )
            for index, (width, height) in enumerate(shapes)
        ]
    )


@settings(max_examples=examples(0.25), deadline=None)
@given(
    st.lists(st.sampled_from(SHAPES), min_size=1, max_size=12),
    st.integers(1, 3),
    st.sampled_from([*SAMPLINGS, *GLANCES]),
)
def test_every_moment_has_its_place_once_and_the_page_is_used(
    shapes: list[tuple[int, int]], moments: int, sampling: Sampling
) -> None:
    clips = _clips(shapes, moments)
    asked = [moment for clip in clips.clips for moment in clip.moments]
    sheets = plan_sheets(clips, asked, sampling)
    tiles = [tile for sheet in sheets for tile in sheet.tiles]
    assert [tile.shows.id for tile in tiles] == [moment.id for moment in asked]
    frames_px = 0
    for sheet in sheets:
        assert max(sheet.width, sheet.height) <= MAX_SIDE_PX
        assert sheet.tokens <= MAX_SHEET_TOKENS
        covered = np.zeros((sheet.height, sheet.width), dtype=bool)
        for tile in sheet.tiles:
            width, height = tile.size
            assert tile.x >= 0
            assert tile.y >= 0
            place = covered[tile.y : tile.y + height, tile.x : tile.x + width]
            assert place.shape == (height, width), "it is inside the page"
            assert not place.any(), "it overlaps another"
            place[:] = True
            frame = tile.frame_size
            frames_px += len(tile.times_s) * frame[0] * frame[1]
    for tile in tiles:
        width, height = shapes[tile.shows.clip]
        assert tile.frame_size[0] / tile.frame_size[1] == pytest.approx(width / height, rel=0.02)
        assert tile.frame_size[0] <= width, "never enlarged"
        if width > 600:
            assert tile.frame_size[0] * tile.frame_size[1] == pytest.approx(
                sampling.frame_pixels, rel=0.03
            )
    if len(set(shapes)) == 1 and len(tiles) >= 6 and shapes[0] != (176, 144):
        # Two thirds of what is paid for is footage; the rest is labels, gaps and begun patches.
        assert frames_px / 784 > 0.66 * sum(sheet.tokens for sheet in sheets)


def test_a_landscape_moment_costs_less_than_its_frames_sent_one_by_one() -> None:
    clips = _clips([(1920, 1080)] * 10, 1)
    sheets = plan_sheets(clips, [clip.moments[0] for clip in clips.clips], SAMPLINGS[0])
    assert len(sheets) <= 2
    # 224 x 126 alone are 8 x 5 patches; here they have labels.
    assert sum(sheet.tokens for sheet in sheets) <= 10 * 5 * 8 * 6 * 0.95


@pytest.mark.parametrize("size", ["640x360", "360x640"])
def test_each_frame_is_the_one_its_label_says(tmp_path: Path, size: str) -> None:
    """The clip grows brighter by a known amount each second, so a frame's light is its time."""
    ramp = make_clip(
        tmp_path / "ramp.mp4",
        source="color=black:size={size}:rate={rate}",
        size=size,
        rate="20",
        duration_s=6,
        filters="format=gray,geq=lum='20+30*T',format=yuv420p",
    )
    clips = [fetched(ramp)]
    measured = StandInAnalyst().analyse(clips, "travel", 30)
    asked = list(measured.clips[0].moments)
    plans = plan_sheets(measured, asked, SAMPLINGS[0])
    sheets, shown = draw_sheets(plans, measured, clips, [None])
    lights: list[float] = []
    for plan, sheet in zip(plans, sheets, strict=True):
        page = np.asarray(Image.open(io.BytesIO(sheet.jpeg)).convert("L"), dtype=float)
        assert page.shape == (plan.height, plan.width)
        for tile in plan.tiles:
            assert isinstance(tile.shows, Moment)
            width, height = tile.frame_size
            assert (
                tile.times_s
                == frame_times_s(tile.shows, SAMPLINGS[0])
                == shown[tile.shows.id].times_s
            )
            for number, time_s in enumerate(tile.times_s):
                left, top = tile.corner(number)
                frame = page[top : top + height, left : left + width]
                lights.append(float(frame.mean()))
                assert frame.mean() == pytest.approx(20 + 30 * time_s, abs=4)
                assert frame.std() < 3, "nothing else is in its place"
    assert len(lights) == 2 * SAMPLINGS[0].frames_per_moment
    assert all(darker < brighter for darker, brighter in pairwise(lights))
    assert shown[asked[-1].id].light == pytest.approx(lights[-1] / 255, abs=0.03)
