"""The rules every timeline holds to, checked from the timeline itself and not from the planner's
own bookkeeping.
"""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, floor
from statistics import median

from montage_pipeline.analysis.model import AnalysedClip, ClipAnalysis
from montage_pipeline.editing.request import EditRequest
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.music.model import MusicTrack

SLACK_S = 2e-6


def assert_rules(
    timeline: Timeline, request: EditRequest, analysis: ClipAnalysis, music: MusicTrack
) -> None:
    rate = float(request.fps.fraction)
    least, most = ceil(3 * request.fps.fraction), floor(5 * request.fps.fraction)
    asked = round(request.duration_s * request.fps.num / request.fps.den)

    assert timeline.segments[0].frames == round(1.7 * rate)
    assert [segment.role for segment in timeline.segments] == [
        "hook",
        *["body"] * (len(timeline.segments) - 2),
        "ending",
    ]
    lone = timeline.segments[-1].frames > most
    if lone:
        assert len(timeline.segments) == 2
        assert 6.7 < asked / rate < 7.7
        assert timeline.segments[-1].frames <= 6 * rate
        assert any("last cut" in warning for warning in timeline.warnings)
    assert all(
        least <= segment.frames <= most for segment in timeline.segments[1 : -1 if lone else None]
    )

    assert sum(segment.frames for segment in timeline.segments) == timeline.total_frames
    if timeline.total_frames != asked:
        assert asked / 2 <= timeline.total_frames < asked
        assert any(
            f"{request.duration_s:g} s" in w and f"{timeline.total_frames / rate:.1f} s" in w
            for w in timeline.warnings
        )

    assert_used_once(timeline)
    for segment in timeline.segments:
        assert_allowed(segment, rate, analysis)
        crop, size = segment.crop, request.format.frame_size
        assert (
            abs(crop.width - crop.height * size.width / size.height) <= 1
            or abs(crop.height - crop.width * size.height / size.width) <= 1
        )
        assert segment.why
    assert_speeds(timeline, analysis, music)
    assert_beats(timeline, music)
    assert Timeline.model_validate_json(timeline.model_dump_json()) == timeline


def span_s(timeline: Timeline, segment: Segment) -> tuple[float, float]:
    length_s = segment.speed * segment.frames / float(timeline.fps.fraction)
    return segment.source_in_s, segment.source_in_s + length_s


def assert_used_once(timeline: Timeline) -> None:
    by_file: dict[str, list[tuple[float, float, float]]] = {}
    for segment in timeline.segments:
        facts = timeline.clips[segment.clip]
        frame_s = 1 / float(facts.fps.fraction)
        by_file.setdefault(facts.sha256, []).append((*span_s(timeline, segment), frame_s))
    for spans in by_file.values():
        spans.sort()
        for (_, end_s, frame_s), (start_s, _, _) in pairwise(spans):
            assert start_s - end_s >= frame_s - SLACK_S, (
                f"{end_s} to {start_s} is less than a frame of {frame_s}"
            )


def assert_allowed(segment: Segment, rate: float, analysis: ClipAnalysis) -> None:
    clip = analysis.clips[segment.clip]
    start_s = segment.source_in_s
    end_s = start_s + segment.speed * segment.frames / rate
    facts = clip.facts
    assert facts.start_s - SLACK_S <= start_s
    assert end_s <= facts.start_s + facts.duration_s + SLACK_S
    for moment in clip.moments:
        if moment.rejects:
            assert end_s <= moment.start_s + SLACK_S or start_s >= moment.end_s - SLACK_S, (
                f"shows rejected {moment.id}"
            )
    assert any(a - SLACK_S <= start_s and end_s <= b + SLACK_S for a, b in joined_runs(clip)), (
        "not inside joined moments of one shot"
    )
    shown = next(moment for moment in clip.moments if moment.id == segment.moment)
    assert min(end_s, shown.end_s) > max(start_s, shown.start_s)


def assert_speeds(timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack) -> None:
    """Slower only where a clip has no cut at its own speed, by as little as hardly shows, or so
    that every frame is another one of the clip's.
    """
    rate = timeline.fps.fraction
    beats_s = music.grid.beats_s
    beat_s = median([b - a for a, b in pairwise(beats_s)]) if len(beats_s) > 1 else 1 / rate
    in_time_s = ceil((ceil(3 * rate) - 1) / float(rate) / beat_s) * beat_s
    shortest_s = in_time_s if 3 <= in_time_s < 5 else 3.0
    for segment in timeline.segments:
        if segment.speed == 1:
            continue
        facts = analysis.clips[segment.clip].facts
        runs = joined_runs(analysis.clips[segment.clip])
        longest_s = max(b - a for a, b in runs)
        assert longest_s < shortest_s + 2 / rate + SLACK_S
        assert "slower" in segment.why or "speed" in segment.why
        if segment.speed >= 0.97:
            continue
        assert segment.role != "hook"
        assert facts.fps.fraction >= 48
        assert not facts.variable_frame_rate
        frames_on = segment.speed * float(facts.fps.fraction / rate)
        assert segment.speed > 0.49
        assert abs(frames_on - round(frames_on)) < 1e-9


def joined_runs(clip: AnalysedClip) -> Iterator[tuple[float, float]]:
    """Spans of non-rejected moments of one shot that follow each other within one source frame."""
    tolerance_s = (2 if clip.facts.variable_frame_rate else 1) / float(
        clip.facts.fps.fraction
    ) + SLACK_S
    for shot in clip.shots:
        inside = sorted(
            (m.start_s, m.end_s)
            for m in clip.moments
            if not m.rejects and shot.start_s <= (m.start_s + m.end_s) / 2 < shot.end_s
        )
        start_s = end_s = float("-inf")
        for a, b in inside:
            if a - end_s > tolerance_s:
                if end_s > start_s:
                    yield start_s, end_s
                start_s = a
            end_s = max(end_s, b)
        if end_s > start_s:
            yield start_s, end_s


def assert_beats(timeline: Timeline, music: MusicTrack) -> None:
    rate = float(timeline.fps.fraction)
    reel_s = timeline.total_frames / rate
    start_s = timeline.music.source_in_s
    assert start_s + reel_s <= music.duration_s + SLACK_S or start_s == 0
    frame = 0
    for segment in timeline.segments:
        frame += segment.frames
        assert segment.on_beat == is_on_beat(frame, timeline, music), f"frame {frame}"


def is_on_beat(frame: int, timeline: Timeline, music: MusicTrack) -> bool:
    rate = float(timeline.fps.fraction)
    heard = [beat for beat in music.grid.beats_s if beat <= music.duration_s]
    return any(
        abs(frame - (beat - timeline.music.source_in_s) * rate) <= 1 + 1e-5 for beat in heard
    )


def slidable_cuts(timeline: Timeline, analysis: ClipAnalysis, music: MusicTrack) -> list[int]:
    """Off-beat cuts that could be moved onto a beat by lengthening one neighbour and shortening
    the next.
    """
    rate = float(timeline.fps.fraction)
    least, most = ceil(3 * timeline.fps.fraction), floor(5 * timeline.fps.fraction)
    frame, found = timeline.segments[0].frames, []
    for index in range(1, len(timeline.segments) - 1):
        before, after = timeline.segments[index], timeline.segments[index + 1]
        frame += before.frames
        if before.on_beat:
            continue
        longest_before, longest_after = (
            min(most, _free_frames(timeline, analysis, i, rate)) for i in (index, index + 1)
        )
        for by in range(
            max(least - before.frames, after.frames - longest_after),
            min(longest_before - before.frames, after.frames - least) + 1,
        ):
            if is_on_beat(frame + by, timeline, music):
                found.append(index)
                break
    return found


def _free_frames(timeline: Timeline, analysis: ClipAnalysis, index: int, rate: float) -> int:
    """Frames segment `index` could have at the most if nothing else moved; careful by two seconds
    near its neighbours.
    """
    segment = timeline.segments[index]
    clip = analysis.clips[segment.clip]
    start_s, end_s = span_s(timeline, segment)
    low_s, high_s = next(
        (a, b) for a, b in joined_runs(clip) if a - SLACK_S <= start_s and end_s <= b + SLACK_S
    )
    for moment in clip.moments:
        if moment.rejects:
            low_s = max(low_s, moment.end_s) if moment.end_s <= start_s + SLACK_S else low_s
            high_s = min(high_s, moment.start_s) if moment.start_s >= end_s - SLACK_S else high_s
    for number, neighbour in enumerate(timeline.segments):
        if number == index or timeline.clips[neighbour.clip].sha256 != clip.facts.sha256:
            continue
        other_start_s, other_end_s = span_s(timeline, neighbour)
        if other_end_s <= start_s:
            low_s = max(low_s, min(start_s, other_end_s + 2))
        else:
            high_s = min(high_s, max(end_s, other_start_s - 2))
    # A source frame at each side: pieces sit on the source's own frames, and neighbouring shots
    # keep apart.
    spare_s = (
        high_s
        - low_s
        - segment.speed * segment.frames / rate
        - 4 / float(clip.facts.fps.fraction)
        - 2 / rate
    )
    return segment.frames + max(0, floor(spare_s * rate))
