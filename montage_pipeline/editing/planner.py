"""The planner: from what is known about clips and music to a frame-exact timeline.

A pure function: the same request, analysis and music give the same timeline on any machine. The rules that
every timeline holds to: a hook of 1.7 s, all other cuts of 3 to 5 s, exactly the asked number of frames, no
source frame twice, nothing rejected, cuts on beats wherever footage allows.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import NamedTuple

from pydantic import Field

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.beats import BeatRuler, rulers
from montage_pipeline.editing.candidates import Footage, Stretch, source_frame_s, usable_stretches
from montage_pipeline.editing.hook import HookChoice, choose_hook
from montage_pipeline.editing.originality import originality_report
from montage_pipeline.editing.packing import CutRules, Piece, longest_total
from montage_pipeline.editing.reframe import crop_for
from montage_pipeline.editing.retiming import continuations, off_beat_cuts, onto_beats, without_continuations
from montage_pipeline.editing.search import EditSearch
from montage_pipeline.editing.styles import STYLE_RULES, StyleRules
from montage_pipeline.editing.timeline import MusicPlacement, Segment, Timeline
from montage_pipeline.editing.wording import why_cut, why_hook
from montage_pipeline.footage.model import ClipFacts, FrameRate
from montage_pipeline.music.model import MusicTrack
from montage_pipeline.records import PermanentError, Record
from montage_pipeline.requests.vocabulary import MAX_DURATION_S, MIN_DURATION_S, Format, Style

HOOK_S = 1.7
MIN_CUT_S = 3
MAX_CUT_S = 5
MAX_LONE_CUT_S = 6
"""The one exception: an asked length that no hook plus cuts of 3 to 5 s can make (6.7 to 7.7 s) ends on a longer cut."""

SPEECH_SHARE = 0.5
"""`scores.speech` from which a clip's own sound matters."""

_RULERS_TRIED = 6

_CONTAINER_ROUNDING_S = 0.001
"""Some containers round presentation times to milliseconds; a start this far into a frame is in it in every one."""


class EditRequest(Record):
    """What is asked of the planner. `seed` makes the choice among good edits; another seed gives another edit.

    `hook_clip` and `must_use` are clip URLs: the clip that opens the Reel, and clips that must appear in it.
    `caption` is text for the hook.
    """

    request_id: str
    style: Style
    format: Format
    duration_s: float = Field(ge=MIN_DURATION_S, le=MAX_DURATION_S)
    seed: int
    fps: FrameRate = FrameRate(num=30, den=1)
    hook_clip: str = ""
    must_use: tuple[str, ...] = ()
    caption: str = ""


def plan_timeline(request: EditRequest, analysis: ClipAnalysis, music: MusicTrack) -> Timeline:
    """The timeline for a request.

    Raises PermanentError `not_enough_footage` (details `usable_s`, `missing_s`, `asked_s`) when the usable
    footage does not reach half the asked length.
    """
    rate = float(request.fps.fraction)
    style = STYLE_RULES[request.style]
    stretches = usable_stretches(analysis, request.fps)
    plan = _possible_length(request, analysis, stretches)
    total = plan.hook.piece.frames + plan.hook.body_frames
    footage = Footage(analysis, stretches, style, request.format.frame_size, request.seed)
    preferred = min(max(style.preferred_cut_s * rate, plan.rules.min_frames), plan.rules.max_frames)

    choices = rulers(music, total, plan.rules, request.fps.fraction)
    ruler = choices[0]
    found = EditSearch(footage, style, ruler, plan.rules, plan.hook.piece, rate, request.seed).best()
    pieces = without_continuations([plan.hook.piece, *found], stretches, rate)
    ruler, pieces = _best_timing(pieces, stretches, choices, plan.rules, preferred, rate)

    segments = _segments(request, analysis, footage, pieces, ruler, plan.hook, style)
    warnings = [*plan.warnings, *_music_warnings(music, total / rate)]
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
        originality=originality_report(segments, analysis, music, request.fps),
        warnings=tuple(warnings),
    )


class _Plan(NamedTuple):
    rules: CutRules
    hook: HookChoice
    warnings: tuple[str, ...]


def _possible_length(request: EditRequest, analysis: ClipAnalysis, stretches: Sequence[Stretch]) -> _Plan:
    """The hook and the length of the Reel: the asked one if any choice of footage makes it, else the longest possible."""
    fps = request.fps.fraction
    rate = float(fps)
    asked_frames = round(request.duration_s * request.fps.num / request.fps.den)
    rules = CutRules(round(HOOK_S * rate), ceil(MIN_CUT_S * fps), floor(MAX_CUT_S * fps))
    body = asked_frames - rules.hook_frames
    # A small even number from the seed's last digits: the hook's place inside its moment.
    shift = ((request.seed % 9) - 4) / 4
    if not any(count * rules.min_frames <= body <= count * rules.max_frames for count in range(1, body // rules.min_frames + 1)):
        lone = CutRules(rules.hook_frames, body, body)
        hook = choose_hook(analysis, stretches, lone, body, shift) if body <= MAX_LONE_CUT_S * fps else None
        if hook is not None and hook.body_frames == body:
            note = (
                f"{request.duration_s:g} s cannot be made of a {HOOK_S} s hook and cuts of {MIN_CUT_S} to {MAX_CUT_S} s, "
                f"so the last cut is {body / rate:.1f} s long."
            )
            return _Plan(lone, hook, (note,))
    hook = choose_hook(analysis, stretches, rules, body, shift)
    got_frames = rules.hook_frames + hook.body_frames if hook is not None and hook.body_frames else 0
    if hook is None or not got_frames or 2 * got_frames < asked_frames:
        raise _too_little(request, analysis, stretches, rules, got_frames)
    if got_frames == asked_frames:
        return _Plan(rules, hook, ())
    note = (
        f"Asked for {request.duration_s:g} s, got {got_frames / rate:.1f} s: the clips have no more usable footage in pieces of "
        f"{MIN_CUT_S} s or longer."
    )
    return _Plan(rules, hook, (note,))


def _too_little(
    request: EditRequest, analysis: ClipAnalysis, stretches: Sequence[Stretch], rules: CutRules, got_frames: int
) -> PermanentError:
    rate = float(request.fps.fraction)
    if not stretches:
        left_out = sum(len(clip.moments) for clip in analysis.clips)
        return PermanentError(
            "not_enough_footage",
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
        "not_enough_footage",
        f"The clips give {usable_s:g} s of usable footage for a Reel of {request.duration_s:g} s: {missing_s:g} s are missing. Add clips: "
        f"a Reel shorter than asked needs {shortest_s:g} s at least, an opening of {HOOK_S} s and cuts of {MIN_CUT_S} s or longer "
        "without a break.",
        usable_s=usable_s,
        missing_s=missing_s,
        asked_s=request.duration_s,
    )


def _best_timing(
    pieces: Sequence[Piece], stretches: Sequence[Stretch], choices: Sequence[BeatRuler], rules: CutRules, preferred: float, rate: float
) -> tuple[BeatRuler, list[Piece]]:
    """The cuts on beats; another start of the music is taken only when it brings more of them."""
    best: tuple[tuple[int, int], BeatRuler, list[Piece]] | None = None
    for ruler in choices[:_RULERS_TRIED]:
        timed = onto_beats(pieces, stretches, ruler, rules, preferred, rate)
        cost = (off_beat_cuts(timed, ruler), continuations(timed, rate))
        if best is None or cost < best[0]:
            best = (cost, ruler, timed)
        if best[0][0] == 0:
            break
    assert best is not None
    return best[1], best[2]


def _segments(
    request: EditRequest,
    analysis: ClipAnalysis,
    footage: Footage,
    pieces: Sequence[Piece],
    ruler: BeatRuler,
    hook: HookChoice,
    style: StyleRules,
) -> tuple[Segment, ...]:
    rate = float(request.fps.fraction)
    starts_s = _source_starts(pieces, footage.stretches, analysis, rate)
    segments: list[Segment] = []
    frame = 0
    before: Moment | None = None
    for index, piece in enumerate(pieces):
        frame += piece.frames
        stretch = footage.stretches[piece.stretch]
        facts = analysis.clips[stretch.clip].facts
        shown = _moments_shown(stretch, piece)
        moment = _hook_shown(hook, shown) if index == 0 else max(shown, key=lambda part: part[1])[0]
        mean_faces = sum(m.scores.faces * frames for m, frames in shown) / sum(frames for _, frames in shown)
        subjects = [(m.subject, float(frames)) for m, frames in shown if m.subject is not None]
        if before is None:
            why = why_hook(moment, moment.id == analysis.hook_moment, frame, ruler, rate)
        else:
            why = why_cut(moment, before, piece, pieces[index - 1], frame, ruler, rate)
        segments.append(
            Segment(
                clip_url=facts.url,
                clip=stretch.clip,
                moment=moment.id,
                source_in_s=starts_s[index],
                frames=piece.frames,
                crop=crop_for(facts, request.format.frame_size, subjects, mean_faces),
                on_beat=ruler.on_beat(frame),
                role="hook" if index == 0 else "ending" if index == len(pieces) - 1 else "body",
                clip_gain_db=_clip_gain_db(facts, shown, style),
                score=round(moment.hook if index == 0 else (moment.interest + moment.quality) / 2, 4),
                why=why,
            )
        )
        before = moment
    return tuple(segments)


def _moments_shown(stretch: Stretch, piece: Piece) -> list[tuple[Moment, int]]:
    """The moments of a stretch that a piece shows, with the frames of each."""
    shown = [(span.moment, min(span.end, piece.end) - max(span.start, piece.start)) for span in stretch.spans]
    return [part for part in shown if part[1] > 0] or [(stretch.spans[0].moment, 1)]


def _hook_shown(hook: HookChoice, shown: Sequence[tuple[Moment, int]]) -> Moment:
    """The moment the hook was chosen for; where moments were joined for it, the best of those it shows."""
    moments = [moment for moment, _ in shown]
    return hook.moment if hook.moment in moments else max(moments, key=lambda moment: moment.hook)


def _source_starts(pieces: Sequence[Piece], stretches: Sequence[Stretch], analysis: ClipAnalysis, rate: float) -> list[float]:
    """Presentation times of the first frames, moved onto the source's own frames where there is room to move.

    A start between two source frames would show the earlier one a little longer; on the frame, footage of
    the Reel's own rate is shown frame for frame. Frames that come unevenly have no grid to move onto.
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
        on_grid = () if facts.variable_frame_rate else (on_frame_s + _CONTAINER_ROUNDING_S, on_frame_s)
        fitting = (start_s for start_s in on_grid if low_s <= start_s and start_s + piece.frames / rate <= high_s)
        starts_s.append(next(fitting, exact_s))
    return starts_s


def _clip_gain_db(facts: ClipFacts, shown: Sequence[tuple[Moment, int]], style: StyleRules) -> float:
    """Speech is kept, other sound lies low under the music."""
    speech = sum(moment.scores.speech * frames for moment, frames in shown) / sum(frames for _, frames in shown)
    return style.speech_gain_db if speech >= SPEECH_SHARE and facts.audio_codec is not None else style.ambient_gain_db


def _music(music: MusicTrack, ruler: BeatRuler, style: StyleRules, reel_s: float) -> MusicPlacement:
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


def _music_warnings(music: MusicTrack, reel_s: float) -> list[str]:
    if music.duration_s >= reel_s - 0.05:
        return []
    return [
        f"The music is {music.duration_s:.1f} s long, the Reel {reel_s:.1f} s: its last {reel_s - music.duration_s:.1f} s have no music."
    ]
