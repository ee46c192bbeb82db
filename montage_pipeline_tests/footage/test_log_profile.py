"""Log footage is recognised by its tags, or by how flat it is; haze, snow and titles are no log. It
is shown with the contrast that it was filmed from.
"""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from montage_pipeline.footage.decoding.sample import frames_at
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.model import LogProfile
from montage_pipeline.footage.probe import probe
from montage_pipeline_tests.footage.media import (
    H264,
    HEVC_10,
    fetched,
    filmed,
    indexed,
    make_clip,
    scenery,
)
from montage_pipeline_tests.footage.strange import copied

FINE = (*H264, "-crf", "12")
MUTED = "hue=s=0.4"  # natural scenes have less colour than the generated one
SONY_XML = (
    b'<NonRealTimeMeta><AcquisitionRecord><Group name="CameraUnitMetadataSet">'
    b'<Item name="CaptureGammaEquation" value="%s"/></Group></AcquisitionRecord></NonRealTimeMeta>'
)


def s_log3(reflectance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sony's curve, by its technical summary: reflectance to the share of full code."""
    low = (reflectance * (171.2102946929 - 95) / 0.01125 + 95) / 1023
    high = (420 + np.log10((reflectance + 0.01) / (0.18 + 0.01)) * 261.5) / 1023
    return np.where(reflectance >= 0.01125, high, low)


def in_s_log3(folder: Path) -> str:
    """A filter that codes SDR video in S-Log3: its white reflects 90 %."""
    levels = s_log3(np.linspace(0, 1, 1024) ** 2.2 * 0.9)
    rows = "\n".join(f"{level:.6f} {level:.6f} {level:.6f}" for level in levels)
    (folder / "slog3.cube").write_text(f"LUT_1D_SIZE 1024\n{rows}\n")
    return f"format=gbrp16,lut1d=file={folder / 'slog3.cube'}"


def _clip(path: Path, filters: str = MUTED, output: tuple[str, ...] = FINE) -> Path:
    source = filmed(scenery(path.parent / "scenery.png", seed=9))
    return make_clip(path, source=source, filters=filters, output=output, duration_s=1.5)


def _log_of(path: Path) -> LogProfile | None:
    return probe(fetched(path)).log


@pytest.mark.parametrize("depth", [FINE, (*HEVC_10, "-crf", "12")], ids=["8 bits", "10 bits"])
def test_untagged_log_is_recognised_and_shown_as_it_was_filmed(
    depth: tuple[str, ...], tmp_path: Path
) -> None:
    plain = _clip(tmp_path / "plain.mp4", output=depth)
    flat = _clip(tmp_path / "flat.mp4", f"{MUTED},{in_s_log3(tmp_path)}", depth)
    assert _log_of(plain) is None
    log = _log_of(flat)
    assert log is not None
    assert (log.name, log.ceiling) == ("", 0.6)

    facts, as_filmed = probe(fetched(flat)), probe(fetched(plain))
    (wanted,) = frames_at(plain, as_filmed, [0.5], 320)
    (shown,) = frames_at(flat, facts, [0.5], 320)
    (as_shot,) = frames_at(flat, facts.model_copy(update={"log": None}), [0.5], 320)
    apart = [np.abs(frame.astype(int) - wanted).mean() for frame in (shown, as_shot)]
    assert apart[0] < 12
    assert apart[1] > 2 * apart[0]

    # Nor does measuring take it for pale: what is measured is what is shown.
    flat_sample, plain_sample = (measure(indexed(path)).samples[1] for path in (flat, plain))
    for figure in ("contrast", "highlights", "mean"):
        measured = [getattr(sample.exposure, figure) for sample in (flat_sample, plain_sample)]
        assert measured[0] == pytest.approx(measured[1], abs=0.08)
    assert flat_sample.colour == pytest.approx(plain_sample.colour, abs=0.15)


@pytest.mark.parametrize("clear", [0.3, 0.6, 0.75])
@pytest.mark.parametrize("airlight", [0.75, 0.95])
def test_haze_and_fog_are_no_log(clear: float, airlight: float, tmp_path: Path) -> None:
    veil = 255 * airlight * (1 - clear)
    veiled = ":".join(f"{channel}='{veil:.0f}+val*{clear}'" for channel in "rgb")
    assert _log_of(_clip(tmp_path / "fog.mp4", f"{MUTED},format=gbrp,lutrgb={veiled}")) is None


@pytest.mark.parametrize(
    "filters",
    ["eq=brightness=0.25:contrast=0.9", "eq=gamma=2.2", "eq=brightness=-0.3", "eq=contrast=0.4"],
    ids=["snow", "bright", "night", "grey"],
)
def test_other_light_is_no_log(filters: str, tmp_path: Path) -> None:
    assert _log_of(_clip(tmp_path / "clip.mp4", f"{MUTED},{filters}")) is None


def test_tags_name_the_profile(tmp_path: Path) -> None:
    plain = _clip(tmp_path / "plain.mp4")
    keys = ("-movflags", "use_metadata_tags", "-metadata")
    gamma = "com.apple.proapps.customgamma"
    names = {}
    for value in ("com.apple.rec2020.apple-log", "com.panasonic.v-log", "com.rec709"):
        tagged = copied(plain, tmp_path / "tagged.mov", *keys, f"{gamma}={value}")
        log = _log_of(tagged)
        names[value.rpartition(".")[2]] = log and log.name
        tagged.unlink()
    assert names == {"apple-log": "Apple Log", "v-log": "V-Log", "rec709": None}

    by_transfer = (*FINE, "-x264-params", "transfer=log100")
    log = _log_of(_clip(tmp_path / "transfer.mp4", output=by_transfer))
    assert log is not None
    titled = copied(plain, tmp_path / "my vlog.mp4", "-metadata", "title=V-Log: my vlog")
    assert _log_of(titled) is None


@pytest.mark.parametrize(
    ("value", "name"), [(b"s-log3-cine", "S-Log3"), (b"s-log2", "S-Log2"), (b"rec709", None)]
)
def test_what_sony_writes_is_read(value: bytes, name: str | None, tmp_path: Path) -> None:
    xml = SONY_XML % value
    box = struct.pack(">I4s4x", 20 + len(xml) + 4, b"meta") + struct.pack(
        ">I4s4x", 12 + len(xml), b"xml "
    )
    path = tmp_path / "C0001.MP4"
    path.write_bytes(_clip(tmp_path / "plain.mp4").read_bytes() + box + xml)
    log = _log_of(path)
    assert (log and log.name) == name


def test_what_apple_writes_is_read(tmp_path: Path) -> None:
    value = b"com.apple.rec2020.apple-log"
    extra = struct.pack(">I4s", 8 + len(value), b"logs") + value
    # At the end of the sample entry; the index stands at the end of the file.
    content = bytearray(_clip(tmp_path / "plain.mov").read_bytes())
    entry = content.index(b"avc1", content.index(b"stsd")) - 4
    (size,) = struct.unpack(">I", content[entry : entry + 4])
    content[entry + size : entry + size] = extra
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = content.index(name, content.index(b"moov")) - 4
        if name == b"minf":
            place = content.index(b"minf", content.index(b"mdia")) - 4
        grown = struct.unpack(">I", content[place : place + 4])[0] + len(extra)
        content[place : place + 4] = struct.pack(">I", grown)
    path = tmp_path / "IMG_0001.MOV"
    path.write_bytes(content)
    log = _log_of(path)
    assert log is not None
    assert log.name == "Apple Log"
