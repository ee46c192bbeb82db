"""What becomes of Claude's judgement: merged into what was measured, within fixed limits.

Whatever Claude says, or is made to say by text in the footage: technical rejects stand, scores stay
in 0..1, enough footage for a Reel stays in use, and its words become short plain text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from montage_pipeline.analysis.claude.judgement import ChosenMoment, Judgement, Shown
from montage_pipeline.analysis.claude.subject import around, subject_path, without_subject
from montage_pipeline.analysis.claude.window import Window, kept_window, outside
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.model import (
    AnalystFacts,
    ClipAnalysis,
    Moment,
    RejectReason,
)
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rules import MIN_DURATION_S

_JUDGED_SHARE = 0.9
"""Weight of Claude's score in `interest` and `hook`; the rest is the measured score, which orders
what Claude rates alike.
"""

_UNSEEN_FACTOR = 0.4
"""For `hook` of a moment nobody looked at: the Reel opens with it only where nothing that was seen
can open it.
"""

_KEPT_SHARE = 0.75
"""Of the Reel's length, or of all usable footage where that is less: so much stays in use whatever
Claude rejects. Up to that, a shorter Reel is better than one with what nobody wants to see; beyond
it, the judgement is more likely wrong, or made to be.
"""

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
    """The measured analysis with Claude's scores, descriptions, subjects, windows and rejects.

    What was measured stays: quality, scores, fingerprints, technical rejects. What lies outside of
    a moment's window becomes a rejected moment of its own. `best_moments` is Claude's order, then
    the other usable moments by interest. `duration_s` is the Reel's.
    """
    verdict = _Verdict.of(measured, judgement, shown, duration_s)
    clips = tuple(
        clip.model_copy(
            update={
                "moments": tuple(
                    part for moment in clip.moments for part in verdict.applied_to(moment)
                )
            }
        )
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
        warnings=(*measured.warnings, *_warnings(measured, verdict)),
    )


@dataclass(frozen=True)
class _Verdict:
    """The judgement by moment. `kept` are the ids that stay in use, whole, although Claude rejects
    them or a part of them.
    """

    judgement: Judgement
    shown: Mapping[str, Shown]
    hook: Mapping[str, int]
    interest: Mapping[str, int]
    chosen: Mapping[str, ChosenMoment]
    rejections: Mapping[str, RejectReason]
    kept: frozenset[str]

    @classmethod
    def of(
        cls,
        measured: ClipAnalysis,
        judgement: Judgement,
        shown: Mapping[str, Shown],
        duration_s: float,
    ) -> "_Verdict":
        rejections = {
            rejection.id: RejectReason(
                code=rejection.code,
                message=plain(rejection.reason, _MAX_REASON) or "judged not to be worth showing",
            )
            for rejection in judgement.rejected
        }
        chosen = {detail.id: detail for detail in judgement.best}
        return cls(
            judgement=judgement,
            shown=shown,
            hook={score.id: score.hook for score in judgement.scores},
            interest={score.id: score.interest for score in judgement.scores},
            chosen=chosen,
            rejections=rejections,
            kept=_kept_in_spite(measured, rejections, chosen, duration_s),
        )

    def applied_to(self, moment: Moment) -> list[Moment]:
        """A moment as it was judged, and beside it what must not be shown of it."""
        if moment.id not in self.shown or moment.id not in self.judgement.judged:
            return [moment.model_copy(update={"hook": moment.hook * _UNSEEN_FACTOR})]

        judged = moment.model_copy(update={"judged": True, **self._scores(moment)})
        if moment.id in self.rejections:
            if moment.id in self.kept:
                return [judged]
            rejects = (*moment.rejects, self.rejections[moment.id])
            return [judged.model_copy(update={"rejects": rejects})]
        detail = self.chosen.get(moment.id)
        if detail is None:
            return [judged]
        window = _window_of(moment, detail)
        detailed = judged.model_copy(update=_details(moment, detail, self.shown[moment.id]))
        return [detailed] if moment.id in self.kept else outside(detailed, window)

    def _scores(self, moment: Moment) -> dict[str, float]:
        """A rejected moment has none: should it be needed, it is needed least."""
        return {
            "interest": _blend(self.interest.get(moment.id, 0), moment.interest),
            "hook": _blend(self.hook.get(moment.id, 0), moment.hook),
        }


def _details(moment: Moment, detail: ChosenMoment, shown: Shown) -> dict[str, object]:
    path = subject_path(detail.look, shown)
    return {
        "subject": around([point.box for point in path]),
        "subject_path": path,
        "living": (),
        "without_subject": without_subject(detail.look, shown, moment),
        "description": plain(detail.reason, _MAX_REASON),
        "role": detail.role,
        "mood": detail.mood,
        "peak_s": min(max(detail.peak_s, moment.start_s), moment.end_s),
    }


def _window_of(moment: Moment, detail: ChosenMoment) -> Window:
    return kept_window(moment, Window(detail.use_from_s, detail.use_to_s))


def _best_first(judgement: Judgement, usable: Sequence[Moment]) -> tuple[str, ...]:
    named = [detail.id for detail in judgement.best]
    by_interest = sorted(usable, key=lambda moment: (-moment.interest, moment.id))
    return (*named, *(moment.id for moment in by_interest if moment.id not in named))


def _warnings(measured: ClipAnalysis, verdict: _Verdict) -> list[str]:
    warnings = []
    judged = verdict.judgement.judged
    if without_verdict := [name for name in verdict.shown if name not in judged]:
        warnings.append(
            f"Claude gave no judgement of {', '.join(without_verdict)}; they are used only where "
            "the others do not suffice."
        )
    if unseen := _unseen_clips(measured, verdict.shown):
        warnings.append(
            f"Claude was not shown {', '.join(unseen)}: that would have cost more than "
            "CLAUDE_MAX_COST_USD allows."
        )
    if rejected := sorted(verdict.kept & verdict.rejections.keys()):
        warnings.append(
            f"Claude rejected {', '.join(rejected)} too; they stay in use, because too little "
            "footage would be left without them."
        )
    return warnings


def _unseen_clips(measured: ClipAnalysis, shown: Mapping[str, Shown]) -> list[str]:
    """Names of the clips with usable moments of which none was shown."""
    seen = {one.moment.clip for one in shown.values()}
    return [
        clip_name(clip.facts.url)
        for index, clip in enumerate(measured.clips)
        if index not in seen and any(not moment.rejects for moment in clip.moments)
    ]


def _kept_in_spite(
    measured: ClipAnalysis,
    rejections: Mapping[str, RejectReason],
    chosen: Mapping[str, ChosenMoment],
    duration_s: float,
) -> frozenset[str]:
    """The moments that stay in use, whole, in spite of the judgement, until there is enough.

    First those whose window is narrow, then the rejected ones, the technically best first.
    """
    usable = [moment for clip in measured.clips for moment in clip.moments if not moment.rejects]
    all_s = sum(moment.duration_s for moment in usable)
    enough_s = max(_KEPT_SHARE * min(duration_s, all_s), min(MIN_DURATION_S, all_s))

    def left_of(moment: Moment) -> float:
        if moment.id in rejections:
            return 0.0
        detail = chosen.get(moment.id)
        return _window_of(moment, detail).duration_s if detail else moment.duration_s

    lost_s = {moment.id: moment.duration_s - left_of(moment) for moment in usable}
    left_s = all_s - sum(lost_s.values())
    kept = set()
    usable.sort(
        key=lambda moment: (moment.id in rejections, -moment.quality - moment.interest, moment.id)
    )
    for moment in usable:
        if left_s >= enough_s:
            break
        if lost_s[moment.id] > 0:
            kept.add(moment.id)
            left_s += lost_s[moment.id]
    return frozenset(kept)


def _blend(judged_percent: int, measured: float) -> float:
    return _JUDGED_SHARE * judged_percent / 100 + (1 - _JUDGED_SHARE) * measured
