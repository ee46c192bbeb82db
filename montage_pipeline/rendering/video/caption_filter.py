"""A segment's caption as a filter of FFmpeg, with the script and the fonts that it reads.

Belongs here: which segment shows which caption.
Does not belong here: what may be drawn, and where (captions).
"""

from pathlib import Path

from montage_pipeline.captions.layout import plain_text, refuse_undrawable
from montage_pipeline.captions.script import Caption, drawn_caption
from montage_pipeline.editing.timeline import Segment, Timeline


def write_captions(timeline: Timeline, folder: Path) -> None:
    """Write the scripts and fonts of every caption of the timeline. Raises as `caption_of` does."""
    for segment in timeline.segments:
        if (caption := caption_of(timeline, segment)) is not None:
            caption.write(folder)


def caption_filters(timeline: Timeline, segment: Segment) -> tuple[str, ...]:
    """What draws the segment's caption on finished frames; empty when it has none."""
    caption = caption_of(timeline, segment)
    return () if caption is None else (caption.filter,)


def caption_of(timeline: Timeline, segment: Segment) -> Caption | None:
    """The segment's caption, if it has one.

    Raises PermanentError: "caption_unsupported", "caption_too_long".
    """
    text = plain_text(segment.caption)
    if not text:
        return None
    refuse_undrawable(text)
    return drawn_caption(text, timeline.format, timeline.width, timeline.height)
