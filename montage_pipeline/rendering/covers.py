"""The covers of a Reel as files: its poster, and what may take the poster's place."""

from pathlib import Path

from montage_pipeline.editing.timeline import Timeline
from montage_pipeline.rendering.poster import write_poster


def write_covers(video: Path, timeline: Timeline, folder: Path) -> list[Path]:
    """Write every cover of the timeline to `folder`, in their order, from the finished file.

    Raises MontageError("poster_failed") with FFmpeg's reason.
    """
    written = []
    for rank, cover in enumerate(timeline.covers, start=1):
        output = folder / f"cover-{rank}.jpg"
        # FFmpeg gives the first frame that begins no earlier; half a frame before it, rounding
        # cannot take a neighbour.
        at_s = max(0.0, (cover.frame - 0.5) / float(timeline.fps.fraction))
        write_poster(video, output, at_s)
        written.append(output)
    return written
