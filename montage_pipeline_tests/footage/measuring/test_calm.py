"""Parts that need not be decoded: none has a change of shot in it, shots go on across them, and
decoding is spared.
"""

from pathlib import Path

import pytest

from montage_pipeline.footage.decoding.packets import read_packets
from montage_pipeline.footage.measuring.calm import calm_parts
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, filmed, scenery

RATE, SIZE = 15, "320x180"
LENGTHS_S = (6.4, 3.2, 5.2, 1.2, 4.0)
CUTS_S = (6.4, 9.6, 14.8, 16.0)


@pytest.mark.parametrize(
    ("frames", "gop"),
    [
        pytest.param("3", RATE, id="B-frames, short groups"),
        pytest.param("0", 2 * RATE, id="no B-frames, long groups"),
        pytest.param("0", RATE, id="no B-frames, short groups", marks=pytest.mark.slow),
        pytest.param("3", 2 * RATE, id="B-frames, long groups", marks=pytest.mark.slow),
    ],
)
def test_cuts_are_found_and_the_calm_is_not_decoded(tmp_path: Path, gop: int, frames: str) -> None:
    inputs: list[str] = []
    for seed, length_s in enumerate(LENGTHS_S):
        source = filmed(scenery(tmp_path / f"{seed}.png", seed=seed + 40), "x=20+n:y=20").format(
            size=SIZE, rate=RATE
        )
        inputs += ["-f", "lavfi", "-t", str(length_s), "-i", source + ",setsar=1"]
    path = tmp_path / "film.mp4"
    chain = (
        "".join(f"[{place}:v]" for place in range(len(LENGTHS_S)))
        + f"concat=n={len(LENGTHS_S)}:v=1"
    )
    coded = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "22",
        "-bf",
        frames,
        "-g",
        str(gop),
        "-sc_threshold",
        "0",
    ]
    run_ffmpeg(["-y", *inputs, "-filter_complex", chain, *coded, "-pix_fmt", "yuv420p", str(path)])
    facts = probe(fetched(path))
    table, spans = read_packets(path, facts), (Span(1.0, 8.0), Span(8.5, 13.0), Span(14.0, 18.5))
    calm = calm_parts(path, facts, table, spans)
    assert calm
    assert not any(part.start_s < cut_s < part.end_s for part in calm for cut_s in CUTS_S)
    thin, every = measure(path, facts, spans, table, calm), measure(path, facts, spans, table)
    frame_s = 1 / RATE
    assert [value for shot in thin.shots for value in shot] == pytest.approx(
        [value for shot in every.shots for value in shot], abs=0.5 * frame_s
    )
    assert [value for span in thin.looked_at for value in span] == pytest.approx(
        [value for span in every.looked_at for value in span], abs=0.5 * frame_s
    )
    assert thin.decoded_frames < 0.8 * every.decoded_frames
    steady = Span(1.2, 6.2)
    one, other = thin.between(steady), every.between(steady)
    assert one.sharpness == pytest.approx(other.sharpness, abs=0.05)
    assert one.motion == pytest.approx(other.motion, abs=0.1)
    assert one.stability == pytest.approx(other.stability, abs=0.1)
