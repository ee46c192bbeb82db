"""Numbers that a file claims are no sizes: each is refused, or not believed, within little memory
and time.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from montage_pipeline.analysis.scan.probed import ProbedClip, probe_clip
from montage_pipeline.errors import PermanentError
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.rendering.audio.reading import read_sound
from montage_pipeline_tests.footage.media import fetched
from montage_pipeline_tests.hostile import crafted

LITTLE = Budget(20.0, memory_bytes=700 << 20)
"""What reading any of these may use: some twenty times what it takes."""


def _probed(path: Path) -> ProbedClip:
    return isolated(LITTLE, None, probe_clip, fetched(path))


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (crafted.leaping_clock, "clip_implausible", r"28\.1 hours long"),
        (crafted.endless, "clip_no_video", "single frame"),
        (crafted.crowded, "clip_implausible", "125 frames within"),
        (crafted.huge_frames, "clip_bad_size", "16000x16000; the limit is 67 megapixels"),
        (
            lambda folder: crafted.huge_frames(folder, (320, 180)),
            "clip_unreadable",
            "cannot read it",
        ),
        (crafted.many_tracks, "clip_unreadable", "more than 64 tracks"),
    ],
    ids=["leap", "endless", "crowded", "huge", "huge in disguise", "tracks"],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], code: str, words: str
) -> None:
    with pytest.raises(PermanentError, match=words) as caught:
        _probed(make(tmp_path))
    assert caught.value.code == code


def test_a_title_that_is_not_utf_8_is_no_fault(tmp_path: Path) -> None:
    assert _probed(crafted.latin_1_title(tmp_path)).facts.duration_s == pytest.approx(2, abs=0.1)


def test_a_length_that_is_only_claimed_counts_for_nothing(tmp_path: Path) -> None:
    clip = _probed(crafted.claimed_long(tmp_path))
    assert clip.facts.duration_s == pytest.approx(2, abs=0.1)
    assert len(clip.packets.times_s) == 50


@pytest.mark.parametrize("claimed_hz", [2e9, 1.0])
def test_sound_of_an_absurd_rate_is_left_out_and_said(tmp_path: Path, claimed_hz: float) -> None:
    path = crafted.fast_sound(tmp_path, claimed_hz)
    clip = _probed(path)
    assert clip.facts.audio_stream is None
    assert any("samples per second" in note for note in clip.probe.notes)
    with pytest.raises(PermanentError, match="samples per second") as caught:
        read_sound(path, 1, 0.5, 48_000)
    assert caught.value.code == "audio_unreadable", "and nobody else takes it at its word"
