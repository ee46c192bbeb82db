"""The first look: packets are read right from every container, keyframes seen, and spans measured
as in the whole clip.
"""

from pathlib import Path

import av
import pytest

from montage_pipeline.footage.decoding.packets import keyframe_times_s, span_work
from montage_pipeline.footage.measuring.coarse import glance_over
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import concatenated, filmed, indexed, scenery
from montage_pipeline_tests.footage.strange import cropped_by_its_container

pytestmark = pytest.mark.usefixtures("bare_footage")

SIZE, RATE, LONG_S = "320x180", 15, 14
_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-bf", "2", "-sc_threshold", "0")
KINDS: dict[str, tuple[str, ...]] = {
    "indexed.mp4": (*_H264, "-g", "15"),
    "fragments.mp4": (*_H264, "-g", "15", "-movflags", "frag_keyframe+empty_moov"),
    "cues.mkv": (*_H264, "-g", "15"),
    "none.ts": (*_H264, "-g", "15"),
    "one_key.mp4": (*_H264, "-g", "9999"),
    "all_keys.mov": ("-c:v", "prores_ks", "-profile:v", "0"),
    "all_keys.avi": ("-c:v", "mjpeg", "-q:v", "5", "-pix_fmt", "yuvj420p"),
}
CUTS_S = (5.2, 9.4)
# Measuring enters them as it enters the others.
RARER = ("indexed.mp4", "cues.mkv", "fragments.mp4", "all_keys.mov", "all_keys.avi")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes, cut where no keyframe is; each kind of file is made from it."""
    folder = tmp_path_factory.mktemp("film")
    lengths_s = (CUTS_S[0], CUTS_S[1] - CUTS_S[0], LONG_S - CUTS_S[1])
    scenes = []
    for seed, length_s in enumerate(lengths_s, start=1):
        view = scenery(folder / f"{seed}.png", seed=seed)
        scenes.append((filmed(view, "x=20+n:y=20").format(size=SIZE, rate=RATE), length_s))
    return concatenated(folder / "film.mkv", scenes, ["-c:v", "ffv1"])


def made(film: Path, name: str) -> Path:
    path = film.parent / name
    if not path.exists():
        pixels = "yuv422p10le" if name.endswith("mov") else "yuv420p"
        run_ffmpeg(["-y", "-i", str(film), "-pix_fmt", pixels, *KINDS[name], str(path)])
    return path


def true_keyframes_s(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sorted(
            float(packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.is_keyframe and packet.pts is not None
        )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("all_keys") else name
        for name in KINDS
    ],
)
def test_keyframes_are_known_and_seen_in_every_container(film: Path, name: str) -> None:
    path = made(film, name)
    clip, true_s = indexed(path), true_keyframes_s(path)
    packets = clip.packets
    assert len(packets.key_times_s) == len(true_s)
    # Some indexes list when a frame is decoded.
    assert packets.key_times_s == pytest.approx(true_s, abs=3.1 / RATE)
    known_s = keyframe_times_s(packets)
    assert known_s == (pytest.approx(true_s, abs=1e-3) if "all_keys" not in name else ())
    assert packets.sizes.sum() <= path.stat().st_size

    glances = glance_over(clip, max_work=1e9)
    assert len(glances) == min(len(true_s), LONG_S)
    for glance in glances:
        assert min(abs(glance.time_s - key_s) for key_s in true_s) < 1e-3
    assert len(glance_over(clip, max_work=0, min_count=3)) == min(len(true_s), 3)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in RARER else name for name in KINDS],
)
def test_spans_are_measured_as_in_the_whole_clip(film: Path, name: str) -> None:
    clip = indexed(made(film, name))
    at_s = clip.facts.start_s
    spans = (Span(at_s + 4.0, at_s + 6.5), Span(at_s + 9.0, at_s + 11.0))
    part = measure(clip, spans)
    frame_s = 1 / RATE
    for seen, asked in zip(part.looked_at, spans, strict=True):
        assert seen == pytest.approx(asked, abs=frame_s + 1e-3)
    changes_s = [
        shot.start_s - at_s
        for shot in part.shots
        if all(abs(shot.start_s - seen.start_s) > frame_s / 2 for seen in part.looked_at)
    ]
    assert changes_s == pytest.approx(CUTS_S, abs=frame_s / 2)
    assert part.decoded_frames <= sum(span.duration_s for span in spans) * RATE + 2

    whole = measure(clip)
    for span in (Span(at_s + 4.1, at_s + 5.1), Span(at_s + 9.6, at_s + 10.9)):
        found, true = part.between(span), whole.between(span)
        assert found.sharpness == pytest.approx(true.sharpness, abs=0.03)
        assert found.motion == pytest.approx(true.motion, abs=0.1)
        assert found.exposure == pytest.approx(true.exposure, abs=0.03)


def test_work_counts_the_way_from_the_last_keyframe(film: Path) -> None:
    late = Span(12.0, 13.0)
    near, far = (indexed(made(film, name)) for name in ("indexed.mp4", "one_key.mp4"))
    near_work = span_work(near.facts, near.packets, late)
    assert span_work(far.facts, far.packets, late) > 8 * near_work


def test_a_clip_cut_short_is_seen_up_to_there(film: Path, tmp_path: Path) -> None:
    whole = made(film, "none.ts").read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(whole[: len(whole) // 2])
    clip = indexed(path)
    glances = glance_over(clip, max_work=1e9)
    assert 4 <= len(glances) <= 8
    assert glances[-1].time_s < clip.facts.start_s + 0.6 * LONG_S


def test_keyframes_are_cropped_as_their_container_says(tmp_path: Path) -> None:
    path = cropped_by_its_container(tmp_path)
    clip = indexed(path)
    assert (clip.facts.width, clip.facts.height) == (634, 360)
    times_s = true_keyframes_s(path)
    glances = glance_over(clip, max_work=100)
    assert [glance.time_s for glance in glances] == pytest.approx(times_s)
    measured = measure(clip)
    assert not measured.damaged
    assert measured.decoded_frames == 50


def test_damage_leaves_the_other_keyframes(film: Path, tmp_path: Path) -> None:
    content = bytearray(made(film, "indexed.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path = tmp_path / "scratched.mp4"
    path.write_bytes(content)
    assert len(glance_over(indexed(path), max_work=1e9)) >= LONG_S // 2
