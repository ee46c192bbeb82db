"""The planner: from what is known about clips and music to a frame-exact timeline.

A pure function: the same request, analysis and music give the same timeline on any machine. The
rules that
every timeline holds to: a hook of 1.7 s, all other cuts of 3 to 5 s, exactly the asked number of
frames, no
source frame twice, nothing rejected, cuts on beats wherever footage allows.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from pydantic import Field

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.beats import BeatRuler, rulers
from montage_pipeline.editing.footage_line import Footage, Stretch, source_frame_s, usable_stretches
from montage_pipeline.editing.hook import HookChoice, hook_choices
from montage_pipeline.editing.optimizer.objective import POINT, Objective
from montage_pipeline.editing.optimizer.optimum import (
    HARDLY_ANY,
    NoRoom,
    Optimum,
    best_edit,
    gap,
    misses,
    unavoidable_misses,
)
from montage_pipeline.editing.optimizer.space import HookPlace
from montage_pipeline.editing.originality import originality_report
from montage_pipeline.editing.packing import CutRules, Piece, longest_total
from montage_pipeline.editing.reframe import framing_of
from montage_pipeline.editing.timeline import MusicPlacement, PlanProof, Segment, Timeline
from montage_pipeline.editing.wishes import clip_of, longest_s, unusable
from montage_pipeline.editing.wording import Wording
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import ClipFacts, FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.records import Record
from montage_pipeline.requests.seen import SeenSegment
from montage_pipeline.rules import (
    HOOK_S,
    MAX_CUT_S,
    MAX_DURATION_S,
    MAX_LONE_CUT_S,
    MIN_CUT_S,
    MIN_DURATION_S,
)
from montage_pipeline.styles import StyleName, style_of
from montage_pipeline.styles.model import EditTaste
from montage_pipeline.vocabulary import Format

SPEECH_SHARE = 0.5
"""`scores.speech` from which a clip's own sound matters."""

_RULERS_TRIED = 3
_TIGHT_FROM = 0.5
"""Share of the usable footage the Reel needs from which every frame of it is looked at."""

_CONTAINER_ROUNDING_S = 0.001
"""Some containers round presentation times to milliseconds; a start this far into a frame is in it
in every one.
"""


class EditRequest(Record):
    """What is asked of the planner. `seed` makes the choice among good edits; another seed gives
    another edit.

    `hook_clip` and `must_use` are clip URLs: the clip that opens the Reel, and clips that must
    appear in it.
    `caption` is text for the hook. `seen` is the footage of the user's earlier Reels, which this
    one avoids.
    """

    request_id: str
    style: StyleName
    format: Format
    duration_s: float = Field(ge=MIN_DURATION_S, le=MAX_DURATION_S)
    seed: int
    fps: FrameRate = FrameRate(num=30, den=1)
    hook_clip: str = ""
    must_use: tuple[str, ...] = ()
    caption: str = ""
    seen: tuple[SeenSegment, ...] = ()


def plan_timeline(request: EditRequest, analysis: ClipAnalysis, music: MusicTrack) -> Timeline:
    """The timeline for a request.

    Raises PermanentError: `not_enough_footage` (details `usable_s`, `missing_s`, `asked_s`) when
    the usable footage does not
    reach half the asked length; `hook_clip_unusable`, `must_use_unusable` (details `clip_url`,
    `reason`) when a wish cannot be met.
    """
    rate = float(request.fps.fraction)
    style = style_of(request.style).edit
    stretches = usable_stretches(analysis, request.fps)
    wishes = _wishes(request, analysis, stretches)
    plan = _possible_length(request, analysis, stretches, wishes)
    total = plan.rules.hook_frames + plan.hooks[0].body_frames
    footage = Footage(
        analysis,
        stretches,
        style,
        request.format.frame_size,
        request.fps,
        request.seed,
        request.seen,
    )
    ruler, best = _best(
        request,
        analysis,
        footage,
        plan,
        wishes,
        rulers(music, total, plan.rules, request.fps.fraction),
    )
    hook = next(hook for hook in plan.hooks if hook.piece == best.hook.piece)
    segments = _segments(request, analysis, footage, best.edit.pieces, ruler, hook, plan.rules)
    warnings = [*plan.warnings, *_beat_warnings(segments), *_music_warnings(music, total / rate)]
    size = request.format.frame_size
    return Timeline(
        request_id=request.request_id,
        seed=request.seed,
        style=request.style,
        format=request.format,
        width=size.width,
        height=size.height,
        fps=request.fps,
        total_frames=total,
        asked_duration_s=request.duration_s,
        clips=tuple(clip.facts for clip in analysis.clips),
        segments=segments,
        music=_music(music, ruler, style, total / rate),
        originality=originality_report(segments, analysis, music, request.fps, request.seen),
        proof=PlanProof(
            objective=best.edit.units / POINT,
            bound=best.bound / POINT,
            gap=round(gap(best.edit, best.bound), 6),
        ),
        warnings=tuple(warnings),
    )


class _Wishes(NamedTuple):
    """The clip that opens (None: any), and the clips that must appear."""

    hook: int | None
    must_use: frozenset[int]


class _Plan(NamedTuple):
    rules: CutRules
    hooks: list[HookChoice]
    warnings: tuple[str, ...]


def _wishes(request: EditRequest, analysis: ClipAnalysis, stretches: Sequence[Stretch]) -> _Wishes:
    rate = float(request.fps.fraction)
    hook = None
    if request.hook_clip:
        hook = clip_of(request.hook_clip, analysis, stretches, ErrorCode.HOOK_CLIP_UNUSABLE)
        if longest_s(stretches, hook, rate) < HOOK_S:
            why = f"an opening takes {HOOK_S} s, and its longest usable run has {longest_s(stretches, hook, rate):.1f} s"
            raise unusable(ErrorCode.HOOK_CLIP_UNUSABLE, request.hook_clip, why)
    must_use: dict[int, str] = {}
    for url in request.must_use:
        clip = clip_of(url, analysis, stretches, ErrorCode.MUST_USE_UNUSABLE)
        must_use.setdefault(clip, url)
        run_s = longest_s(stretches, clip, rate)
        if run_s >= MIN_CUT_S or clip == hook:
            continue
        # Too short for a cut, such a clip can only open.
        if run_s >= HOOK_S and hook is None:
            hook = clip
            continue
        opens = (
            f", and another clip opens the Reel ({analysis.clips[hook].facts.url})"
            if run_s >= HOOK_S and hook is not None
            else ""
        )
        raise unusable(
            ErrorCode.MUST_USE_UNUSABLE,
            url,
            f"a cut takes {MIN_CUT_S} s, and its longest usable run has {run_s:.1f} s{opens}",
        )
    cuts = max(1, floor((request.duration_s - HOOK_S) / MIN_CUT_S + 1e-9)) + 1
    beside_hook = [url for clip, url in must_use.items() if clip != hook]
    room = cuts if hook is None else cuts - 1
    if len(beside_hook) > room:
        why = f"{len(must_use)} clips are to be shown, and {request.duration_s:g} s have room for {cuts} cuts"
        raise unusable(ErrorCode.MUST_USE_UNUSABLE, beside_hook[room], why)
    if hook is None and len(beside_hook) == cuts:
        hook = next(iter(must_use))
    return _Wishes(hook, frozenset(must_use))


def _possible_length(
    request: EditRequest, analysis: ClipAnalysis, stretches: Sequence[Stretch], wishes: _Wishes
) -> _Plan:
    """The hooks and the length of the Reel: the asked one if any choice of footage makes it, else
    the longest possible.
    """
    fps = request.fps.fraction
    rate = float(fps)
    asked_frames = round(request.duration_s * request.fps.num / request.fps.den)
    rules = CutRules(round(HOOK_S * rate), ceil(MIN_CUT_S * fps), floor(MAX_CUT_S * fps))
    body = asked_frames - rules.hook_frames
    # A small even number from the seed's last digits: the hook's place inside its moment.
    shift = ((request.seed % 9) - 4) / 4
    clips = range(len(analysis.clips)) if wishes.hook is None else {wishes.hook}
    if not any(
        count * rules.min_frames <= body <= count * rules.max_frames
        for count in range(1, body // rules.min_frames + 1)
    ):
        lone = CutRules(rules.hook_frames, body, body)
        hooks = (
            hook_choices(analysis, stretches, lone, body, shift, clips)
            if body <= MAX_LONE_CUT_S * fps
            else []
        )
        if hooks and hooks[0].body_frames == body:
            note = (
                f"{request.duration_s:g} s cannot be made of a {HOOK_S} s hook and cuts of {MIN_CUT_S} to {MAX_CUT_S} s, "
                f"so the last cut is {body / rate:.1f} s long."
            )
            return _Plan(lone, hooks, (note,))
    hooks = hook_choices(analysis, stretches, rules, body, shift, clips)
    got_frames = rules.hook_frames + hooks[0].body_frames if hooks and hooks[0].body_frames else 0
    if not got_frames or 2 * got_frames < asked_frames:
        if wishes.hook is not None:
            _possible_length(request, analysis, stretches, wishes._replace(hook=None))
            url, code = (
                (request.hook_clip, ErrorCode.HOOK_CLIP_UNUSABLE)
                if request.hook_clip
                else (request.must_use[0], ErrorCode.MUST_USE_UNUSABLE)
            )
            raise unusable(
                code,
                url,
                f"with its footage as the opening, the rest of the clips is too short for {request.duration_s:g} s",
            )
        raise _too_little(request, analysis, stretches, rules, got_frames)
    if wishes.hook is not None and request.hook_clip:
        # That clip's best moment opens, whatever else would suit the rest of the Reel.
        hooks = [hook for hook in hooks if hook.moment.id == hooks[0].moment.id]
    if got_frames == asked_frames:
        return _Plan(rules, hooks, ())
    note = (
        f"Asked for {request.duration_s:g} s, got {got_frames / rate:.1f} s: the clips have no more usable footage in pieces of "
        f"{MIN_CUT_S} s or longer."
    )
    return _Plan(rules, hooks, (note,))


def _best(
    request: EditRequest,
    analysis: ClipAnalysis,
    footage: Footage,
    plan: _Plan,
    wishes: _Wishes,
    choices: Sequence[BeatRuler],
) -> tuple[BeatRuler, Optimum]:
    """The best edit; another start of the music is tried only where the first one leaves cuts off
    the beat.
    """
    style, rate = style_of(request.style).edit, float(request.fps.fraction)
    capacity = int(footage.stretch_frames[footage.stretch_frames >= plan.rules.min_frames].sum())
    best: tuple[BeatRuler, Optimum] | None = None
    most = 0
    for ruler in _different(choices)[:_RULERS_TRIED]:
        objective = Objective(footage, style, ruler, plan.rules, rate, wishes.must_use)
        at = footage.offset[[hook.piece.stretch for hook in plan.hooks]] + [
            hook.piece.start for hook in plan.hooks
        ]
        strength = np.asarray([hook.moment.hook for hook in plan.hooks], dtype=np.float64)
        chosen = np.asarray([hook.moment.id == analysis.hook_moment for hook in plan.hooks])
        points = objective.hook_points(at, strength, chosen)
        hooks = [
            HookPlace(hook.piece, int(units))
            for hook, units in zip(plan.hooks, points, strict=True)
        ]
        try:
            found = best_edit(objective, hooks, tight=ruler.total_frames > _TIGHT_FROM * capacity)
        except NoRoom:
            url = request.must_use[-1]
            why = (
                "with the other clips that must appear, its footage does not fill the Reel exactly"
            )
            raise unusable(ErrorCode.MUST_USE_UNUSABLE, url, why) from None
        # Without what is given back for unavoidable misses, which differs between starts of the
        # music.
        units = found.edit.units - objective.unavoidable
        if best is None or units > most:
            best, most = (ruler, found), units
        if misses(objective, found.edit) - unavoidable_misses(objective) <= HARDLY_ANY:
            break
    assert best is not None
    return best


def _different(choices: Sequence[BeatRuler]) -> list[BeatRuler]:
    """The starts of the music that put beats on other frames, best first."""
    patterns: dict[bytes, BeatRuler] = {}
    for ruler in choices:
        patterns.setdefault(ruler.beat_distance.round(3).tobytes() + ruler.accent.tobytes(), ruler)
    return list(patterns.values())


def _too_little(
    request: EditRequest,
    analysis: ClipAnalysis,
    stretches: Sequence[Stretch],
    rules: CutRules,
    got_frames: int,
) -> PermanentError:
    rate = float(request.fps.fraction)
    if not stretches:
        left_out = sum(len(clip.moments) for clip in analysis.clips)
        return PermanentError(
            ErrorCode.NOT_ENOUGH_FOOTAGE,
            f"None of the clips has usable footage ({left_out} moments were looked at and none was accepted); "
            f"{request.duration_s:g} s are missing. Add clips that are sharp, bright and steady.",
            usable_s=0.0,
            missing_s=request.duration_s,
            asked_s=request.duration_s,
        )
    if got_frames:
        usable_frames = got_frames
    else:
        # No Reel at all: say how much of one there is, a cut or a hook alone.
        alone = longest_total([stretch.room for stretch in stretches], rules, rules.max_frames)
        hook = max(stretch.frames for stretch in stretches) >= rules.hook_frames
        usable_frames = alone or (rules.hook_frames if hook else 0)
    usable_s = round(usable_frames / rate, 2)
    missing_s = round(request.duration_s - usable_s, 2)
    shortest_s = max(request.duration_s / 2, HOOK_S + MIN_CUT_S)
    return PermanentError(
        ErrorCode.NOT_ENOUGH_FOOTAGE,
        f"The clips give {usable_s:g} s of usable footage for a Reel of {request.duration_s:g} s: {missing_s:g} s are missing. Add clips: "
        f"a Reel shorter than asked needs {shortest_s:g} s at least, an opening of {HOOK_S} s and cuts of {MIN_CUT_S} s or longer "
        "without a break.",
        usable_s=usable_s,
        missing_s=missing_s,
        asked_s=request.duration_s,
    )


def _segments(
    request: EditRequest,
    analysis: ClipAnalysis,
    footage: Footage,
    pieces: Sequence[Piece],
    ruler: BeatRuler,
    hook: HookChoice,
    rules: CutRules,
) -> tuple[Segment, ...]:
    rate = float(request.fps.fraction)
    style = style_of(request.style).edit
    starts_s = _source_starts(pieces, footage.stretches, analysis, rate)
    shown = [_moments_shown(footage.stretches[piece.stretch], piece) for piece in pieces]
    moments = [
        _hook_shown(hook, shown[0]),
        *(max(parts, key=lambda part: part[1])[0] for parts in shown[1:]),
    ]
    must_use = frozenset(request.must_use)
    wording = Wording(
        analysis,
        footage,
        ruler,
        rules,
        style,
        rate,
        pieces,
        moments,
        bool(request.hook_clip),
        must_use,
    )
    segments: list[Segment] = []
    frame = 0
    for index, (piece, moment, parts) in enumerate(zip(pieces, moments, shown, strict=True)):
        frame += piece.frames
        stretch = footage.stretches[piece.stretch]
        facts = analysis.clips[stretch.clip].facts
        framing = framing_of(
            facts,
            request.format.frame_size,
            parts,
            starts_s[index],
            starts_s[index] + piece.frames / rate,
        )
        segments.append(
            Segment(
                clip_url=facts.url,
                clip=stretch.clip,
                moment=moment.id,
                source_in_s=starts_s[index],
                frames=piece.frames,
                crop=framing.crop,
                crop_end=framing.crop_end,
                on_beat=ruler.on_beat(frame),
                role="hook" if index == 0 else "ending" if index == len(pieces) - 1 else "body",
                clip_gain_db=_clip_gain_db(facts, parts, style),
                score=round(
                    moment.hook if index == 0 else (moment.interest + moment.quality) / 2, 4
                ),
                why=wording.why(index),
                caption=request.caption if index == 0 else "",
            )
        )
    return tuple(segments)


def _moments_shown(stretch: Stretch, piece: Piece) -> list[tuple[Moment, int]]:
    """The moments of a stretch that a piece shows, with the frames of each."""
    shown = [
        (span.moment, min(span.end, piece.end) - max(span.start, piece.start))
        for span in stretch.spans
    ]
    return [part for part in shown if part[1] > 0] or [(stretch.spans[0].moment, 1)]


def _hook_shown(hook: HookChoice, shown: Sequence[tuple[Moment, int]]) -> Moment:
    """The moment the hook was chosen for; where moments were joined for it, the best of those it
    shows.
    """
    moments = [moment for moment, _ in shown]
    return hook.moment if hook.moment in moments else max(moments, key=lambda moment: moment.hook)


def _source_starts(
    pieces: Sequence[Piece], stretches: Sequence[Stretch], analysis: ClipAnalysis, rate: float
) -> list[float]:
    """Presentation times of the first frames, moved onto the source's own frames where there is
    room to move.

    A start between two source frames would show the earlier one a little longer; on the frame,
    footage of
    the Reel's own rate is shown frame for frame. Frames that come unevenly have no grid to move
    onto.
    """
    starts_s: list[float] = []
    for index, piece in enumerate(pieces):
        stretch = stretches[piece.stretch]
        facts = analysis.clips[stretch.clip].facts
        exact_s = stretch.start_s + piece.start / rate
        frame_s = source_frame_s(facts)
        on_frame_s = facts.start_s + round((exact_s - facts.start_s) / frame_s) * frame_s
        low_s, high_s = stretch.start_s, stretch.end_s
        for other, neighbour in enumerate(pieces):
            if other == index or neighbour.stretch != piece.stretch:
                continue
            # Neighbours may move by half a source frame too.
            if neighbour.start < piece.start:
                low_s = max(low_s, stretch.start_s + neighbour.end / rate + 1.5 * frame_s)
            else:
                high_s = min(high_s, stretch.start_s + neighbour.start / rate - 1.5 * frame_s)
        on_grid = (
            () if facts.variable_frame_rate else (on_frame_s + _CONTAINER_ROUNDING_S, on_frame_s)
        )
        fitting = (
            start_s
            for start_s in on_grid
            if low_s <= start_s and start_s + piece.frames / rate <= high_s
        )
        starts_s.append(next(fitting, exact_s))
    return starts_s


def _clip_gain_db(facts: ClipFacts, shown: Sequence[tuple[Moment, int]], style: EditTaste) -> float:
    """Speech is kept, other sound lies low under the music."""
    speech = sum(moment.scores.speech * frames for moment, frames in shown) / sum(
        frames for _, frames in shown
    )
    return (
        style.speech_gain_db
        if speech >= SPEECH_SHARE and facts.audio_codec is not None
        else style.ambient_gain_db
    )


def _music(music: MusicTrack, ruler: BeatRuler, style: EditTaste, reel_s: float) -> MusicPlacement:
    # Starting inside the music clicks unless it opens over a few milliseconds.
    fade_in_s = 0.02 if ruler.music_in_s > 0.01 else 0.0
    return MusicPlacement(
        key=music.key,
        source_in_s=ruler.music_in_s,
        gain_db=style.music_gain_db,
        duck_db=style.duck_db,
        fade_in_s=fade_in_s,
        fade_out_s=min(style.fade_out_s, reel_s / 4),
    )


def _beat_warnings(segments: Sequence[Segment]) -> list[str]:
    off = [index for index, segment in enumerate(segments[:-1]) if not segment.on_beat]
    if not off:
        return []
    cuts = len(segments) - 1
    verb = "is" if len(off) == 1 else "are"
    return [f"{len(off)} of {cuts} cuts {verb} not on a beat; the reason stands with each cut."]


def _music_warnings(music: MusicTrack, reel_s: float) -> list[str]:
    if music.duration_s >= reel_s - 0.05:
        return []
    return [
        f"The music is {music.duration_s:.1f} s long, the Reel {reel_s:.1f} s: its last {reel_s - music.duration_s:.1f} s have no music."
    ]
