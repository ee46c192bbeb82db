"""What becomes of Claude's judgement: it is merged into what was measured, within limits that no
answer moves.

Whatever Claude says, or is made to say by text in the footage: technical rejects stand, scores are
blended with the measured ones and stay
in 0..1, enough footage for the Reel stays in use, and its words become short plain text.
"""

from collections.abc import Mapping, Sequence

from montage_pipeline.analysis.claude.judgement import Judgement, MomentJudgement, Shown
from montage_pipeline.analysis.claude.subject import pointed_subject
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.model import (
    AnalystFacts,
    ClipAnalysis,
    Moment,
    RejectReason,
    SubjectPoint,
    TimeSpan,
)

JUDGED_SHARE = 0.7
"""Weight of Claude's score in `interest` and `hook`; the rest is the measured score, which orders
what Claude rates alike.
"""

UNSEEN_FACTOR = 0.8
"""`interest` and `hook` of a moment nobody looked at: of two that measure alike, the one that was
seen goes first.
"""

_ENOUGH = 1.2  # seconds of footage for each second of the Reel: cuts never use up all of a moment

_MOST_REASON, _MOST_MOOD, _MOST_MUSIC_PROMPT = 120, 40, 300  # characters


def merge(
    measured: ClipAnalysis,
    judgement: Judgement,
    shown: Mapping[str, Shown],
    analyst: AnalystFacts,
    *,
    duration_s: float,
) -> ClipAnalysis:
    """The measured analysis with Claude's scores, descriptions, subjects and rejects, for a Reel of
    `duration_s` seconds.

    What was measured stays: quality, scores, fingerprints, technical rejects. `best_moments` is
    Claude's order, then the
    other usable moments by interest.
    """
    verdicts = {verdict.id: verdict for verdict in judgement.moments}
    needed = _needed_in_spite(measured, verdicts, duration_s)
    clips = tuple(
        clip.model_copy(
            update={
                "moments": tuple(
                    _judged(
                        moment, verdicts.get(moment.id), shown.get(moment.id), moment.id in needed
                    )
                    for moment in clip.moments
                )
            }
        )
        for clip in measured.clips
    )
    usable = [moment for clip in clips for moment in clip.moments if not moment.rejects]
    best = list(judgement.best_moments)
    best += [
        moment.id
        for moment in sorted(usable, key=lambda moment: (-moment.interest, moment.id))
        if moment.id not in best
    ]
    warnings = measured.warnings
    if left_out := [name for name in shown if name not in verdicts]:
        warnings += (
            f"Claude gave no judgement of {', '.join(left_out)}; their measured scores are used.",
        )
    if needed:
        warnings += (
            f"Claude would leave out {', '.join(sorted(needed))} too; they stay in use, or too little footage would be left.",
        )
    return ClipAnalysis(
        clips=clips,
        rejected_clips=measured.rejected_clips,
        hook_moment=judgement.hook_moment,
        best_moments=tuple(best),
        mood=plain(judgement.mood, _MOST_MOOD) or measured.mood,
        music_prompt=music_prompt(judgement.music_prompt, _MOST_MUSIC_PROMPT)
        or measured.music_prompt,
        suggested_bpm=judgement.suggested_bpm,
        analyst=analyst,
        warnings=warnings,
    )


def _needed_in_spite(
    measured: ClipAnalysis, verdicts: Mapping[str, MomentJudgement], duration_s: float
) -> set[str]:
    """The moments that stay in use although Claude rejects them: technically the best, until there
    is enough for the Reel.
    """
    usable = [moment for clip in measured.clips for moment in clip.moments if not moment.rejects]
    rejected = [
        moment
        for moment in usable
        if (verdict := verdicts.get(moment.id)) and verdict.reject is not None
    ]
    left_s = sum(moment.duration_s for moment in usable) - sum(
        moment.duration_s for moment in rejected
    )
    needed = set()
    for moment in sorted(
        rejected, key=lambda moment: (-moment.quality - moment.interest, moment.id)
    ):
        if left_s >= _ENOUGH * duration_s:
            break
        needed.add(moment.id)
        left_s += moment.duration_s
    return needed


def _judged(
    moment: Moment, verdict: MomentJudgement | None, shown: Shown | None, needed: bool
) -> Moment:
    if verdict is None or shown is None:
        return moment.model_copy(
            update={
                "interest": moment.interest * UNSEEN_FACTOR,
                "hook": moment.hook * UNSEEN_FACTOR,
            }
        )
    rejects = moment.rejects
    if verdict.reject is not None and not needed:
        message = plain(verdict.reject.reason, _MOST_REASON) or "judged not to be worth showing"
        rejects += (RejectReason(code=verdict.reject.code, message=message),)
    subject, path = pointed_subject(moment, verdict.subject, shown)
    return moment.model_copy(
        update={
            "interest": _blend(verdict.interest, moment.interest),
            "hook": _blend(verdict.hook_score, moment.hook),
            "subject": subject,
            "subject_path": path,
            # Where Claude points, something is to be seen.
            "without_subject": tuple(
                gone for gone in moment.without_subject if not _pointed_in(path, gone)
            ),
            "description": plain(verdict.reason, _MOST_REASON),
            "role": verdict.role,
            "mood": verdict.mood,
            "peak_s": min(max(verdict.peak_s, moment.start_s), moment.end_s),
            "rejects": rejects,
        }
    )


def _pointed_in(path: Sequence[SubjectPoint], span: TimeSpan) -> bool:
    return any(
        point.source == "model" and span.start_s <= point.time_s < span.end_s for point in path
    )


def _blend(judged_percent: int, measured: float) -> float:
    return JUDGED_SHARE * judged_percent / 100 + (1 - JUDGED_SHARE) * measured
