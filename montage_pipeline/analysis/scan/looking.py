"""`look_at`: what is seen of the clips of a request, in two passes.

Belongs here: the order of looking, and what the user is told of it.
Does not belong here: judging what was seen (repeats, scored_clips, local).
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from montage_pipeline.analysis.analyst import Onlooker
from montage_pipeline.analysis.duplicates import find_repeats
from montage_pipeline.analysis.model import RejectedClip
from montage_pipeline.analysis.moments import UnscoredMoment, cut_into_moments
from montage_pipeline.analysis.scan import attention
from montage_pipeline.analysis.scan.attention import (
    BY_MEASURE,
    Allowance,
    Thoroughness,
    affordable,
    choose,
)
from montage_pipeline.analysis.scan.kept import KeptMeasures
from montage_pipeline.analysis.scan.keyframes import KeyframeScan, Seen, scan_keyframes
from montage_pipeline.analysis.scan.measuring import Findings, Spans, measure_spans
from montage_pipeline.analysis.scan.probed import ProbedClip, probe_clip
from montage_pipeline.analysis.scan.workers import Workers, contained, workers_for
from montage_pipeline.errors import ErrorCode
from montage_pipeline.footage.measuring.measures import SHOWN_SIDE, ClipMeasures
from montage_pipeline.footage.measuring.planes import shrunk_to
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name
from montage_pipeline.rules import MIN_CUT_S
from montage_pipeline.spans import Span, joined, overlap_s

# For reading what a container tells, and for its keyframes and a little of its sound: fifty times
# what a large file takes on a machine that is busy.
_PROBE_S, _SCAN_S = 120.0, 120.0

Moments = dict[int, list[UnscoredMoment]]
"""The moments of clips, by the clips' index."""

_TOUCHING_S = 0.002  # the ends of moments are rounded inwards to the millisecond

_MAX_ROUNDS = 3  # of looking closely; what three rounds do not find is hardly there


@dataclass(frozen=True)
class MeasuredClip:
    """A clip with what was measured in it, its moments, and what the user should know of it."""

    clip: FetchedClip
    measures: ClipMeasures
    moments: list[UnscoredMoment]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _FirstLook:
    """What the first pass gave: clips are named by their index.

    `whole` are those cheap enough to be measured whole, `scans` the keyframes of the others, except
    of those that `failed`, `work` what is left for looking closely at these.
    """

    whole: list[int]
    scans: dict[int, KeyframeScan]
    failed: dict[int, RejectedClip]
    work: float


def look_at(
    clips: Sequence[FetchedClip],
    duration_s: float,
    onlooker: Onlooker = Onlooker(),
    thoroughness: Thoroughness = BY_MEASURE,
    kept: KeptMeasures | None = None,
) -> tuple[list[MeasuredClip], list[RejectedClip]]:
    """Look at clips side by side, for a Reel of `duration_s` seconds.

    Gives the clips in which something was measured, in the order given, and those that were left
    out. A file that was given twice is looked at once; what is `kept` of it, not again.
    """
    unique, copies = _without_copies(clips)
    with workers_for(len(unique), onlooker, kept) as workers:
        probed = list(
            workers.map(lambda clip: workers.look(clip.url, _PROBE_S, probe_clip, clip), unique)
        )
        readable = [clip for clip in probed if isinstance(clip, ProbedClip)]
        unreadable = [clip for clip in probed if isinstance(clip, RejectedClip)]
        onlooker.probed([clip.facts for clip in readable], [*copies, *unreadable])

        first = _look_first(workers, readable)
        findings = _Closely(workers, readable, first, thoroughness).look(duration_s)

    looked: list[MeasuredClip | RejectedClip] = []
    for index, clip in enumerate(readable):
        scan = first.scans.get(index)
        if index in findings.measures:
            measures = findings.measures[index]
            looked.append(contained(clip.clip.url, _measured, clip, measures, scan, thoroughness))
        else:
            looked.append(findings.failed.get(index) or _passed_over(clip, first.scans[index]))
    measured = [clip for clip in looked if isinstance(clip, MeasuredClip)]
    failed = [clip for clip in looked if isinstance(clip, RejectedClip)]
    return measured, [*copies, *unreadable, *failed]


def _without_copies(
    clips: Sequence[FetchedClip],
) -> tuple[list[FetchedClip], list[RejectedClip]]:
    """The different files, and the clips that are the same file as an earlier one."""
    first_with: dict[str, FetchedClip] = {}
    copies = []
    for clip in clips:
        if clip.sha256 in first_with:
            message = f"it is the same file as {clip_name(first_with[clip.sha256].url)}"
            copies.append(
                RejectedClip(url=clip.url, code=ErrorCode.CLIP_DUPLICATE, message=message)
            )
        else:
            first_with[clip.sha256] = clip
    return list(first_with.values()), copies


def _look_first(workers: Workers, clips: Sequence[ProbedClip]) -> _FirstLook:
    """Decide which clips are measured whole, and look at keyframes of the others."""
    works = [clip.work(clip.whole) for clip in clips]
    whole = affordable(works, attention.WORK)
    costly = [index for index in range(len(clips)) if index not in whole]

    work_each = attention.KEYFRAME_SHARE * attention.WORK / max(1, len(costly))

    def scan(index: int) -> KeyframeScan | RejectedClip:
        clip = clips[index]
        threads = workers.decoder_threads
        seen = workers.look_once(
            Seen,
            clip.facts,
            _SCAN_S,
            scan_keyframes,
            clip,
            work_each,
            threads,
            asked=(work_each,),
        )
        return seen if isinstance(seen, RejectedClip) else KeyframeScan(clip, *seen)

    found = dict(zip(costly, workers.map(scan, costly), strict=True))
    scans = {index: scan for index, scan in found.items() if isinstance(scan, KeyframeScan)}
    failed = {index: scan for index, scan in found.items() if isinstance(scan, RejectedClip)}
    work = (1 - attention.KEYFRAME_SHARE) * attention.WORK - sum(works[index] for index in whole)
    return _FirstLook(whole, scans, failed, max(0.0, work))


@dataclass(frozen=True)
class _Closely:
    """The second pass: what promises most is measured."""

    workers: Workers
    clips: Sequence[ProbedClip]
    first: _FirstLook
    thoroughness: Thoroughness

    def look(self, duration_s: float) -> Findings:
        """Measure what promises most; where too little of that is good, look at more."""
        first, clips = self.first, self.clips
        whole_s = sum(clips[index].facts.duration_s for index in first.whole)
        # Work is counted as if all were decoded; without the calm parts, more of it fits.
        max_work = attention.MAX_WORK_FACTOR * attention.WORK / attention.CALM_COST
        needed_s = self.thoroughness.needed * duration_s - whole_s
        chosen = choose(first.scans, {}, self._allowance(needed_s, first.work, max_work))
        # Where decoding all that the Reel needs costs too much, calm parts are trusted to be calm.
        skip_calm = _work(clips, chosen) > first.work
        spans: Spans = {**dict.fromkeys(first.whole, ()), **chosen}
        results = measure_spans(self.workers, clips, spans, skip_calm=skip_calm)
        findings, moments = self._judged(Findings({}, first.failed).with_more(results))

        work_left = min(max_work - _work(clips, chosen), attention.AGAIN_SHARE * attention.WORK)
        for _ in range(_MAX_ROUNDS - 1):
            missing_s = duration_s - _showable_s(findings.measures, moments)
            cramped = {
                index
                for index in first.scans
                if index in moments and _longest_usable_s(moments[index]) < MIN_CUT_S
            }
            if not first.scans or (missing_s <= 0 and not cramped):
                break
            chosen = self._choose_more(findings, max(0.0, missing_s), work_left, cramped)
            if not chosen:
                break
            work_left -= _work(clips, chosen)
            results = measure_spans(self.workers, clips, chosen, skip_calm=skip_calm)
            findings, moments = self._judged(findings.with_more(results))
        return findings

    def _judged(self, findings: Findings) -> tuple[Findings, Moments]:
        """The moments of the clips, and the findings without those that cannot be judged: they
        failed. What was found in a clip is kept together with its keyframes: words over the frame
        are read in it once.
        """
        moments: Moments = {}
        failed = dict(findings.failed)
        measures = {
            index: _with_keyframes(clip, self.first.scans.get(index))
            for index, clip in findings.measures.items()
        }

        def judge(clip: ClipMeasures) -> list[UnscoredMoment] | RejectedClip:
            return contained(clip.facts.url, cut_into_moments, clip)

        judgements = self.workers.map(judge, measures.values())
        for index, judged in zip(measures, judgements, strict=True):
            if isinstance(judged, RejectedClip):
                failed[index] = judged
            else:
                moments[index] = judged
        return Findings({index: measures[index] for index in moments}, failed), moments

    def _choose_more(
        self, findings: Findings, missing_s: float, max_work: float, cramped: Set[int]
    ) -> dict[int, list[Span]]:
        """Spans of scanned clips not seen closely yet, for the seconds that are missing, and for
        the clips in which there is no room for a cut so far.
        """
        open_scans = {
            index: scan for index, scan in self.first.scans.items() if index not in findings.failed
        }
        seen = {
            index: findings.measures[index].looked_at
            for index in open_scans
            if index in findings.measures
        }
        allowance = self._allowance(self.thoroughness.needed * missing_s, 0.0, max_work)
        return choose(open_scans, seen, allowance, cramped)

    def _allowance(self, min_s: float, work: float, max_work: float) -> Allowance:
        return Allowance(min_s, work, max_work, self.thoroughness.max_stretch_s)


def _work(clips: Sequence[ProbedClip], spans: Spans) -> float:
    return sum(clips[index].work(span) for index, row in spans.items() for span in row)


def _showable_s(clips: Mapping[int, ClipMeasures], moments: Moments) -> float:
    """Seconds that can be shown: without fault, and not in a better clip too."""
    order = list(clips)
    repeated: dict[int, list[Span]] = {}
    for repeat in find_repeats(list(clips.values())):
        repeated.setdefault(order[repeat.worse], []).extend(repeat.spans)

    showable_s = 0.0
    for index, of_clip in moments.items():
        for moment in of_clip:
            if moment.rejects:
                continue
            repeated_s = sum(overlap_s(moment.span, span) for span in repeated.get(index, ()))
            showable_s += max(0.0, moment.span.duration_s - repeated_s)
    return showable_s


def _longest_usable_s(moments: Sequence[UnscoredMoment]) -> float:
    """Seconds of the longest run of moments without fault."""
    spans = [moment.span for moment in moments if not moment.rejects]
    return max((span.duration_s for span in joined(spans, gap_s=_TOUCHING_S)), default=0.0)


def _with_keyframes(measures: ClipMeasures, scan: KeyframeScan | None) -> ClipMeasures:
    """With how the rest of the clip looks at its keyframes."""
    if scan is None or measures.elsewhere:
        return measures
    facts = measures.facts
    keyframes = tuple(shrunk_to(glance.luma, facts, SHOWN_SIDE) for glance in scan.glances)
    return replace(measures, elsewhere=keyframes)


def _measured(
    clip: ProbedClip,
    measures: ClipMeasures,
    scan: KeyframeScan | None,
    thoroughness: Thoroughness,
) -> MeasuredClip:
    moments = cut_into_moments(measures, thoroughness.max_moment_s)
    notes = (*clip.probe.notes, *_partly_seen(measures, scan), *_damaged(measures))
    return MeasuredClip(clip.clip, measures, moments, notes)


def _partly_seen(measures: ClipMeasures, scan: KeyframeScan | None) -> list[str]:
    """What to say of a clip that was not looked at as a whole."""
    seen_s = sum(span.duration_s for span in measures.looked_at)
    duration_s = measures.facts.duration_s
    if scan is None or seen_s >= duration_s - 1:
        return []

    seen = f"{seen_s:.0f} s of its {duration_s:.0f} s were looked at"
    if scan.glances:
        seen += f" closely, picked by {len(scan.glances)} of its keyframes"
    return [seen]


def _damaged(measures: ClipMeasures) -> list[str]:
    if not measures.damaged:
        return []
    damaged_s = sum(span.duration_s for span in measures.damaged)
    return [f"{damaged_s:.1f} s of what was looked at are damaged and left out"]


def _passed_over(clip: ProbedClip, scan: KeyframeScan) -> RejectedClip:
    """A clip of which no stretch was chosen."""
    if not scan.glances:
        code, message = ErrorCode.CLIP_UNREADABLE, "no keyframe of it can be decoded"
    else:
        code = ErrorCode.CLIP_PASSED_OVER
        message = (
            f"only {len(scan.glances)} of its keyframes were looked at; other clips promised more"
        )
    return RejectedClip(url=clip.clip.url, code=code, message=message)
