"""The second pass: chosen spans of the clips measured closely, side by side.

Belongs here: which clip is measured when and by whom, and keeping what came out.
Does not belong here: which spans (attention), measuring (footage.measuring).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from montage_pipeline.analysis.model import RejectedClip
from montage_pipeline.analysis.scan.probed import ProbedClip
from montage_pipeline.analysis.scan.workers import Workers
from montage_pipeline.footage.decoding.plan import plan_decoding
from montage_pipeline.footage.measuring.calm import calm_spans
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.measuring.measures import ClipMeasures
from montage_pipeline.footage.model import ClipFacts
from montage_pipeline.spans import Span

_MIN_LIMIT_S = 120.0
"""For looking at a clip: a hundred times what it takes, so that a busy machine does not count."""

_SLOWEST_WORK_PER_S = 10.0
"""Megapixels decoded and measured: a thirtieth of what a core of today does."""

Spans = Mapping[int, Sequence[Span]]
"""What to measure of each clip, by its index; no spans: all of it."""

Results = dict[int, ClipMeasures | RejectedClip]
"""What came of each clip, by its index."""


@dataclass(frozen=True)
class Findings:
    """All that was measured of the clips, and the clips that failed at once, by index."""

    measures: dict[int, ClipMeasures]
    failed: dict[int, RejectedClip]

    def with_more(self, results: Results) -> "Findings":
        """Together with the results of a further round; what was measured before stays."""
        measures, failed = dict(self.measures), dict(self.failed)
        for index, result in results.items():
            if isinstance(result, RejectedClip):
                if index not in measures:
                    failed[index] = result
            elif index in measures:
                measures[index] = measures[index].with_more(result)
            else:
                measures[index] = result
        return Findings(measures, failed)


@dataclass(frozen=True)
class _Job:
    """One clip to measure: these spans (none: all of it) without their calm spans."""

    index: int
    clip: ProbedClip
    spans: Sequence[Span]
    calm: tuple[Span, ...]

    @property
    def work(self) -> float:
        """What it costs, in megapixels."""
        if not self.spans:
            return self.clip.work(self.clip.whole)
        planned = plan_decoding(self.spans, self.calm, self.clip.packets)
        return sum(self.clip.work(decoded.span) for decoded in planned)

    def run(self, workers: Workers) -> ClipMeasures | RejectedClip:
        """Measure the clip."""
        workers.onlooker.begun(self.clip.clip.url)
        url = self.clip.clip.url
        clip = self.clip.indexed(workers.decoder_threads)
        # An address may hold a secret, and what is measured is kept.
        nameless = replace(clip, facts=clip.facts.model_copy(update={"url": "", "version": ""}))
        max_s = _MIN_LIMIT_S + self.work / _SLOWEST_WORK_PER_S
        try:
            seen = workers.look_once(
                ClipMeasures,
                clip.facts,
                max_s,
                measure,
                nameless,
                self.spans,
                self.calm,
                asked=(tuple(self.spans), self.calm),
            )
            return seen if isinstance(seen, RejectedClip) else _of(seen, clip.facts)
        finally:
            workers.onlooker.done(url)


def _of(seen: ClipMeasures, clip: ClipFacts) -> ClipMeasures:
    """What was measured in the clip, as it is addressed now."""
    return replace(seen, facts=clip.model_copy(update={"varies": seen.facts.varies}))


def measure_spans(
    workers: Workers, clips: Sequence[ProbedClip], spans: Spans, *, skip_calm: bool
) -> Results:
    """Measure spans of clips. `skip_calm`: without decoding their calm spans."""
    jobs, results = _jobs(workers, clips, spans, skip_calm=skip_calm)

    # The most work first, so that none is left to run alone at the end.
    jobs.sort(key=lambda job: job.work, reverse=True)
    measured = workers.map(lambda job: job.run(workers), jobs)
    for job, result in zip(jobs, measured, strict=True):
        results[job.index] = result
    return results


def _jobs(
    workers: Workers, clips: Sequence[ProbedClip], spans: Spans, *, skip_calm: bool
) -> tuple[list[_Job], Results]:
    """The clips to measure, and those that failed while their calm spans were looked for."""

    def job_for(index: int) -> _Job | RejectedClip:
        clip, own_spans = clips[index], spans[index]
        if not skip_calm:
            return _Job(index, clip, own_spans, ())
        indexed = clip.indexed(workers.decoder_threads)
        calm = workers.look_once(
            tuple,
            clip.facts,
            _MIN_LIMIT_S,
            calm_spans,
            indexed,
            own_spans,
            asked=(tuple(own_spans),),
        )
        if isinstance(calm, RejectedClip):
            return calm
        return _Job(index, clip, own_spans, calm)

    jobs: list[_Job] = []
    failed: Results = {}
    for index, made in zip(spans, workers.map(job_for, spans), strict=True):
        if isinstance(made, _Job):
            jobs.append(made)
        else:
            failed[index] = made
    return jobs, failed
