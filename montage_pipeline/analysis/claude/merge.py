"""What becomes of Claude's judgement: merged into what was measured, within fixed limits.

Whatever Claude says, or is made to say by text in the footage: technical rejects stand, scores stay
in 0..1, enough footage for a Reel stays in use, and its words become short plain text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from montage_pipeline.analysis.claude.judgement import ChosenMoment, Judgement, Shown
from montage_pipeline.analysis.claude.subject import around, subject_path, without_subject
from montage_pipeline.analysis.claude.windows import Window, outside, windows_in_use
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.model import (
    AnalystFacts,
    ClipAnalysis,
    Moment,
    RejectReason,
)
from montage_pipeline.footage.names import clip_name

_JUDGED_SHARE = 0.9
"""Weight of Claude's score in `interest` and `hook`; the rest is the measured score, which orders
what Claude rates alike.
"""

_UNSEEN_FACTOR = 0.4
"""For `hook` of a moment nobody looked at: the Reel opens with it only where nothing that was seen
can open it.
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
    """The judgement by moment. `windows` are the parts that stay in use: of every moment that is
    not rejected, and of those needed although Claude rejects them.
    """

    judgement: Judgement
    shown: Mapping[str, Shown]
    hook: Mapping[str, int]
    interest: Mapping[str, int]
    chosen: Mapping[str, ChosenMoment]
    rejections: Mapping[str, RejectReason]
    windows: Mapping[str, Window]

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
        named = {detail.id: Window(detail.use_from_s, detail.use_to_s) for detail in judgement.best}
        return cls(
            judgement=judgement,
            shown=shown,
            hook={score.id: score.hook for score in judgement.scores},
            interest={score.id: score.interest for score in judgement.scores},
            chosen={detail.id: detail for detail in judgement.best},
            rejections=rejections,
            windows=windows_in_use(measured, named, rejections.keys(), duration_s),
        )

    @property
    def needed(self) -> list[str]:
        """The ids of moments that stay in use although Claude rejects them."""
        return sorted(self.windows.keys() & self.rejections.keys())

    def applied_to(self, moment: Moment) -> list[Moment]:
        """A moment as it was judged, and beside it what must not be shown of it."""
        if moment.id not in self.shown or moment.id not in self.judgement.judged:
            return [moment.model_copy(update={"hook": moment.hook * _UNSEEN_FACTOR})]

        judged = moment.model_copy(update={"judged": True, **self._scores(moment)})
        window = self.windows.get(moment.id)
        if window is None:
            rejection = self.rejections.get(moment.id)
            rejects = (*moment.rejects, *([rejection] if rejection else []))
            return [judged.model_copy(update={"rejects": rejects})]
        if (detail := self.chosen.get(moment.id)) is not None:
            judged = judged.model_copy(update=_details(moment, detail, self.shown[moment.id]))
        return outside(judged, window)

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
        "movement": (),
        "without_subject": without_subject(detail.look, shown, moment),
        "description": plain(detail.reason, _MAX_REASON),
        "role": detail.role,
        "mood": detail.mood,
        "peak_s": min(max(detail.peak_s, moment.start_s), moment.end_s),
    }


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
    if needed := verdict.needed:
        warnings.append(
            f"Claude rejected {', '.join(needed)} too; they stay in use, because too little "
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


def _blend(judged_percent: int, measured: float) -> float:
    return _JUDGED_SHARE * judged_percent / 100 + (1 - _JUDGED_SHARE) * measured
