"""A timeline whose shaky segments are steadied, where nothing else is decoded of it."""

from collections.abc import Mapping

from montage_pipeline.editing.decoded.segment_frames import camera_paths
from montage_pipeline.editing.steadying.steadied import restless_spans, steadied_along
from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.footage.model import ClipSource


def steadied_timeline(
    timeline: Timeline, stability: Mapping[str, float], sources: Mapping[str, ClipSource]
) -> Timeline:
    """The timeline with its shaky segments steadied where that takes away half of the shake.

    The used spans of segments from restless moments are decoded: `stability` has the analysis's
    score of each moment by id. `sources` maps clip URL to where it is read; raises as
    `edit_frames`.
    """
    spans = restless_spans(timeline, stability)
    return steadied_along(timeline, camera_paths(timeline, sources, spans))
