"""The local analyst: judges moments by measurement alone, with no service and no key.

Its answer is also where the analyst that asks a model starts from.
"""

from collections.abc import Sequence

from montage_pipeline.analysis.analyst import Onlooker
from montage_pipeline.analysis.faults import why_unusable
from montage_pipeline.analysis.leniency import forgive
from montage_pipeline.analysis.model import (
    AnalysedClip,
    AnalystFacts,
    ClipAnalysis,
    Moment,
    RejectedClip,
)
from montage_pipeline.analysis.mood import mood_of, music_prompt, suggested_bpm
from montage_pipeline.analysis.repeats import reject_repeated_moments, without_repeated_clips
from montage_pipeline.analysis.scan.attention import BY_MEASURE, Thoroughness
from montage_pipeline.analysis.scan.kept import KeptMeasures
from montage_pipeline.analysis.scan.looking import look_at
from montage_pipeline.analysis.scored_clips import scored_clips
from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rules import HOOK_S, MIN_DURATION_S
from montage_pipeline.settings import Settings

# What goes first among the best moments: technically good, as what is measured of interest is not
# what the footage means.
_INTEREST_WEIGHT, _QUALITY_WEIGHT = 0.25, 0.75


class LocalAnalyst:
    """An Analyst that measures. The same clips give the same analysis."""

    def __init__(
        self,
        settings: Settings,
        *,
        onlooker: Onlooker = Onlooker(),
        thoroughness: Thoroughness = BY_MEASURE,
        kept: KeptMeasures | None = None,
    ) -> None:
        """`onlooker` is told how far it is; `thoroughness` says how much is looked at closely.
        `kept` has what was measured in the user's clips before.
        """
        self._settings = settings
        self._onlooker = onlooker
        self._thoroughness = thoroughness
        self._kept = kept

    def analyse(self, clips: Sequence[FetchedClip], style: str, duration_s: float) -> ClipAnalysis:
        """Measure, cut into moments, score and judge, as `Analyst.analyse` says.

        Where too little footage passes, the best of what has lesser faults is let through, and
        `warnings` says so.

        Raises PermanentError (TOO_MANY_CLIPS) and, naming every clip's reason, (NO_USABLE_CLIPS).
        """
        self._refuse_too_many(clips)
        measured, rejected = look_at(
            clips, duration_s, self._onlooker, self._thoroughness, self._kept
        )
        measured, repeats, repeated = without_repeated_clips(measured)
        rejected += repeated
        notes = [f"{clip_name(clip.clip.url)}: {note}" for clip in measured for note in clip.notes]

        moments = [
            reject_repeated_moments(clip.moments, own_repeats)
            for clip, own_repeats in zip(measured, repeats, strict=True)
        ]
        analysed = scored_clips([clip.measures for clip in measured], moments, style)
        analysed, forgiven = forgive(analysed, min(duration_s, MIN_DURATION_S))

        usable = [moment for clip in analysed for moment in clip.moments if not moment.rejects]
        if not usable:
            raise _nothing_usable(analysed, rejected)
        liveliness = _liveliness(usable)
        analysis = ClipAnalysis(
            clips=tuple(analysed),
            rejected_clips=tuple(rejected),
            hook_moment=max(usable, key=_hook_rank).id,
            best_moments=tuple(moment.id for moment in sorted(usable, key=_rank)),
            mood=mood_of(style, liveliness),
            music_prompt=music_prompt(style, liveliness, duration_s),
            suggested_bpm=suggested_bpm(style, liveliness),
            analyst=AnalystFacts(name="local"),
            warnings=(*notes, *forgiven),
        )
        self._onlooker.measured(analysis)
        return analysis

    def _refuse_too_many(self, clips: Sequence[FetchedClip]) -> None:
        maximum = self._settings.max_clips
        if len(clips) > maximum:
            raise PermanentError(
                ErrorCode.TOO_MANY_CLIPS,
                f"{len(clips)} clips were given; at most {maximum} can be used",
            )


def _rank(moment: Moment) -> tuple[float, int, float]:
    """The best moment has the lowest."""
    score = _INTEREST_WEIGHT * moment.interest + _QUALITY_WEIGHT * moment.quality
    return -score, moment.clip, moment.start_s


def _hook_rank(moment: Moment) -> tuple[bool, float, int, float]:
    """The moment to open the Reel has the highest: long enough, then the best hook."""
    fills_the_hook = moment.duration_s >= HOOK_S - 1e-6
    return fills_the_hook, moment.hook, -moment.clip, -moment.start_s


def _liveliness(moments: Sequence[Moment]) -> float:
    """The mean motion energy of the moments, 0..1."""
    duration_s = sum(moment.duration_s for moment in moments)
    return sum(moment.scores.motion * moment.duration_s for moment in moments) / duration_s


def _nothing_usable(
    clips: Sequence[AnalysedClip], rejected: Sequence[RejectedClip]
) -> PermanentError:
    unusable = [
        RejectedClip(
            url=clip.facts.url,
            code=ErrorCode.NO_USABLE_CLIPS,
            message=why_unusable(clip.moments),
        )
        for clip in clips
    ]
    left_out = [*rejected, *unusable]
    reasons = [f"{clip_name(clip.url)}: {clip.message}" for clip in left_out]
    listed = " | ".join(reasons) if reasons else "no clips were given"
    return PermanentError(
        ErrorCode.NO_USABLE_CLIPS,
        f"none of the clips can be used. {listed}",
        reasons=reasons,
        left_out=left_out,
    )
