"""Long footage is looked at where it promises most, at a cost that does not grow with its length.

What is used of it was seen.
"""

from pathlib import Path
from typing import Any

import pytest

from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.analysis.scan import attention
from montage_pipeline.analysis.scan.workers import Workers
from montage_pipeline.editing.framing.crops import middle_crop
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.settings import Settings
from montage_pipeline.spans import Span, overlap_s
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.footage.media import fetched, filmed, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

SIZE, RATE = "320x180", 15
SCENE_S = 4.4
ENCODING = [
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "23",
    "-pix_fmt",
    "yuv420p",
    "-sc_threshold",
    "0",
]


def analyse(*clips: FetchedClip, duration_s: float) -> ClipAnalysis:
    return LocalAnalyst(Settings()).analyse(clips, "dynamic", duration_s)


def film(folder: Path, name: str, filters: list[str], gop: int = 15) -> FetchedClip:
    """Scenes of SCENE_S seconds, each another view through a filter, with a keyframe every `gop`.

    No keyframe gives a cut away.
    """
    inputs: list[str] = []
    for place, filter_ in enumerate(filters):
        view = scenery(folder / f"view{place}.png", seed=20 + place)
        source = filmed(view, "x=20+2*n:y=20").format(size=SIZE, rate=RATE)
        inputs += ["-f", "lavfi", "-t", str(SCENE_S), "-i", f"{source},{filter_},setsar=1"]

    streams = "".join(f"[{place}:v]" for place in range(len(filters)))
    graph = f"{streams}concat=n={len(filters)}:v=1"
    run_ffmpeg(
        ["-y", *inputs, "-filter_complex", graph, *ENCODING, "-g", str(gop), str(folder / name)]
    )
    return fetched(folder / name)


@pytest.fixture
def little_work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """As if a few seconds used up the work that may be spent; counts the frames decoded closely."""
    monkeypatch.setattr(attention, "WORK", 60.0)
    decoded: list[int] = []
    real = Workers.look

    def counted(*args: Any) -> Any:
        seen = real(*args)
        if isinstance(seen, ClipMeasures):
            decoded.append(seen.decoded_frames)
        return seen

    monkeypatch.setattr(Workers, "look", counted)
    return decoded


@pytest.mark.parametrize(
    "gop", [15, pytest.param(999, marks=pytest.mark.slow)], ids=["many keyframes", "one keyframe"]
)
def test_no_moment_crosses_a_cut_or_leaves_what_was_seen(
    tmp_path: Path, little_work: list[int], gop: int
) -> None:
    clip = film(tmp_path, "cuts.mp4", ["null"] * 7, gop)
    analysis = analyse(clip, duration_s=7)
    (seen,) = analysis.clips
    cuts = [SCENE_S * place for place in range(1, 7)]
    assert seen.moments
    for moment in seen.moments:
        assert not any(moment.start_s < cut < moment.end_s for cut in cuts)
        assert any(
            shot.start_s <= moment.start_s and moment.end_s <= shot.end_s for shot in seen.shots
        )
        assert moment.subject_path == tuple(
            sorted(moment.subject_path, key=lambda point: point.time_s)
        )
    assert sum(little_work) < 0.75 * 7 * SCENE_S * RATE
    assert any("were looked at closely" in warning for warning in analysis.warnings)


def test_cost_does_not_grow_with_length(tmp_path: Path, little_work: list[int]) -> None:
    costs = []
    for name, scenes in (("short.mp4", 5), ("long.mp4", 10)):
        little_work.clear()
        analyse(film(tmp_path, name, ["null"] * scenes), duration_s=7)
        costs.append(sum(little_work))
    assert costs[1] <= 1.2 * costs[0]


def test_the_good_part_of_a_long_clip_is_found(tmp_path: Path, little_work: list[int]) -> None:
    filters = [
        "gblur=sigma=9",
        "lutyuv=y=16:u=128:v=128",
        "gblur=sigma=9",
        "null",
        "null",
        "lutyuv=y='16+(val-16)*0.1'",
        "gblur=sigma=9",
    ]
    analysis = analyse(film(tmp_path, "mostly_bad.mp4", filters), duration_s=3)
    good = [moment for moment in analysis.clips[0].moments if not moment.rejects]
    assert good
    sharp = Span(3 * SCENE_S, 5 * SCENE_S)
    within_s = sum(overlap_s(sharp, Span(moment.start_s, moment.end_s)) for moment in good)
    assert within_s > 0.9 * sum(moment.duration_s for moment in good)


@pytest.mark.usefixtures("little_work")
def test_what_is_looked_at_towards_the_end_of_a_clip_has_room_for_a_cut(tmp_path: Path) -> None:
    last_keyframe_s = 6  # 2.8 s before the end; before it, the cut from what is blurred
    clip = film(tmp_path, "late.mp4", ["gblur=sigma=9", "null"], gop=last_keyframe_s * RATE)
    (seen,) = analyse(clip, duration_s=2).clips
    [shot] = seen.shots
    assert shot.start_s < last_keyframe_s
    good = [moment for moment in seen.moments if not moment.rejects]
    assert max(moment.duration_s for moment in good) >= MIN_CUT_S


def test_a_clip_without_room_for_a_cut_in_what_was_seen_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "WORK", 180.0)  # neither clip is measured whole
    folder = tmp_path / "b"
    folder.mkdir()
    # One keyframe, so that nothing tells where the shots change before they are looked at.
    views = ["null", "hflip", "vflip", "null", "hue=h=50"]
    brief = film(tmp_path, "cuts.mp4", views, gop=999)
    enough = film(folder, "enough.mp4", ["vflip", "hue=h=280"])
    analysis = analyse(brief, enough, duration_s=3)
    for clip in analysis.clips:
        good = [moment.duration_s for moment in clip.moments if not moment.rejects]
        assert max(good) >= MIN_CUT_S, clip.facts.url


def test_every_clip_is_looked_at_before_any_is_twice(
    tmp_path: Path, little_work: list[int]
) -> None:
    scenes = {
        "a": ["hue=h=280", "hflip", "vflip"],
        "b": ["hflip", "hflip", "hflip"],
        "c": ["hue=h=0", "hflip", "vflip"],
    }
    clips = []
    for name, filters in scenes.items():
        folder = tmp_path / name
        folder.mkdir()
        clips.append(film(folder, f"{name}.mp4", filters))

    analysis = analyse(*clips, duration_s=10)
    duplicates = [clip for clip in analysis.rejected_clips if clip.code == "clip_duplicate"]
    assert len(analysis.clips) + len(duplicates) == 3


def test_borders_logos_and_writing_are_named(tmp_path: Path) -> None:
    view = scenery(tmp_path / "walk.png", seed=31)
    source = filmed(view, "x=8*n:y=20").format(size="640x360", rate=RATE)
    boxed = "scale=640:270,pad=640:360:0:45"
    # In the middle: a mark that no crop shows costs nothing.
    bars = ("x=290:y=60:w=60:h=4", "x=290:y=60:w=4:h=24", "x=290:y=80:w=60:h=4")
    logo = ",".join(f"drawbox={bar}:color=white:t=fill" for bar in bars)
    encoding = ["-c:v", "libx264", "-preset", "veryfast"]
    for name, filters in (("clean.mp4", "null"), ("boxed.mp4", boxed), ("logo.mp4", logo)):
        taken = ["-f", "lavfi", "-t", "5", "-i", f"{source},{filters}"]
        run_ffmpeg(["-y", *taken, *encoding, str(tmp_path / name)])

    quality = {}
    for name in ("clean.mp4", "boxed.mp4", "logo.mp4"):
        (clip,) = analyse(fetched(tmp_path / name), duration_s=7).clips
        quality[name] = clip.moments[0].quality
        kinds = {overlay.kind for moment in clip.moments for overlay in moment.overlays}
        assert kinds == ({"watermark"} if name == "logo.mp4" else set())
        if name == "boxed.mp4":
            picture = clip.facts.picture
            assert picture is not None
            assert picture.y == pytest.approx(0.125, abs=0.01)
            assert picture.height == pytest.approx(0.75, abs=0.02)
            crop = middle_crop(clip.facts, Format.REEL.frame_size)
            assert 45 <= crop.y < crop.y + crop.height <= 315, "no border is shown"
        else:
            assert clip.facts.picture is None
    # Borders cost nothing: no crop shows them.
    assert quality["logo.mp4"] < min(quality["clean.mp4"], quality["boxed.mp4"])
