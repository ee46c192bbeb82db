"""One edit in another shape: the same footage, cuts, music and colours, with crops of their own."""

from montage_pipeline.analysis.model import ClipAnalysis, Moment
from montage_pipeline.editing.framing.evidence import evidence_of
from montage_pipeline.editing.framing.reframe import framing_for
from montage_pipeline.editing.timeline import Segment, Timeline
from montage_pipeline.spans import Span, overlap_s
from montage_pipeline.vocabulary import Format


def in_format(timeline: Timeline, analysis: ClipAnalysis, shape: Format) -> Timeline:
    """The edit framed for another shape, by what the analysis saw of each segment.

    Its crops are not steadied yet: the enlargement that steadies one shape is not that of another.
    """
    size = shape.frame_size
    changes = {
        "format": shape,
        "width": size.width,
        "height": size.height,
        "segments": tuple(
            _reframed(timeline, analysis, segment, shape) for segment in timeline.segments
        ),
    }
    return timeline.model_copy(update=changes)


def _reframed(
    timeline: Timeline, analysis: ClipAnalysis, segment: Segment, shape: Format
) -> Segment:
    span = segment.source_span(timeline.fps.fraction)
    evidence = evidence_of(_moments_shown(analysis, segment, span))
    framing = framing_for(timeline.clips[segment.clip], shape.frame_size, span, evidence)
    return segment.model_copy(
        update={"crop": framing.crop, "crop_end": framing.crop_end, "steadying": ()}
    )


def _moments_shown(analysis: ClipAnalysis, segment: Segment, span: Span) -> list[Moment]:
    """The usable moments that a segment shows some of; a slow one, too."""
    return [
        moment
        for moment in analysis.clips[segment.clip].moments
        if overlap_s(Span(moment.start_s, moment.end_s), span) > 0
        and (not moment.rejects or moment.id == segment.moment)
    ]
