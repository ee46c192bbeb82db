"""Spans that need not be decoded: none has a shot change in it, shots go on across them, and
decoding is spared.
"""

from pathlib import Path

import pytest

from montage_pipeline.footage.measuring.calm import calm_spans
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import concatenated, filmed, indexed, scenery

pytestmark = pytest.mark.usefixtures("bare_footage")

RATE, SIZE = 15, "320x180"
LENGTHS_S = (6.4, 3.2, 5.2, 1.2, 4.0)
CUTS_S = (6.4, 9.6, 14.8, 16.0)


@pytest.mark.parametrize(
    ("b_frames", "gop"),
    [
        pytest.param("3", RATE, id="B-frames, short groups"),
        pytest.param("0", 2 * RATE, id="no B-frames, long groups", marks=pytest.mark.slow),
        pytest.param("0", RATE, id="no B-frames, short groups", marks=pytest.mark.slow),
        pytest.param("3", 2 * RATE, id="B-frames, long groups", marks=pytest.mark.slow),
    ],
)
def test_cuts_are_found_and_the_calm_is_not_decoded(
    tmp_path: Path, gop: int, b_frames: str
) -> None:
    scenes = []
    for place, length_s in enumerate(LENGTHS_S):
        view = scenery(tmp_path / f"{place}.png", seed=place + 40)
        scenes.append((filmed(view, "x=20+n:y=20").format(size=SIZE, rate=RATE), length_s))
    encoding = [
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "22", "-pix_fmt", "yuv420p"),
        *("-bf", b_frames, "-g", str(gop), "-sc_threshold", "0"),
    ]
    clip = indexed(concatenated(tmp_path / "film.mp4", scenes, encoding))
    spans = (Span(1.0, 8.0), Span(8.5, 13.0), Span(14.0, 18.5))
    calm = calm_spans(clip, spans)
    assert calm
    assert not any(part.start_s < cut_s < part.end_s for part in calm for cut_s in CUTS_S)

    thin, full = measure(clip, spans, calm), measure(clip, spans)
    half_frame_s = 0.5 / RATE
    assert times_of(thin.shots) == pytest.approx(times_of(full.shots), abs=half_frame_s)
    assert times_of(thin.looked_at) == pytest.approx(times_of(full.looked_at), abs=half_frame_s)
    assert thin.decoded_frames < 0.8 * full.decoded_frames

    steady = Span(1.2, 6.2)
    found, true = thin.between(steady), full.between(steady)
    assert found.sharpness == pytest.approx(true.sharpness, abs=0.05)
    assert found.motion == pytest.approx(true.motion, abs=0.1)
    assert found.stability == pytest.approx(true.stability, abs=0.1)


def times_of(spans: tuple[Span, ...]) -> list[float]:
    return [time_s for span in spans for time_s in span]
