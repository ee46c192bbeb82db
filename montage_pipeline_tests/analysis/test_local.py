"""The local analyst on generated footage with known faults."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from montage_pipeline.analysis.analyst import Analyst
from montage_pipeline.analysis.local import LocalAnalyst
from montage_pipeline.analysis.model import ClipAnalysis
from montage_pipeline.analysis.moments import MAX_MOMENT_S, UnscoredMoment, cut_into_moments
from montage_pipeline.analysis.scan import looking
from montage_pipeline.editing.stretches import usable_stretches
from montage_pipeline.errors import PermanentError
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.settings import Settings
from montage_pipeline_tests.footage.media import fetched, filmed, make_clip, scenery

SIZE = "480x270"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")
pytestmark = pytest.mark.usefixtures("bare_footage")

Film = Callable[..., FetchedClip]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Films a scene, each `view` another one; equal names give the same file."""
    folder = tmp_path_factory.mktemp("films")

    def make(
        name: str,
        *,
        view: int = 1,
        duration_s: float = 3.0,
        movement: str = "x=20+2*n:y=20",
        filters: str = "",
        output: Sequence[str] = H264,
    ) -> FetchedClip:
        still, path = folder / f"view{view}.png", folder / name
        if not still.exists():
            scenery(still, seed=view)
        if not path.exists():
            make_clip(
                path,
                source=filmed(still, movement),
                size=SIZE,
                rate="15",
                duration_s=duration_s,
                filters=filters,
                output=output,
            )
        return fetched(path)

    return make


def analyse(
    *clips: FetchedClip, style: str = "dynamic", duration_s: float = 15, **settings: object
) -> ClipAnalysis:
    analyst: Analyst = LocalAnalyst(Settings(**settings))  # type: ignore[arg-type]
    return analyst.analyse(clips, style, duration_s)


def rejects_of(analysis: ClipAnalysis) -> dict[str, set[str]]:
    return {
        moment.id: {reason.code for reason in moment.rejects}
        for clip in analysis.clips
        for moment in clip.moments
    }


def test_the_document_keeps_to_its_contract(film: Film, tmp_path: Path) -> None:
    cuts = tmp_path / "cuts.mp4"
    inputs = [
        word
        for name in ("a.mp4", "b.mp4")
        for word in ("-i", str(film(name, view=1 + (name == "b.mp4")).path))
    ]
    run_ffmpeg(["-y", *inputs, "-filter_complex", "[0:v][1:v]concat=n=2:v=1", *H264, str(cuts)])
    analysis = analyse(fetched(cuts), film("c.mp4", view=3, duration_s=11))
    moments = [moment for clip in analysis.clips for moment in clip.moments]
    assert len({moment.id for moment in moments}) == len(moments)
    assert [shot.end_s for shot in analysis.clips[0].shots] == [3.0, 6.0]
    for index, clip in enumerate(analysis.clips):
        end_s = clip.facts.start_s + clip.facts.duration_s
        for moment in clip.moments:
            assert moment.clip == index
            assert analysis.moment(moment.id) is moment
            assert clip.facts.start_s <= moment.start_s < moment.end_s <= end_s
            assert moment.duration_s <= MAX_MOMENT_S + 1e-6
            assert any(
                shot.start_s <= moment.start_s and moment.end_s <= shot.end_s for shot in clip.shots
            ), "a moment crosses a cut"
        assert all(before.end_s <= after.start_s for before, after in pairwise(clip.moments))
        covered = sum(moment.duration_s for moment in clip.moments)
        assert covered > clip.facts.duration_s - 0.3 * len(clip.shots)
    usable = {moment.id for moment in moments if not moment.rejects}
    assert set(analysis.best_moments) == usable
    assert analysis.hook_moment in usable
    assert analysis.moment(analysis.hook_moment).duration_s >= 1.7
    assert analysis.analyst.name == "local"
    assert ClipAnalysis.model_validate_json(analysis.model_dump_json()) == analysis


def test_same_clips_give_the_same_document(film: Film) -> None:
    clips = [film("a.mp4"), film("b.mp4", view=2)]
    assert analyse(*clips) == analyse(*clips)


BAD = {
    "blurred": ("gblur=sigma=9", "x=20+2*n:y=20"),
    "dark": ("lutyuv=y='16+(val-16)*0.12'", "x=20+2*n:y=20"),
    "overexposed": ("lutyuv=y='min(val+140,235)'", "x=20+2*n:y=20"),
    "black": ("lutyuv=y=16:u=128:v=128", "x=20+2*n:y=20"),
    "shaky": ("null", "x='80+22*sin(n*2.1)+10*sin(n*5.3)':y='45+22*cos(n*1.7)'"),
    "frozen": ("null", "x=40:y=40"),
}
"""How footage that is rejected with this code is filmed."""


def test_bad_footage_is_rejected_with_its_figure_and_good_is_not(film: Film) -> None:
    output = ("-c:v", "libx264", "-preset", "medium", "-crf", "20", "-pix_fmt", "yuv420p")
    bad = [
        film(f"{code}.mp4", view=view, filters=how, movement=movement, output=output)
        for view, (code, (how, movement)) in enumerate(BAD.items(), start=2)
    ]
    analysis = analyse(film("long.mp4", view=1, duration_s=8), *bad)
    good, *others = analysis.clips
    assert all(not moment.rejects for moment in good.moments)
    for code, clip in zip(BAD, others, strict=True):
        assert clip.moments
        for moment in clip.moments:
            assert code in {reason.code for reason in moment.rejects}, code
            assert any(character.isdigit() for character in moment.rejects[0].message)
    assert analysis.warnings == ()


def test_only_the_bad_part_of_a_shot_is_rejected(film: Film) -> None:
    clip = film("partly.mp4", duration_s=10, filters="gblur=sigma=10:enable='between(t,4,7)'")
    (analysed,) = analyse(clip, duration_s=6).clips
    (bad,) = [moment for moment in analysed.moments if moment.rejects]
    assert [reason.code for reason in bad.rejects] == ["blurred"]
    assert (bad.start_s, bad.end_s) == pytest.approx((4, 7), abs=0.6)
    assert len(analysed.moments) == 3


def test_bad_clip_is_left_out_and_named(film: Film, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(film("a.mp4").path.read_bytes()[:3000])
    analysis = analyse(fetched(broken), film("a.mp4"))
    assert [(Path(clip.url).name, clip.code) for clip in analysis.rejected_clips] == [
        ("broken.mp4", "clip_unreadable")
    ]
    assert [Path(clip.facts.url).name for clip in analysis.clips] == ["a.mp4"]


@pytest.mark.parametrize("size", ["406x720", pytest.param("528x592", marks=pytest.mark.slow)])
def test_clips_of_odd_proportions_are_used(film: Film, size: str) -> None:
    width, _, height = size.partition("x")
    cropped = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    (clip,) = analyse(film(f"{size}.mp4", filters=cropped)).clips
    assert (clip.facts.width, clip.facts.height) == (int(width), int(height))
    assert any(not moment.rejects for moment in clip.moments)


def test_figures_nobody_foresaw_cost_their_own_clip_only(
    film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, good = film("odd.mp4", view=2), film("a.mp4")

    def cut(clip: ClipMeasures, *limits: float) -> list[UnscoredMoment]:
        if clip.facts.url == odd.url:
            raise ValueError("all input arrays must have the same shape")
        return cut_into_moments(clip, *limits)

    monkeypatch.setattr(looking, "cut_into_moments", cut)
    analysis = analyse(odd, good)
    assert [clip.facts.url for clip in analysis.clips] == [good.url]
    (rejected,) = analysis.rejected_clips
    assert (rejected.url, rejected.code) == (odd.url, "clip_failed")
    assert "same shape" not in rejected.message


def test_nothing_usable_names_every_reason(film: Film, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(5000))
    black = film("black4.mp4", filters="lutyuv=y=16:u=128:v=128")
    with pytest.raises(PermanentError) as caught:
        analyse(fetched(broken), black)
    assert caught.value.code == "no_usable_clips"
    assert "broken.mp4: FFmpeg cannot read it" in caught.value.message
    of_black = caught.value.message.partition("black4.mp4: ")[2]
    assert "rejected: black: the brightest parts of the frame" in of_black
    with pytest.raises(PermanentError, match="no clips were given"):
        analyse()
    with pytest.raises(PermanentError, match="at most 1"):
        analyse(black, black, max_clips=1)


def test_poor_footage_is_used_where_there_is_nothing_better(film: Film) -> None:
    worse, better = (
        film(f"soft{sigma}.mp4", view=2 + sigma, filters=f"gblur=sigma={sigma}", duration_s=5)
        for sigma in (16, 9)
    )
    analysis = analyse(worse, better, film("shut.mp4", filters="lutyuv=y=16:u=128:v=128"))
    usable = [analysis.moment(name) for name in analysis.best_moments]
    assert sum(moment.duration_s for moment in usable) >= 7
    assert any(
        "blurred" in warning and "used as a fallback" in warning for warning in analysis.warnings
    )
    assert rejects_of(analysis)["c2m0"] >= {"black"}, "a black frame is never forgiven"


def test_footage_given_twice_is_used_once(film: Film, tmp_path: Path) -> None:
    original = film("walk.mp4", view=5, duration_s=5, movement="x=20+3*n:y='20+30*sin(n/9)'")
    poor, part = tmp_path / "poor.mp4", tmp_path / "part.mp4"
    run_ffmpeg(
        ["-y", "-i", str(original.path), "-vf", "scale=240:136", *H264, "-crf", "34", str(poor)]
    )
    run_ffmpeg(
        ["-y", "-ss", "1.53", "-i", str(original.path), "-t", "2", *H264, "-crf", "30", str(part)]
    )
    copy = original.model_copy(
        update={"url": "https://clips.example/copy.mp4?X-Amz-Signature=secret"}
    )
    analysis = analyse(fetched(poor), original, copy, fetched(part), film("a.mp4"))
    assert [Path(clip.facts.url).name for clip in analysis.clips] == ["walk.mp4", "a.mp4"]
    assert {(Path(clip.url.split("?")[0]).name, clip.code) for clip in analysis.rejected_clips} == {
        ("copy.mp4", "clip_duplicate"),
        ("poor.mp4", "clip_duplicate"),
        ("part.mp4", "clip_duplicate"),
    }
    assert all(
        "walk.mp4" in clip.message and "secret" not in clip.message
        for clip in analysis.rejected_clips
    )


def test_shared_part_of_two_clips_is_used_once(film: Film, tmp_path: Path) -> None:
    shared, own = (
        film("walk.mp4", view=5, duration_s=5, movement="x=20+3*n:y='20+30*sin(n/9)'"),
        film("own.mp4", view=6, duration_s=6),
    )
    mixed = tmp_path / "mixed.mp4"
    inputs = ["-i", str(own.path), "-i", str(shared.path)]
    graph = ["-filter_complex", "[0:v][1:v]concat=n=2:v=1"]
    run_ffmpeg(["-y", *inputs, *graph, *H264, "-crf", "32", str(mixed)])
    analysis = analyse(shared, fetched(mixed))
    first, second = (
        [{reason.code for reason in moment.rejects} for moment in clip.moments]
        for clip in analysis.clips
    )
    assert all(not codes for codes in first)
    assert "duplicate" in second[-1]
    assert not second[0]


def test_two_takes_of_one_scene_are_two_clips(film: Film, tmp_path: Path) -> None:
    """A tripod, one room, another thing passing by in each: alike, but not the same footage."""
    scenery(tmp_path / "van.png", seed=9)
    takes = []
    for name, path_x in (("one.mp4", "n*12-200"), ("two.mp4", "480-n*9")):
        sources = [
            filmed(film("a.mp4").path.parent / "view1.png", "x=20:y=20"),
            filmed(tmp_path / "van.png", "x=20:y=20"),
        ]
        inputs = [
            word
            for source in sources
            for word in ("-f", "lavfi", "-i", source.format(size=SIZE, rate="15"))
        ]
        graph = f"[1:v]crop=150:120[van];[0:v][van]overlay=x='{path_x}':y=90"
        run_ffmpeg(
            ["-y", *inputs, "-filter_complex", graph, "-t", "3.5", *H264, str(tmp_path / name)]
        )
        takes.append(fetched(tmp_path / name))
    analysis = analyse(*takes)
    assert len(analysis.clips) == 2
    assert not any("duplicate" in codes for codes in rejects_of(analysis).values())


def test_busy_stretches_are_parted_from_quiet_ones(film: Film) -> None:
    busy = "x='60+0.2*n+between(n,90,150)*60*(1-cos((n-90)*PI/10))':y=20"
    analysis = analyse(film("busy.mp4", duration_s=16, movement=busy))
    (clip,) = analysis.clips
    assert all(3.4 <= moment.duration_s <= MAX_MOMENT_S for moment in clip.moments)
    busiest = max(clip.moments, key=lambda moment: moment.scores.motion)
    overlap = min(busiest.end_s, 10) - max(busiest.start_s, 6)
    assert overlap / busiest.duration_s > 0.7


def test_movement_raises_the_tempo(film: Film) -> None:
    calm = analyse(film("calm.mp4", movement="x=20+n/2:y=20"))
    lively = analyse(film("lively.mp4", view=2, movement="x='200+120*sin(n/3)':y='40+20*sin(n/4)'"))
    assert lively.suggested_bpm > calm.suggested_bpm


def test_fewer_bits_are_worse(film: Film) -> None:
    clips = [
        film(f"crf{crf}.mp4", view=7, output=(*H264, "-crf", str(crf))) for crf in (20, 36, 48)
    ]
    qualities = [analyse(clip).clips[0].moments[0].quality for clip in clips]
    assert all(better > worse + 0.01 for better, worse in pairwise(qualities)), qualities


def test_a_clip_of_three_seconds_can_be_a_cut(film: Film) -> None:
    shortest = analyse(film("three-seconds.mp4", duration_s=MIN_CUT_S))
    (stretch,) = usable_stretches(shortest, Fraction(30))
    assert stretch.frames == MIN_CUT_S * 30

    # Half a frame of room at the end, as ever, where it costs nothing.
    (moment,) = analyse(film("four-seconds.mp4", duration_s=4.0)).clips[0].moments
    assert moment.end_s == pytest.approx(4 - 1 / 30, abs=1e-3)
