"""What becomes of Claude's judgement: merged into what was measured, within fixed limits.

Whatever Claude says, or is made to say by text in the footage: technical rejects stand, scores are
blended with the measured ones and stay in 0..1, enough footage for the Reel stays in use, and its
words become short plain text.
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

_JUDGED_SHARE = 0.7
"""Weight of Claude's score in `interest` and `hook`; the rest is the measured score, which orders
what Claude rates alike.
"""

_UNSEEN_FACTOR = 0.8
"""For `interest` and `hook` of a moment nobody looked at: of two that measure alike, the one that
was seen goes first.
"""

_ENOUGH = 1.2  # seconds of footage for each second of the Reel: cuts never use up all of a moment

# Maximum lengths in characters: a line of a storyboard, a few words, a composer's prompt.
_MAX_REASON, _MAX_MOOD, _MAX_MUSIC_PROMPT = 120, 40, 300


def merge(
    measured: ClipAnalysis,
    judgement: Judgement,
    shown: Mapping[str, Shown],
    analyst: AnalystFacts,
    *,
    duration_s: float,
) -> ClipAnalysis:
    """The measured analysis with Claude's scores, descriptions, subjects and rejects.

    What was measured stays: quality, scores, fingerprints, technical rejects. `best_moments` is
    Claude's order, then the other usable moments by interest. `duration_s` is the Reel's.
    """
    verdicts = {verdict.id: verdict for verdict in judgement.moments}
    needed = _needed_in_spite(measured, verdicts, duration_s)

    def merged(moment: Moment) -> Moment:
        if moment.id not in verdicts or moment.id not in shown:
            return _unseen(moment)
        return _judged(
            moment, verdicts[moment.id], shown[moment.id], stays_in_use=moment.id in needed
        )

    clips = tuple(
        clip.model_copy(update={"moments": tuple(merged(moment) for moment in clip.moments)})
        for clip in measured.clips
    )
    usable = [moment for clip in clips for moment in clip.moments if not moment.rejects]
    return ClipAnalysis(
        clips=clips,
        rejected_clips=measured.rejected_clips,
        hook_moment=judgement.hook_moment,
        best_moments=_best_first(judgement, usable),
        mood=plain(judgement.mood, _MAX_MOOD) or measured.mood,
        music_prompt=music_prompt(judgement.music_prompt, _MAX_MUSIC_PROMPT)
        or measured.music_prompt,
        suggested_bpm=judgement.suggested_bpm,
        analyst=analyst,
        warnings=(
            *measured.warnings,
            *_warnings([name for name in shown if name not in verdicts], sorted(needed)),
        ),
    )


def _best_first(judgement: Judgement, usable: Sequence[Moment]) -> tuple[str, ...]:
    named = judgement.best_moments
    by_interest = sorted(usable, key=lambda moment: (-moment.interest, moment.id))
    return (*named, *(moment.id for moment in by_interest if moment.id not in named))


def _warnings(without_verdict: Sequence[str], needed: Sequence[str]) -> list[str]:
    warnings = []
    if without_verdict:
        warnings.append(
            f"Claude gave no judgement of {', '.join(without_verdict)}; their measured scores are "
            "used."
        )
    if needed:
        warnings.append(
            f"Claude rejected {', '.join(needed)} too; they stay in use, because too little "
            "footage would be left without them."
        )
    return warnings


def _needed_in_spite(
    measured: ClipAnalysis, verdicts: Mapping[str, MomentJudgement], duration_s: float
) -> set[str]:
    """The moments that stay in use although Claude rejects them.

    Technically the best, until there is enough for the Reel.
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
    rejected.sort(key=lambda moment: (-moment.quality - moment.interest, moment.id))
    for moment in rejected:
        if left_s >= _ENOUGH * duration_s:
            break
        needed.add(moment.id)
        left_s += moment.duration_s
    return needed


def _unseen(moment: Moment) -> Moment:
    """A moment that Claude was not asked about, or did not judge."""
    return moment.model_copy(
        update={
            "interest": moment.interest * _UNSEEN_FACTOR,
            "hook": moment.hook * _UNSEEN_FACTOR,
        }
    )


def _judged(
    moment: Moment, verdict: MomentJudgement, shown: Shown, *, stays_in_use: bool
) -> Moment:
    rejects = moment.rejects
    if verdict.reject is not None and not stays_in_use:
        message = plain(verdict.reject.reason, _MAX_REASON) or "judged not to be worth showing"
        rejects += (RejectReason(code=verdict.reject.code, message=message),)

    subject, path = pointed_subject(moment, verdict.subject, shown)
    # Where Claude points, there is something to see.
    without_subject = tuple(span for span in moment.without_subject if not _pointed_in(path, span))
    return moment.model_copy(
        update={
            "interest": _blend(verdict.interest, moment.interest),
            "hook": _blend(verdict.hook_score, moment.hook),
            "subject": subject,
            "subject_path": path,
            "without_subject": without_subject,
            "description": plain(verdict.reason, _MAX_REASON),
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
    return _JUDGED_SHARE * judged_percent / 100 + (1 - _JUDGED_SHARE) * measured
