"""360° video that no flat view is taken of is left out and said, whoever tagged it how."""

from collections.abc import Callable
from pathlib import Path

import pytest

from montage_pipeline.errors import ErrorCode, PermanentError
from montage_pipeline.footage.probe import probe, probe_with_notes
from montage_pipeline_tests.footage.media import H264, fetched, make_clip
from montage_pipeline_tests.footage.strange import tagged_360, tagged_projection

_INSTA360_MARK = b"8db42d694ccc418790edff439fe026bf"


def _gopro(plain: Path, output: Path) -> Path:
    """Two tracks of three faces each, as a GoPro MAX writes them."""
    second = ("-f", "lavfi", "-i", "testsrc2=size=400x112:rate=30")
    names = (
        *("-metadata:s:v:0", "handler_name=GoPro H.265"),
        *("-metadata:s:v:1", "handler_name=GoPro H.265"),
    )
    tracks = ("-map", "0:v", "-map", "1:v", *H264, *names)
    return make_clip(output, size="400x112", duration_s=0.5, before=second, output=tracks)


def _insta360(plain: Path, output: Path) -> Path:
    make_clip(output, size="320x160", duration_s=0.5)
    output.write_bytes(output.read_bytes() + bytes(40) + _INSTA360_MARK)
    return output


_MADE: dict[str, Callable[[Path, Path], Path]] = {
    "cube map": lambda plain, output: tagged_projection(plain, output, b"cbmp", bytes(8)),
    "cube map ": lambda plain, output: tagged_projection(
        plain, output, b"cbmp", bytes((0, 0, 0, 9)) + bytes(4)
    ),
    "projected on a mesh": lambda plain, output: tagged_projection(plain, output, b"mshp"),
    "fisheye": lambda plain, output: tagged_360(plain, output, projection="fisheye"),
    "not stitched": lambda plain, output: tagged_360(plain, output, stitched=False),
    "cube map, as a GoPro records it": _gopro,
    "fisheye, as an Insta360 records it": _insta360,
}


@pytest.mark.parametrize("kind", _MADE)
def test_a_bent_world_is_left_out_and_said(kind: str, tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mp4", duration_s=0.5)
    bent = _MADE[kind](plain, tmp_path / "bent.mp4")
    with pytest.raises(PermanentError) as caught:
        probe(fetched(bent))
    assert caught.value.code == ErrorCode.CLIP_NOT_FLAT
    assert f"360° video ({kind.strip()}); export a flat view" in caught.value.message


def test_flat_video_of_the_same_cameras_is_used(tmp_path: Path) -> None:
    flat = make_clip(tmp_path / "flat.mp4", size="320x180", duration_s=0.5)
    flat.write_bytes(flat.read_bytes() + bytes(40) + _INSTA360_MARK)
    assert probe(fetched(flat)).view is None

    plain = make_clip(tmp_path / "plain.mp4", duration_s=0.5)
    bounds = bytes(16)
    whole = tagged_projection(plain, tmp_path / "equi.mp4", b"equi", bounds)
    assert probe_with_notes(fetched(whole)).notes == (
        "it is 360° video; a flat view of 90° straight ahead is shown",
    )
