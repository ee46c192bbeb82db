"""360° video of the kinds that FFmpeg says nothing of, by what is written into the file.

A crop of such frames shows a bent world, or a lens's circle in black. Boxes: Google's spherical
metadata, V1 (XML in a `uuid` box of a track) and V2 (`sv3d` in a sample entry). Cameras: GoPro's
`.360` holds two tracks, each of three faces of a cube and 64 columns that overlap; Insta360 ends
files with a mark of its own.

Does not belong here: what FFmpeg reads by itself (geometry).
"""

import re
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from av.video.stream import VideoStream

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.probing.boxes import DESCRIPTIONS, Box, boxes_at, entries_of

_TO_TRACKS = (b"moov", b"trak")
_VIDEO_ENTRY_BYTES = 78  # of a video's sample entry, before its boxes
_PROJECTIONS = ((b"cbmp", "cube map"), (b"mshp", "projected on a mesh"))

_SPHERICAL_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_MAX_XML_BYTES = 1 << 16
_STITCHED = re.compile(rb"GSpherical:Stitched>\s*(\w+)")
_PROJECTION = re.compile(rb"GSpherical:ProjectionType>\s*([\w-]{1,40})")
_FLAT_NAMES = ("equirectangular", "rectilinear")

_INSTA360_MARK = b"8db42d694ccc418790edff439fe026bf"
_OVERLAP_COLUMNS = 64  # of GoPro's tracks, beside three square faces


def refuse_bent(path: Path, tracks: Sequence[VideoStream]) -> None:
    """Raise PermanentError(CLIP_NOT_FLAT) for 360° video that no flat view is taken of."""
    kind = _of_cameras(path, tracks) or _of_boxes(path)
    if kind:
        raise not_flat(kind)


def not_flat(kind: str) -> PermanentError:
    """The error for 360° video of that kind."""
    return PermanentError(
        ErrorCode.CLIP_NOT_FLAT,
        f"it is 360° video ({kind}); export a flat view of it and use that",
    )


def _of_cameras(path: Path, tracks: Sequence[VideoStream]) -> str | None:
    sizes = [(track.width, track.height) for track in tracks]
    twins = len(sizes) > 1 and sizes[0] == sizes[1]
    if not sizes or not all(sizes[0]):
        return None
    width, height = sizes[0]
    handlers = {track.metadata.get("handler_name", "").strip() for track in tracks[:2]}
    if twins and width == 3 * height + _OVERLAP_COLUMNS and handlers == {"GoPro H.265"}:
        return "cube map, as a GoPro records it"
    if (width == 2 * height or (twins and width == height)) and _ends_as_insta360(path):
        return "fisheye, as an Insta360 records it"
    return None


def _ends_as_insta360(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - len(_INSTA360_MARK)))
        return file.read() == _INSTA360_MARK
    return False


def _of_boxes(path: Path) -> str | None:
    with suppress(OSError, struct.error), path.open("rb") as file:
        return _of_sample_entries(file) or _of_xml(file)
    return None


def _of_sample_entries(file: BinaryIO) -> str | None:
    for description in boxes_at(file, DESCRIPTIONS):
        for entry in entries_of(file, description):
            inner = entry._replace(start=entry.start + _VIDEO_ENTRY_BYTES)
            for name, kind in _PROJECTIONS:
                if any(boxes_at(file, (b"sv3d", b"proj", name), inner)):
                    return kind
    return None


def _of_xml(file: BinaryIO) -> str | None:
    for box in boxes_at(file, (*_TO_TRACKS, b"uuid")):
        xml = _content(file, box)
        if not xml.startswith(_SPHERICAL_V1):
            continue
        stitched, projection = _STITCHED.search(xml), _PROJECTION.search(xml)
        if stitched and stitched[1].lower() == b"false":
            return "not stitched"
        name = projection[1].decode("ascii") if projection else ""
        if name and name.lower() not in _FLAT_NAMES:
            return name
    return None


def _content(file: BinaryIO, box: Box) -> bytes:
    file.seek(box.start)
    return file.read(min(box.end - box.start, _MAX_XML_BYTES))
