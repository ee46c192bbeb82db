"""Measures move the right way when footage is made worse, and shots are found where they were cut."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from montage_pipeline.errors import MontageError, PermanentError
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import StretchMeasures
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.loudness import SILENCE_LUFS, measure_loudness
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, filmed, make_clip, scenery
from montage_pipeline_tests.rendering.audio.sounds import RATE, coloured_noise, voice

SIZE = "480x270"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenery(tmp_path_factory.mktemp("view") / "view.png")


@pytest.fixture(scope="module")
def good(view: Path, tmp_path_factory: pytest.TempPathFactory) -> StretchMeasures:
    return figures(view, tmp_path_factory.mktemp("good") / "good.mp4")


def figures(
    view: Path,
    path: Path,
    filters: str = "",
    movement: str = "x=20+n:y=20",
    output: tuple[str, ...] = H264,
) -> StretchMeasures:
    source = filmed(view, movement)
    clip = fetched(
        make_clip(
            path,
            source=source,
            size=SIZE,
            rate="15",
            duration_s=1.5,
            filters=filters,
            output=output,
        )
    )
    facts = probe(clip)
    return measure(clip.path, facts).between(Span(facts.start_s, facts.start_s + facts.duration_s))


def test_more_blur_is_less_sharp(good: StretchMeasures, view: Path, tmp_path: Path) -> None:
    scores = [good.sharpness] + [
        figures(view, tmp_path / f"{sigma}.mp4", f"gblur=sigma={sigma}").sharpness
        for sigma in (2, 5, 12)
    ]
    assert all(better > worse + 0.03 for better, worse in pairwise(scores)), scores
    assert scores[0] > 0.6
    assert scores[-1] < 0.4


def test_less_light_is_worse_exposed_and_so_is_too_much(
    good: StretchMeasures, view: Path, tmp_path: Path
) -> None:
    darker = [good.exposure] + [
        figures(view, tmp_path / f"d{n}.mp4", f"lutyuv=y='16+(val-16)*{n}'").exposure
        for n in (0.35, 0.12)
    ]
    assert all(better > worse + 0.05 for better, worse in pairwise(darker)), darker
    burnt = figures(view, tmp_path / "burnt.mp4", "lutyuv=y='clip(val*1.4+130,16,235)'")
    assert burnt.exposure < good.exposure - 0.2
    assert burnt.white_share > 0.5


def test_shake_is_unstable_and_a_pan_is_not(
    good: StretchMeasures, view: Path, tmp_path: Path
) -> None:
    pan = figures(view, tmp_path / "pan.mp4", movement="x='n*6':y=30")
    swaying = figures(
        view, tmp_path / "sway.mp4", movement="x='80+6*sin(n*1.1)':y='45+6*cos(n*0.9)'"
    )
    shaken = figures(
        view,
        tmp_path / "shake.mp4",
        movement="x='80+22*sin(n*2.1)+10*sin(n*5.3)':y='45+22*cos(n*1.7)'",
    )
    assert min(good.stability, pan.stability) > 0.75
    assert pan.stability > swaying.stability + 0.1 > shaken.stability + 0.2
    assert shaken.stability < 0.2
    assert pan.motion > good.motion + 0.1


def test_something_passing_by_is_motion_not_shake(view: Path, tmp_path: Path) -> None:
    other = scenery(tmp_path / "other.png", seed=5)
    path = tmp_path / "passing.mp4"
    still, van = filmed(view, "x=20:y=20"), filmed(other, "x=20:y=20")
    graph = "[1:v]crop=200:150[van];[0:v][van]overlay=x='n*24-200':y=60"
    inputs = [
        argument
        for source in (still, van)
        for argument in ("-f", "lavfi", "-i", source.format(size=SIZE, rate="15"))
    ]
    run_ffmpeg(["-y", *inputs, "-filter_complex", graph, "-t", "1.5", *H264, str(path)])
    seen = measure(path, probe(fetched(path))).between(Span(0, 1.5))
    assert seen.stability > 0.8
    assert seen.motion > 0.3
    assert seen.moving is not None


def test_frozen_picture(good: StretchMeasures, view: Path, tmp_path: Path) -> None:
    assert good.frozen_share < 0.2
    slow = ("-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p")
    assert (
        figures(view, tmp_path / "still.mp4", movement="x=20:y=20", output=slow).frozen_share > 0.9
    )


def test_colour_and_its_absence(good: StretchMeasures, view: Path, tmp_path: Path) -> None:
    assert figures(view, tmp_path / "grey.mp4", "hue=s=0").colour < 0.1 < good.colour


def test_fingerprint_stays_with_another_encode_and_leaves_with_another_picture(
    good: StretchMeasures, view: Path, tmp_path: Path
) -> None:
    coarse = figures(view, tmp_path / "coarse.mp4", "scale=280:150", output=(*H264, "-crf", "36"))
    other = figures(view, tmp_path / "other.mp4", "vflip,hue=h=90")
    assert (good.fingerprint ^ coarse.fingerprint).bit_count() <= 8
    assert (good.fingerprint ^ other.fingerprint).bit_count() >= 16


def test_sound_counts_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tone.mp4"
    tone = "sine=f=700:r=44100,volume='if(gt(t,2),0.9,0)':eval=frame"
    inputs = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=15", "-f", "lavfi", "-i", tone]
    run_ffmpeg(["-y", *inputs, "-t", "4", *H264, "-c:a", "aac", str(path)])
    measures = measure(path, probe(fetched(path)))
    assert measures.between(Span(0, 1.7)).loud < 0.1
    assert measures.between(Span(2.3, 4)).loud > 0.9
    assert measures.between(Span(2.3, 4)).speech < 0.1


def shots_of(path: Path) -> list[tuple[float, float]]:
    facts = probe(fetched(path))
    return [(round(shot.start_s, 3), round(shot.end_s, 3)) for shot in measure(path, facts).shots]


def joined(
    path: Path, view: Path, scenes: Sequence[tuple[str, float]], graph: str = "", rate: str = "30"
) -> Path:
    """Scenes (a filter chain and seconds each) of one view, back to back, with no keyframe to give
    the cut away.
    """
    inputs: list[str] = []
    for look, seconds in scenes:
        inputs += [
            "-f",
            "lavfi",
            "-t",
            str(seconds),
            "-i",
            filmed(view).format(size=SIZE, rate=rate) + f",{look},setsar=1",
        ]
    chain = (
        graph
        or f"{''.join(f'[{index}:v]' for index in range(len(scenes)))}concat=n={len(scenes)}:v=1"
    )
    run_ffmpeg(
        [
            "-y",
            *inputs,
            "-filter_complex",
            chain,
            *H264,
            "-g",
            "300",
            "-sc_threshold",
            "0",
            str(path),
        ]
    )
    return path


def test_hard_cuts_are_found_to_the_frame(view: Path, tmp_path: Path) -> None:
    scenes = [
        ("null", 1.5),
        ("vflip,hue=h=120", 0.8),
        ("negate,hflip", 2.1),
        (f"crop=160:90:200:100,scale={SIZE.replace('x', ':')}", 1.2),
    ]
    assert shots_of(joined(tmp_path / "cuts.mp4", view, scenes)) == [
        (0.0, 1.5),
        (1.5, 2.3),
        (2.3, 4.4),
        (4.4, 5.6),
    ]


def test_cuts_of_a_fast_clip_are_found(view: Path, tmp_path: Path) -> None:
    path = joined(tmp_path / "fast.mp4", view, [("null", 1.0), ("negate,hflip", 1.0)], rate="60")
    (_, first_end), (second_start, _) = shots_of(path)
    assert 1.0 - 1.01 / 30 <= first_end <= 1.0 <= second_start <= 1.0 + 1.01 / 30


@pytest.mark.parametrize(
    ("movement", "filters"),
    [
        (
            "x=20+n:y=20",
            "geq=lum='if(between(N,20,21),min(lum(X,Y)+120,235),lum(X,Y))':cb='cb(X,Y)':cr='cr(X,Y)'",
        ),
        ("x=20+n:y=20", "eq=brightness='if(gt(n,20),-0.25,0)':eval=frame"),
        ("x=20+n*12:y=30", "null"),
        ("x='80+40*sin(n*0.5)':y=30", "null"),
    ],
    ids=["flash", "sudden shade", "fast pan", "whip"],
)
def test_flash_light_and_fast_movement_are_no_cuts(
    view: Path, tmp_path: Path, movement: str, filters: str
) -> None:
    path = make_clip(
        tmp_path / "one.mp4",
        source=filmed(view, movement),
        size=SIZE,
        filters=filters,
        duration_s=1.5,
    )
    assert len(shots_of(path)) == 1


def test_dissolves_and_fades_belong_to_no_shot(view: Path, tmp_path: Path) -> None:
    mixed = joined(
        tmp_path / "mix.mp4",
        view,
        [("null", 2.5), ("negate,hflip", 2.5)],
        "[0:v][1:v]xfade=duration=0.8:offset=1.6",
    )
    (first_start, first_end), (second_start, second_end) = shots_of(mixed)
    assert first_start == 0
    assert 1.2 < first_end <= 1.8
    assert 2.2 <= second_start < 2.8
    assert second_end == pytest.approx(4.1, abs=0.05)
    faded = joined(tmp_path / "fade.mp4", view, [("fade=t=in:d=1", 2.0)])
    ((start, end),) = shots_of(faded)
    assert 0.6 < start < 1.2
    assert end == pytest.approx(2.0, abs=0.01)


def test_loudness_of_tone_and_silence(tmp_path: Path) -> None:
    for name, source in (
        ("tone", "sine=f=1000:r=48000,volume=18.06dB,pan=stereo|c0=c0|c1=c0"),
        ("none", "anullsrc=r=48000:cl=stereo"),
    ):
        run_ffmpeg(["-y", "-f", "lavfi", "-i", source, "-t", "5", str(tmp_path / f"{name}.wav")])
    tone = measure_loudness(tmp_path / "tone.wav")
    # A 1 kHz sine at full scale in both channels is 0 LUFS by definition (BS.1770: -3.01 for one
    # channel).
    assert tone.integrated_lufs == pytest.approx(0.0, abs=0.3)
    assert tone.true_peak_dbtp == pytest.approx(0.0, abs=0.3)
    assert measure_loudness(tmp_path / "none.wav").integrated_lufs == SILENCE_LUFS
    with pytest.raises(PermanentError) as caught:
        measure_loudness(make_clip(tmp_path / "mute.mp4", duration_s=0.2))
    assert caught.value.code == "no_audio"


def test_ffmpeg_says_what_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(MontageError) as caught:
        run_ffmpeg(["-i", str(tmp_path / "missing.mp4"), "-f", "null", "-"], code="render_failed")
    assert caught.value.code == "render_failed"
    assert "No such file" in caught.value.message
    with pytest.raises(MontageError) as late:
        run_ffmpeg(
            ["-re", "-f", "lavfi", "-i", "testsrc2", "-t", "30", "-f", "null", "-"], timeout_s=0.3
        )
    assert late.value.code == "ffmpeg_timeout"


def test_talk_is_told_from_noise_and_tones(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE) * 0.3
    sounds = {"talk": voice(6.0, 0.15), "noise": coloured_noise(6.0, 1) * 0.1, "tone": tone}
    shares = {}
    for name, sound in sounds.items():
        wav, path = tmp_path / f"{name}.wav", tmp_path / f"{name}.mp4"
        wavfile.write(wav, RATE, np.asarray(sound, dtype=np.float32))
        picture = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=10"]
        run_ffmpeg(["-y", *picture, "-i", str(wav), "-t", "6", *H264, "-c:a", "aac", str(path)])
        shares[name] = measure(path, probe(fetched(path))).between(Span(0, 6)).speech
    assert shares["talk"] > 0.25, shares
    assert max(shares["noise"], shares["tone"]) < 0.02, shares
