"""Clips with an alpha channel are analysed, judged and shown over black, by either engine."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.probe import probe_with_notes
from montage_pipeline.rendering.model import RenderEngine
from montage_pipeline.rendering.render import render_checked
from montage_pipeline_tests.rendering.counters import facts_of
from montage_pipeline_tests.rendering.edits import WIDTH, Cut, bt709_frames, paths_of, timeline_of
from montage_pipeline_tests.rendering.sources import VP9, lab, seen_patches, transparent
from montage_pipeline_tests.rendering.test_likeness import miniatures_of, with_miniatures
from montage_pipeline_tests.rendering.video.any_source import TRUE_PATCHES

pytestmark = pytest.mark.usefixtures("bare_footage")

_VP8 = ("-c:v", "libvpx", "-threads", "1", "-deadline", "realtime", "-b:v", "3M")
_KINDS = {
    "prores4444.mov": ("yuva444p10le", ("-c:v", "prores_ks", "-profile:v", "4444")),
    "animation.mov": ("argb", ("-c:v", "qtrle")),
    "png.mov": ("rgba", ("-c:v", "png")),
    "vp9.webm": ("yuva420p", (*VP9, "-auto-alt-ref", "0")),
    "vp8.webm": ("yuva420p", (*_VP8, "-auto-alt-ref", "0")),
    "deep-png.mov": ("rgba64be", ("-c:v", "png")),
    "ffv1.mkv": ("yuva420p", ("-c:v", "ffv1")),
    "cineform.mov": ("gbrap12le", ("-c:v", "cfhd")),
    "utvideo.avi": ("gbrap", ("-c:v", "utvideo")),
}
_COMMON = 5
"""Of these, the first: what people have. MoviePy, which is slower, is shown them alone."""


@pytest.fixture(scope="module")
def clips(media: Path) -> list[FetchedClip]:
    return [
        transparent(name, pixel_format, media, video)
        for name, (pixel_format, video) in _KINDS.items()
    ]


def test_what_is_transparent_is_shown_and_analysed_black(
    clips: list[FetchedClip], engine: RenderEngine, music: Path, tmp_path: Path
) -> None:
    clips = clips[:_COMMON] if engine.name == "moviepy" else clips
    cuts = [Cut(clip, 0.0, 6) for clip in clips]
    miniatures = {clip.url: miniatures_of(clip.path) for clip in clips}
    timeline = with_miniatures(timeline_of(cuts), miniatures)
    assert all(segment.miniatures for segment in timeline.segments)

    reel = render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    rule = next(rule for rule in reel.check.rules if "analysed" in rule.name)
    compared, of_all = map(int, rule.measured.split(" of "))
    assert compared == of_all >= len(clips)

    firsts = list(bt709_frames(reel.video))[::6]
    for cut, segment, frame in zip(cuts, timeline.segments, firsts, strict=True):
        assert frame[:, : WIDTH // 2 - 6].max() < 12, cut.clip.url
        # Number 37 has its block in the middle of the right column white.
        right = lab(seen_patches(frame, facts_of(cut.clip), segment.crop)[2::4])
        assert np.abs(right - lab(TRUE_PATCHES[2::4])).max() < 5, cut.clip.url


def test_it_is_said(clips: list[FetchedClip]) -> None:
    for clip in clips:
        (note,) = probe_with_notes(clip).notes
        assert note == "it has an alpha channel; what is transparent in it is shown black"
