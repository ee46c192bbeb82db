"""What becomes of Claude's judgement: merged into what was measured, within fixed limits.

Whatever Claude says, or is made to say by text in the footage: technical rejects stand, scores stay
in 0..1, enough footage for a Reel stays in use, and its words become short plain text.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from montage_pipeline.analysis.claude.candidates import Glimpse
from montage_pipeline.analysis.claude.judgement import ChosenMoment, Judgement, Shown
from montage_pipeline.analysis.claude.subject import around, subject_path, without_subject
from montage_pipeline.analysis.claude.windows import Window, outside, windows_in_use
from montage_pipeline.analysis.claude.words import music_prompt, plain
from montage_pipeline.analysis.leniency import let_through
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
"""For `hook` of a moment nobody looked at closely: the Reel opens with it only where nothing that
was seen can open it.
"""

_GLIMPSED_FACTOR = 0.8
"""For `interest` of a moment of which Claude saw one small frame, or only frames of moments nearby:
of what promises the same, it comes after what was looked at, and before what is hardly worth it.
"""

_WORTH_A_FAULT = 60
"""Percent of interest in a glimpse from which a clip is shown in spite of its lesser faults: what
promises clearly more than ordinary footage. All other moments of the clip have such faults too.
"""

_NOTHING_TO_SEE = RejectReason(code="irrelevant", message="a look at it shows nothing worth it")

# Maximum lengths in characters: a line of a storyboard, a few words, a composer's prompt.
_MAX_REASON, _MAX_MOOD, _MAX_MUSIC_PROMPT = 120, 40, 300


def merge(
    measured: ClipAnalysis,
    judgement: Judgement,
    shown: Mapping[str, Shown],
    analyst: AnalystFacts,
    *,
    duration_s: float,
    glimpses: Sequence[Glimpse] = (),
) -> ClipAnalysis:
    """The measured analysis with Claude's scores, descriptions, subjects, windows and rejects.

    What was measured stays: quality, scores, fingerprints, technical rejects. Only of a clip that
    has lesser faults throughout, the moment that promises most in its glimpse is let through, where
    that is much. What lies outside of
    a moment's window becomes a rejected moment of its own. `best_moments` is Claude's order, then
    the other usable moments by interest. `duration_s` is the Reel's.
    """
    promises = _promises(measured, judgement, glimpses)
    measured = _forgiven(measured, glimpses, promises)
    verdict = _Verdict.of(measured, judgement, shown, promises, duration_s)
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


def _promises(
    measured: ClipAnalysis, judgement: Judgement, glimpses: Sequence[Glimpse]
) -> dict[str, int]:
    """What the moments of the glimpsed clips promise, in percent, by id: what Claude said of the
    frame that is nearest in time.
    """
    said = {judged.id: judged.interest for judged in judgement.glimpses}
    promises = {}
    for glimpse in glimpses:
        if glimpse.id not in said:
            continue
        frames = list(zip(glimpse.times_s, said[glimpse.id], strict=True))
        for moment in measured.clips[glimpse.clip].moments:
            middle_s = (moment.start_s + moment.end_s) / 2
            promises[moment.id] = min(frames, key=lambda frame: abs(frame[0] - middle_s))[1]
    return promises


def _forgiven(
    measured: ClipAnalysis, glimpses: Sequence[Glimpse], promises: Mapping[str, int]
) -> ClipAnalysis:
    """The analysis with the best glimpsed moment of each clip let through that would otherwise have
    none, if it promises enough.
    """
    named = []
    for glimpse in glimpses:
        if all(moment.rejects for moment in measured.clips[glimpse.clip].moments):
            best = max(glimpse.moments, key=lambda moment: promises.get(moment.id, 0))
            named += [best] if promises.get(best.id, 0) >= _WORTH_A_FAULT else []
    clips, warnings = let_through(measured.clips, named, "it looks worth showing")
    return measured.model_copy(
        update={"clips": tuple(clips), "warnings": (*measured.warnings, *warnings)}
    )


@dataclass(frozen=True)
class _Verdict:
    """The judgement by moment. `windows` are the parts that stay in use: of every moment that is
    not rejected, and of those needed although Claude rejects them. `promises` are those of moments
    that were not shown closely.
    """

    judgement: Judgement
    shown: Mapping[str, Shown]
    hook: Mapping[str, int]
    interest: Mapping[str, int]
    promises: Mapping[str, int]
    chosen: Mapping[str, ChosenMoment]
    rejections: Mapping[str, RejectReason]
    windows: Mapping[str, Window]

    @classmethod
    def of(
        cls,
        measured: ClipAnalysis,
        judgement: Judgement,
        shown: Mapping[str, Shown],
        promises: Mapping[str, int],
        duration_s: float,
    ) -> "_Verdict":
        promises = {name: promises[name] for name in promises.keys() - shown.keys()}
        rejections = {name: _NOTHING_TO_SEE for name, percent in promises.items() if not percent}
        rejections |= {
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
            promises=promises,
            chosen={detail.id: detail for detail in judgement.best},
            rejections=rejections,
            windows=windows_in_use(measured, named, rejections.keys(), duration_s),
        )

    @property
    def needed(self) -> list[str]:
        """Ids of the moments that stay in use although Claude rejects them."""
        return sorted(self.windows.keys() & self.rejections.keys())

    def applied_to(self, moment: Moment) -> list[Moment]:
        """A moment as it was judged, and beside it what must not be shown of it."""
        if moment.id in self.shown and moment.id in self.judgement.judged:
            judged = moment.model_copy(update={"judged": True, **self._scores(moment)})
        elif moment.id in self.promises:
            judged = moment.model_copy(update={"judged": True, **self._promised(moment)})
        else:
            return [moment.model_copy(update={"hook": moment.hook * _UNSEEN_FACTOR})]

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

    def _promised(self, moment: Moment) -> dict[str, float]:
        promised = _blend(self.promises[moment.id], moment.interest)
        return {
            "interest": _GLIMPSED_FACTOR * promised,
            "hook": _UNSEEN_FACTOR * _blend(self.promises[moment.id], moment.hook),
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
    if unseen := _unseen_clips(measured, verdict.shown.keys() | verdict.promises.keys()):
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


def _unseen_clips(measured: ClipAnalysis, seen: Collection[str]) -> list[str]:
    """Names of the clips with usable moments of which none was `seen` (ids), not in a glimpse."""
    names = []
    for clip in measured.clips:
        usable = {moment.id for moment in clip.moments if not moment.rejects}
        if usable and usable.isdisjoint(seen):
            names.append(clip_name(clip.facts.url))
    return names


def _blend(judged_percent: int, measured: float) -> float:
    return _JUDGED_SHARE * judged_percent / 100 + (1 - _JUDGED_SHARE) * measured
