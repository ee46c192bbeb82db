"""Encoding a segment with its clip entered ever earlier, until the decoder finds nothing wrong.

Belongs here: how often and from where it is tried, whoever encodes. Does not belong here: encoding
(ffmpeg_chunk, moviepy_chunk), what the finished frames show (rendering.check).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isinf
from pathlib import Path

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.logs import get_logger
from montage_pipeline.rendering.errors import CLIP_FAULTS, RenderError
from montage_pipeline.rendering.video.chunks.file import check_chunk
from montage_pipeline.rendering.video.chunks.model import ChunkJob
from montage_pipeline.rendering.video.seeking import Entry, next_earlier_s

_log = get_logger(__name__)

_NEAR_START_S = 60.0
"""A segment within this of its clip's start is then decoded from the start, too. Of others the
check of the finished file tells whether that is needed.
"""

Encode = Callable[[Entry], list[str]]
"""Writes the chunk, as far as the entry lets it; returns what the decoder found wrong."""


def encode_segment(
    job: ChunkJob, output: Path, encode: Encode, is_stopped: Callable[[], bool]
) -> None:
    """Encode a segment into `output`.

    Raises MontageError naming the segment where its clip is at fault, however early it is entered
    (`CLIP_FAULTS`); what else `encode` raises, as it is.
    """
    *entries_s, last_s = _entries_s(job)
    for earlier_s in entries_s:
        fault = _fault(job, output, encode, Entry(earlier_s, ends_at_fault=True))
        if fault is None or is_stopped():
            return
        _log.info("segment_entered_earlier", segment=job.name, reason=fault)

    with _naming(job):
        faults = encode(Entry(last_s, ends_at_fault=False))
    if is_stopped():
        return
    if faults:
        _log.warning("decoder_faults", segment=job.name, fault=faults[0])
    check_chunk(output, job)


def _entries_s(job: ChunkJob) -> list[float]:
    into_clip_s = job.segment.source_in_s - job.facts.start_s
    entries_s = [job.earlier_s]
    while (earlier_s := next_earlier_s(entries_s[-1], into_clip_s)) is not None:
        if isinf(earlier_s) and into_clip_s > _NEAR_START_S:
            break
        entries_s.append(earlier_s)
    return entries_s


def _fault(job: ChunkJob, output: Path, encode: Encode, entry: Entry) -> str | None:
    """What was wrong with the clip when it was entered there."""
    try:
        with _naming(job):
            faults = encode(entry)
        if not faults:
            check_chunk(output, job)
    except MontageError as error:
        # Entered earlier, what took too long would take longer.
        if error.code not in CLIP_FAULTS - {ErrorCode.CLIP_TOO_DEMANDING}:
            raise
        return error.message
    return faults[0] if faults else None


@contextmanager
def _naming(job: ChunkJob) -> Iterator[None]:
    """Have what a clip's decoder ended with name the segment."""
    try:
        yield
    except MontageError as error:
        if error.code not in CLIP_FAULTS or "segment" in error.details:
            raise
        kind = PermanentError if error.code.permanent else RenderError
        raise kind(error.code, f"{job.name}: {error.message}", segment=job.number) from error
