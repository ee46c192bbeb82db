"""The first look: packets are read right from every container, key frames seen, and stretches
measured as in the whole clip.
"""

from pathlib import Path

import av
import pytest

from montage_pipeline.footage.decoding.packets import entries_s, read_packets, span_work
from montage_pipeline.footage.measuring.coarse import glance_over
from montage_pipeline.footage.measuring.measure import measure
from montage_pipeline.footage.probe import probe
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.spans import Span
from montage_pipeline_tests.footage.media import fetched, filmed, scenery

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
# Measuring enters them as it enters one of the others.
RARER = ("cues.mkv", "fragments.mp4", "all_keys.mov", "all_keys.avi")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes, cut where no key frame is; each kind of file is made from it."""
    folder = tmp_path_factory.mktemp("film")
    inputs: list[str] = []
    for seed, seconds in ((1, CUTS_S[0]), (2, CUTS_S[1] - CUTS_S[0]), (3, LONG_S - CUTS_S[1])):
        source = filmed(scenery(folder / f"{seed}.png", seed=seed), "x=20+n:y=20").format(
            size=SIZE, rate=RATE
        )
        inputs += ["-f", "lavfi", "-t", f"{seconds:.3f}", "-i", source + ",setsar=1"]
    path = folder / "film.mkv"
    run_ffmpeg(
        [
            "-y",
            *inputs,
            "-filter_complex",
            "[0:v][1:v][2:v]concat=n=3:v=1",
            "-c:v",
            "ffv1",
            str(path),
        ]
    )
    return path


def made(film: Path, name: str) -> Path:
    path = film.parent / name
    if not path.exists():
        pixels = "yuv422p10le" if name.endswith("mov") else "yuv420p"
        run_ffmpeg(["-y", "-i", str(film), "-pix_fmt", pixels, *KINDS[name], str(path)])
    return path


def true_keys(path: Path) -> list[float]:
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
        pytest.param(name, marks=pytest.mark.slow) if name == "all_keys.avi" else name
        for name in KINDS
    ],
)
def test_key_frames_are_known_and_seen_in_every_container(film: Path, name: str) -> None:
    path = made(film, name)
    clip = fetched(path)
    facts, keys = probe(clip), true_keys(path)
    table = read_packets(path, facts)
    assert len(table.key_times_s) == len(keys)
    assert table.key_times_s == pytest.approx(
        keys, abs=3.1 / RATE
    )  # some indexes tell when a picture is decoded
    entries = entries_s(facts, table)
    assert entries == (pytest.approx(keys, abs=1e-3) if "all_keys" not in name else ()), (
        "places to enter are presentation times"
    )
    assert table.sizes.sum() <= clip.bytes
    glances = glance_over(path, facts, table, most_work=1e9)
    assert len(glances) == min(len(keys), LONG_S)
    assert all(min(abs(glance.time_s - key) for key in keys) < 1e-3 for glance in glances)
    assert len(glance_over(path, facts, table, most_work=0, least=3)) == min(len(keys), 3)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in RARER else name for name in KINDS],
)
def test_stretches_are_measured_as_in_the_whole_clip(film: Path, name: str) -> None:
    path = made(film, name)
    facts = probe(fetched(path))
    at_s = facts.start_s
    spans = (Span(at_s + 4.0, at_s + 6.5), Span(at_s + 9.0, at_s + 11.0))
    part = measure(path, facts, spans, read_packets(path, facts))
    frame_s = 1 / RATE
    for seen, asked in zip(part.looked_at, spans, strict=True):
        assert seen == pytest.approx(asked, abs=frame_s + 1e-3)
    changes = [
        shot.start_s - at_s
        for shot in part.shots
        if all(abs(shot.start_s - seen.start_s) > frame_s / 2 for seen in part.looked_at)
    ]
    assert changes == pytest.approx(CUTS_S, abs=frame_s / 2)
    assert part.decoded_frames <= sum(span.duration_s for span in spans) * RATE + 2
    whole = measure(path, facts)
    for span in (Span(at_s + 4.1, at_s + 5.1), Span(at_s + 9.6, at_s + 10.9)):
        one, other = part.between(span), whole.between(span)
        assert one.sharpness == pytest.approx(other.sharpness, abs=0.03)
        assert one.motion == pytest.approx(other.motion, abs=0.1)
        assert one.exposure == pytest.approx(other.exposure, abs=0.03)


def test_work_counts_the_way_from_the_last_key_frame(film: Path) -> None:
    late = Span(12.0, 13.0)
    costs = []
    for name in ("indexed.mp4", "one_key.mp4"):
        path = made(film, name)
        facts = probe(fetched(path))
        costs.append(span_work(facts, read_packets(path, facts), late))
    assert costs[1] > 8 * costs[0]


def test_damage_leaves_what_can_be_seen(film: Path, tmp_path: Path) -> None:
    whole = made(film, "none.ts").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole[: len(whole) // 2])
    facts = probe(fetched(cut))
    glances = glance_over(cut, facts, read_packets(cut, facts), most_work=1e9)
    assert 4 <= len(glances) <= 8
    assert glances[-1].time_s < facts.start_s + 0.6 * LONG_S
    scratched = tmp_path / "scratched.mp4"
    content = bytearray(made(film, "indexed.mp4").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    scratched.write_bytes(content)
    facts = probe(fetched(scratched))
    assert (
        len(glance_over(scratched, facts, read_packets(scratched, facts), most_work=1e9))
        >= LONG_S // 2
    )
