"""A finished Reel shows what was analysed, whatever a seek does to the clip; where it does not, the
segment is named, and rendered again, entered earlier, at last from the clip's start.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import inf
from pathlib import Path

import pytest

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.fetching.fetch import ClipFetcher
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.miniatures import miniature_of
from montage_pipeline.footage.model import ClipSource, FetchedClip, Miniature
from montage_pipeline.rendering.check import BadRender, check_file
from montage_pipeline.rendering.ffmpeg_engine import FfmpegEngine
from montage_pipeline.rendering.model import EngineName, EngineRun, ProgressCallback
from montage_pipeline.rendering.render import render_checked
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, filmed, indexed, make_clip, scenery
from montage_pipeline_tests.footage.strange import leapt, plain_clip, unstamped
from montage_pipeline_tests.rendering.edits import Cut, paths_of, timeline_of

pytestmark = pytest.mark.usefixtures("bare_footage")

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf", "20")
HARD_TO_ENTER = {
    "open-gop.mp4": (*X264, "-g", "25", "-bf", "3", "-x264-params", "open-gop=1"),
    "open-gop.ts": (*X264, "-g", "25", "-bf", "3", "-x264-params", "open-gop=1"),
    "intra-refresh.mp4": (*X264, "-g", "50", "-x264-params", "intra-refresh=1"),
    "intra-refresh.ts": (*X264, "-g", "50", "-x264-params", "intra-refresh=1"),
    "one-keyframe.mkv": (*X264, "-g", "1000", "-bf", "2"),
}


@lru_cache(maxsize=8)
def miniatures_of(path: Path) -> list[Miniature]:
    """What the analysis sees of a clip, decoded from its start; each clip has its own path."""
    return [
        miniature_of(sample.time_s, sample.luma, sample.chroma)
        for sample in measure(indexed(path)).samples
    ]


def with_miniatures(timeline: Timeline, miniatures: Mapping[str, list[Miniature]]) -> Timeline:
    """The timeline as the planner makes it: each segment with what was seen of it."""
    fps = timeline.fps.fraction
    segments = tuple(
        segment.model_copy(
            update={
                "miniatures": tuple(
                    miniature
                    for miniature in miniatures[segment.clip_url]
                    if segment.source_span(fps).holds(miniature.time_s)
                )
            }
        )
        for segment in timeline.segments
    )
    return timeline.model_copy(update={"segments": segments})


@pytest.fixture(scope="module")
def two_clips(tmp_path_factory: pytest.TempPathFactory) -> list[FetchedClip]:
    folder = tmp_path_factory.mktemp("clips")
    return [
        fetched(
            make_clip(
                folder / f"clip-{seed}.mp4",
                source=filmed(scenery(folder / f"{seed}.png", seed=seed)),
                duration_s=12.5,
                output=X264,
            )
        )
        for seed in (1, 2)
    ]


# Entered as the same encoding in the other container.
RARER = ("open-gop.ts", "intra-refresh.mp4")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in RARER else name
        for name in HARD_TO_ENTER
    ],
)
def test_clips_that_are_hard_to_enter_are_shown_as_analysed(
    name: str, music: Path, tmp_path: Path
) -> None:
    source = filmed(scenery(tmp_path / "scenery.png", seed=3))
    clip = fetched(
        make_clip(
            tmp_path / name, source=source, rate="25", duration_s=6, output=HARD_TO_ENTER[name]
        )
    )
    cuts = [Cut(clip, after_s, 24) for after_s in (0.0, 1.55, 3.1, 4.7)]
    timeline = with_miniatures(timeline_of(cuts), {clip.url: miniatures_of(clip.path)})
    assert all(segment.miniatures for segment in timeline.segments)

    engine = FfmpegEngine(Settings())
    reel = render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    rule = next(rule for rule in reel.check.rules if "analysed" in rule.name)
    assert rule.holds
    assert int(rule.measured.split(" of ")[0]) >= 4


@pytest.mark.parametrize(
    "strange",
    [
        lambda clip, folder: unstamped(clip, folder / "before-zero.mkv"),
        pytest.param(
            lambda clip, folder: leapt(clip, folder / "leapt.mkv", after_s=2.52),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            lambda clip, folder: leapt(clip, folder / "leapt.mp4", after_s=2.52, reordered=False),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["unstamped", "leapt", "leapt and out of order"],
)
def test_clips_with_a_broken_clock_are_shown_as_analysed(
    strange: Callable[[Path, Path], Path], music: Path, tmp_path: Path
) -> None:
    path = strange(plain_clip(tmp_path), tmp_path)
    with ClipFetcher(Settings(local_files=True), None, tmp_path / "cache") as fetcher:
        clip = fetcher.fetch(str(path))
        cuts = [Cut(clip, after_s, 24) for after_s in (0.0, 1.1, 2.2, 3.1)]
        timeline = with_miniatures(timeline_of(cuts), {clip.url: miniatures_of(clip.path)})
        assert all(segment.miniatures for segment in timeline.segments)
        engine = FfmpegEngine(Settings())
        reel = render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    rule = next(rule for rule in reel.check.rules if "analysed" in rule.name)
    assert int(rule.measured.split(" of ")[0]) >= 4


class Misled:
    """An engine that shows another clip in a segment, until that is entered so much earlier."""

    name: EngineName = "ffmpeg"

    def __init__(
        self, wrong: Callable[[Timeline], Timeline], number: int, cured_by_s: float | None
    ) -> None:
        self._wrong, self._number, self._cured_by_s = wrong, number, cured_by_s
        self._engine = FfmpegEngine(Settings())
        self.renders: list[dict[int, float]] = []

    def render(
        self,
        timeline: Timeline,
        sources: Mapping[str, ClipSource],
        music_path: Path,
        output: Path,
        progress: ProgressCallback,
        *,
        earlier_s: Mapping[int, float] | None = None,
    ) -> EngineRun:
        self.renders.append(dict(earlier_s or {}))
        entered_s = self.renders[-1].get(self._number, 0.0)
        cured = self._cured_by_s is not None and entered_s >= self._cured_by_s
        shown = timeline if cured else self._wrong(timeline)
        return self._engine.render(
            shown, sources, music_path, output, progress, earlier_s=earlier_s
        )


def other_clip_in(number: int) -> Callable[[Timeline], Timeline]:
    """Puts the timeline's other clip in the place of one segment's."""

    def changed(timeline: Timeline) -> Timeline:
        segments = list(timeline.segments)
        other = 1 - segments[number].clip
        segments[number] = segments[number].model_copy(
            update={"clip": other, "clip_url": timeline.clips[other].url}
        )
        return timeline.model_copy(update={"segments": tuple(segments)})

    return changed


def test_a_segment_that_shows_something_else_is_named(
    two_clips: list[FetchedClip], music: Path, tmp_path: Path
) -> None:
    cuts = [Cut(two_clips[0], 0.5, 30), Cut(two_clips[1], 1.0, 30), Cut(two_clips[0], 2.0, 30)]
    miniatures = {clip.url: miniatures_of(clip.path) for clip in two_clips}
    timeline = with_miniatures(timeline_of(cuts), miniatures)
    engine = Misled(other_clip_in(1), 1, cured_by_s=None)

    with pytest.raises(BadRender, match=r"segment 1 at frame .*clip-2.mp4 at 1.") as failure:
        render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    assert failure.value.misshown == {1}
    assert engine.renders == [{}, {1: inf}]
    assert not (tmp_path / "reel.mp4").exists()


def test_colours_that_are_not_the_clips_are_named(music: Path, tmp_path: Path) -> None:
    """The light is right, as where a decoder or a crop garbles the chroma alone."""
    source = filmed(scenery(tmp_path / "scenery.png", seed=3))
    clips = [
        fetched(
            make_clip(
                tmp_path / f"{name}.mp4",
                source=source,
                duration_s=1.5,
                filters=filters,
                output=X264,
            )
        )
        for name, filters in (("true", ""), ("swapped", "swapuv"))
    ]
    cuts = [Cut(clip, 0.2, 20) for clip in clips]
    miniatures = {clip.url: miniatures_of(clip.path) for clip in clips}
    timeline = with_miniatures(timeline_of(cuts), miniatures)
    engine = Misled(other_clip_in(1), 1, cured_by_s=None)

    with pytest.raises(BadRender, match=r"swapped\.mp4 at .* unlike it in its colours") as failure:
        render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    assert failure.value.misshown == {1}, "the true one is shown as it was analysed"


@pytest.mark.parametrize(
    ("cured_by_s", "renders"),
    [
        pytest.param(10.0, [{}, {1: 10.0}], marks=pytest.mark.slow),
        (inf, [{}, {1: 10.0}, {1: inf}]),
    ],
)
def test_what_a_seek_spoilt_is_entered_earlier_then_from_the_start(
    cured_by_s: float,
    renders: list[dict[int, float]],
    two_clips: list[FetchedClip],
    music: Path,
    tmp_path: Path,
) -> None:
    cuts = [Cut(two_clips[0], 0.5, 30), Cut(two_clips[1], 11.0, 30)]
    miniatures = {clip.url: miniatures_of(clip.path) for clip in two_clips}
    timeline = with_miniatures(timeline_of(cuts), miniatures)
    engine = Misled(other_clip_in(1), 1, cured_by_s)

    reel = render_checked(timeline, paths_of(cuts), music, tmp_path, engine, lambda share: None)
    assert engine.renders == renders
    assert check_file(reel.video, timeline).rules == reel.check.rules
