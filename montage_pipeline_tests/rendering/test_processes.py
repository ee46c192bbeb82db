"""What a child that encodes does when its decoder finds a fault."""

from pathlib import Path

import numpy as np
import pytest

from montage_pipeline.rendering.video.processes import EncodingProcess
from montage_pipeline_tests.footage.media import H264, make_clip

_FRAMES = 750


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of `_FRAMES` frames that decodes wrongly from its first second on."""
    path = tmp_path_factory.mktemp("damaged") / "damaged.ts"
    make_clip(path, size="320x240", rate="25", duration_s=_FRAMES / 25, output=(*H264, "-g", "12"))
    content, chance = bytearray(path.read_bytes()), np.random.default_rng(2)
    for place in chance.integers(len(content) // 30, len(content), 60):
        content[place : place + 20] = chance.bytes(20)
    path.write_bytes(content)
    return path


def _encoded(damaged: Path, output: Path, *, ends_at_fault: bool) -> EncodingProcess:
    args = ("-nostdin", "-max_error_rate", "1", "-readrate", "8", "-i", str(damaged))
    to_nut = ("-c:v", "libx264", "-preset", "ultrafast", "-flush_packets", "1", "-f", "nut")
    process = EncodingProcess(
        [*args, *to_nut], output, "tested it", output.parent, ends_at_fault=ends_at_fault
    )
    try:
        process.finish()
    finally:
        process.kill()
    return process


def test_it_ends_at_the_first_fault_where_another_try_follows(
    damaged: Path, tmp_path: Path
) -> None:
    whole = _encoded(damaged, tmp_path / "whole.nut", ends_at_fault=False)
    begun = _encoded(damaged, tmp_path / "begun.nut", ends_at_fault=True)
    assert len(whole.decoder_faults) > len(begun.decoder_faults) >= 1
    assert whole.decoder_faults[0].split("]")[-1] == begun.decoder_faults[0].split("]")[-1]
    sizes = [(tmp_path / name).stat().st_size for name in ("whole.nut", "begun.nut")]
    assert sizes[1] < 0.5 * sizes[0]
