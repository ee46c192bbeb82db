"""Random footage, random music, every style, format and length: the rules hold for every timeline
there is.
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from montage_pipeline.analysis.model import ClipAnalysis, Moment, TimeSpan
from montage_pipeline.editing.planner import plan_timeline
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.styles import STYLES
from montage_pipeline.vocabulary import Format
from montage_pipeline_tests.editing.footage import analysis, facts, moment, music
from montage_pipeline_tests.editing.rules import assert_rules, slidable_cuts
from montage_pipeline_tests.examples import examples

SOURCE_RATES = [(10, 1), (25, 2), (24000, 1001), (25, 1), (30000, 1001), (30, 1), (60, 1), (240, 1)]
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
SIZES = [(1920, 1080), (1080, 1920), (640, 360), (640, 480), (405, 721), (3840, 2160), (486, 1080)]


@st.composite
def footages(draw: st.DrawFn) -> ClipAnalysis:
    """1 to 12 clips of random length, rate, size, shots and moments, some rejected, some copies of
    an earlier clip.
    """
    seed = draw(st.integers(0, 10**9))
    dice = Random(seed)
    clips: list[tuple[ClipFacts, list[Moment]]] = []
    shots: list[list[TimeSpan]] = []
    reject_share = dice.choice([0.0, 0.0, 0.1, 0.4])
    kind = draw(st.sampled_from(["short", "awkward", "mixed", "long"]))
    low_s, high_s = {
        "short": (0.3, 5.0),
        "awkward": (3.0, 3.4),
        "mixed": (0.5, 25.0),
        "long": (15.0, 60.0),
    }[kind]
    for index in range(draw(st.one_of(st.integers(1, 12), st.integers(8, 14)))):
        if index and dice.random() < 0.1:
            copy, moments = clips[index - 1]
            again = [m.model_copy(update={"id": f"x{m.id}", "clip": index}) for m in moments]
            clips.append((copy.model_copy(update={"url": f"{copy.url}?copy"}), again))
            shots.append(shots[-1])
            continue
        length_s, start_s = dice.uniform(low_s, high_s), dice.choice([0.0, 0.0, 0.033367, 1.4])
        num, den = dice.choice(SOURCE_RATES)
        width, height = dice.choice(SIZES)
        clip = facts(
            f"{seed}c{index}",
            length_s,
            fps=FrameRate(num=num, den=den),
            width=width,
            height=height,
            start_s=start_s,
            variable_frame_rate=dice.random() < 0.15,
            audio_codec=dice.choice(["aac", None]),
        )
        inner = (
            []
            if kind == "awkward"
            else [dice.uniform(0.05, 0.95) * length_s for _ in range(dice.choice([0, 0, 1, 2, 4]))]
        )
        edges = sorted({0.0, length_s, *inner})
        own_shots = [TimeSpan(start_s=start_s + a, end_s=start_s + b) for a, b in pairwise(edges)]
        moments = []
        for shot in own_shots:
            window_s = dice.choice([1.0, 2.5, 3.2, 4.0, 5.0, 12.0])
            at_s = shot.start_s
            while at_s < shot.end_s - 0.2:
                end_s = min(shot.end_s, at_s + window_s)
                rejected = dice.random() < reject_share
                # What is rejected may reach into a neighbour that is not.
                reach_s = dice.choice([0.0, 0.7]) if rejected else 0.0
                moments.append(
                    moment(
                        index,
                        len(moments),
                        at_s,
                        min(shot.end_s, end_s + reach_s),
                        rejected=rejected,
                        seed=seed,
                    )
                )
                at_s = end_s + dice.choice([0.0, 0.0, 0.0, 0.01, 0.5])
        clips.append((clip, moments))
        shots.append(own_shots)
    return analysis(clips, shots)


@st.composite
def tracks(draw: st.DrawFn) -> MusicTrack:
    """Steady at 50 to 200 BPM, wavering, sparse, onsets only, or without a single beat; shorter or
    longer than the Reel.
    """
    length_s = draw(st.floats(5, 100))
    kind = draw(st.sampled_from(["steady", "steady", "wavering", "sparse", "onsets", "none"]))
    beat_s = (
        60 / draw(st.floats(50, 200)) * (9 if kind == "sparse" else 0.3 if kind == "onsets" else 1)
    )
    beats, at_s = [], draw(st.floats(0, 1.5))
    jitter = (
        draw(st.lists(st.floats(-0.4, 0.4), min_size=7, max_size=7))
        if kind in ("wavering", "onsets")
        else [0.0]
    )
    while at_s < length_s and kind != "none":
        beats.append(round(at_s, 4))
        at_s += beat_s * (1 + jitter[len(beats) % len(jitter)])
    return music(beats, length_s, downbeats_s=[] if kind == "onsets" else None)


@st.composite
def edit_requests(draw: st.DrawFn) -> EditRequest:
    duration_s = draw(
        st.one_of(
            st.integers(7, 30).map(float), st.floats(7, 8.5), st.floats(7, 30), st.floats(20, 90)
        )
    )
    num, den = draw(
        st.sampled_from([(30, 1), (30, 1), (30, 1), (25, 1), (30000, 1001), (60, 1), (24000, 1001)])
    )
    return EditRequest(
        request_id="r",
        style=draw(st.sampled_from(list(STYLES))),
        format=draw(st.sampled_from(list(Format))),
        duration_s=duration_s,
        seed=draw(st.integers(-5, 2**128)),
        fps=FrameRate(num=num, den=den),
    )


def planned(
    request: EditRequest, clips: ClipAnalysis, track: MusicTrack
) -> tuple[Timeline | None, dict[str, float]]:
    """The timeline, or the facts of its refusal for want of footage."""
    try:
        return plan_timeline(request, clips, track), {}
    except PermanentError as error:
        if error.code is not ErrorCode.NOT_ENOUGH_FOOTAGE:
            raise
        return None, error.details


@settings(
    max_examples=examples(0.4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
)
@given(edit_requests(), footages(), tracks())
def test_every_timeline_holds_to_the_rules(
    request: EditRequest, clips: ClipAnalysis, track: MusicTrack
) -> None:
    timeline, refusal = planned(request, clips, track)
    if timeline is None:
        event("refused")
        assert refusal["usable_s"] + refusal["missing_s"] == pytest.approx(
            request.duration_s, abs=0.02
        )
        assert refusal["usable_s"] < max(request.duration_s / 2, 5) + 0.02
        return
    event(
        "shortened"
        if timeline.total_frames < round(request.duration_s * float(request.fps.fraction))
        else "full"
    )
    assert_rules(timeline, request, clips, track)
    assert slidable_cuts(timeline, clips, track) == []
    assert timeline.proof is not None
    assert timeline.proof.objective <= timeline.proof.bound
    if request.seed % 3 == 0:
        assert plan_timeline(request, clips, track) == timeline


# -- is a Reel possible at all? Compared with trying every hook and every way to cut --------------

RATE = 10
HOOK, LEAST, MOST = 17, 30, 50


@dataclass(frozen=True)
class SmallClip:
    """Runs of frames at 10 fps: (frames, usable); neighbours of one kind are separate moments of
    one shot.
    """

    runs: tuple[tuple[int, bool], ...]


def small_clips() -> st.SearchStrategy[list[SmallClip]]:
    # Lengths near what 1 to 4 cuts need are where counting goes wrong.
    lengths = st.one_of(
        st.integers(5, 70),
        st.sampled_from([17, 29, 30, 31, 48, 49, 50, 51, 60, 61, 62, 78, 79, 80, 92, 93, 109, 110]),
    )
    runs = st.lists(st.tuples(lengths, st.integers(0, 3).map(bool)), min_size=1, max_size=4)
    return st.lists(runs.map(lambda drawn: SmallClip(tuple(drawn))), min_size=1, max_size=4)


def small_analysis(clips: list[SmallClip]) -> ClipAnalysis:
    """Every moment opens equally well: for a better opening, a short Reel may become shorter."""
    made = []
    for index, clip in enumerate(clips):
        moments, at = [], 0
        for number, (frames, usable) in enumerate(clip.runs):
            start_s, end_s = at / RATE, (at + frames) / RATE
            moments.append(moment(index, number, start_s, end_s, rejected=not usable, hook=0.5))
            at += frames
        made.append((facts(f"small{index}", at / RATE, fps=FrameRate(num=RATE, den=1)), moments))
    return analysis(made)


def longest_by_trying(clips: list[SmallClip], asked: int) -> int:
    """The longest possible Reel <= `asked` frames, by placing the hook at every frame.

    Sets of totals are bit masks.
    """
    runs: list[int] = []
    hooks: list[tuple[int, int]] = []
    for clip in clips:
        at, run = 0, -1
        for frames, usable in clip.runs:
            if usable:
                if run < 0:
                    runs.append(0)
                    run, at = len(runs) - 1, 0
                hooks.extend((run, start) for start in range(at, at + frames - HOOK + 1))
                at += frames
                runs[run] = at
            else:
                run = -1
    if not hooks:
        hooks = [
            (run, start) for run, frames in enumerate(runs) for start in range(frames - HOOK + 1)
        ]

    def totals(frames: int, known: dict[int, int]) -> int:
        frames = max(0, frames)
        if frames not in known:
            mask = 1
            for length in range(LEAST, min(MOST, frames) + 1):
                mask |= totals(frames - length - 1, known) << length
            known[frames] = mask
        return known[frames]

    known: dict[int, int] = {}
    body = asked - HOOK
    best = 0
    lone = 50 < body < 60
    for run, start in set(hooks):
        rooms = [frames for index, frames in enumerate(runs) if index != run]
        rooms += [start - 1, runs[run] - start - HOOK - 1]
        if lone and max(rooms) >= body:
            return asked
        reachable = 1
        for frames in rooms:
            own, combined = totals(frames, known), 0
            while own:
                lowest = own & -own
                combined |= reachable << (lowest.bit_length() - 1)
                own ^= lowest
            reachable = combined & ((1 << (body + 1)) - 1)
        total = reachable.bit_length() - 1
        best = max(best, HOOK + total if total else 0)
    return best


@settings(
    max_examples=examples(0.6),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=PHASES,
)
@given(small_clips(), st.integers(70, 260), st.integers(0, 99))
def test_the_longest_possible_reel_is_found(clips: list[SmallClip], asked: int, seed: int) -> None:
    request = EditRequest(
        request_id="r",
        style="travel",
        format=Format.SQUARE,
        duration_s=asked / RATE,
        seed=seed,
        fps=FrameRate(num=RATE, den=1),
    )
    found = small_analysis(clips)
    track = music([i * 0.5 for i in range(80)], 40.0)
    possible = longest_by_trying(clips, asked)
    if 2 * possible < asked:
        event("refused")
        with pytest.raises(PermanentError) as refused:
            plan_timeline(request, found, track)
        if possible:
            assert refused.value.details["usable_s"] == pytest.approx(possible / RATE)
        return
    event("full" if possible == asked else "shortened")
    timeline = plan_timeline(request, found, track)
    assert timeline.total_frames == possible
    assert_rules(timeline, request, found, track)
