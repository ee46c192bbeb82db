"""Made-up analyses and music for the editing tests: exact where a test needs it, random where it
does not.
"""

import random
from collections.abc import Sequence
from itertools import pairwise

from montage_pipeline.analysis.model import (
    AnalysedClip,
    AnalystFacts,
    ClipAnalysis,
    Moment,
    QualityScores,
    RejectReason,
    TimeSpan,
)
from montage_pipeline.footage.model import Box, ClipFacts, FrameRate
from montage_pipeline.music.model import BeatGrid, MusicTrack


def facts(
    name: str,
    duration_s: float,
    *,
    fps: FrameRate | None = None,
    width: int = 1920,
    height: int = 1080,
    **changes: object,
) -> ClipFacts:
    fields: dict[str, object] = {
        "url": f"https://clips.example/{name}.mp4",
        "sha256": f"{name:0>64}",
        "bytes": 1,
        "container": "mp4",
        "video_codec": "h264",
        "video_stream": 0,
        "coded_width": width,
        "coded_height": height,
        "width": width,
        "height": height,
        "rotation_deg": 0,
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "full_range": False,
        "interlaced": False,
        "fps": fps or FrameRate(num=30, den=1),
        "variable_frame_rate": False,
        "start_s": 0.0,
        "duration_s": duration_s,
        "color_space": "bt709",
        "hdr": "sdr",
        "audio_codec": "aac",
        "audio_stream": 1,
        "audio_channels": 2,
        "audio_sample_rate": 48000,
    }
    return ClipFacts.model_validate(fields | changes)


def moment(
    clip: int,
    number: int,
    start_s: float,
    end_s: float,
    *,
    rejected: bool = False,
    seed: int = 0,
    **changes: object,
) -> Moment:
    """A moment whose scores are drawn from its own place, so that the same place always scores the
    same.
    """
    draw = random.Random(f"{seed}/{clip}/{number}")
    subject = Box(
        x=draw.uniform(0, 0.6),
        y=draw.uniform(0, 0.6),
        width=draw.uniform(0.05, 0.4),
        height=draw.uniform(0.05, 0.4),
    )
    names = ("sharpness", "exposure", "stability", "motion", "colour", "faces", "speech")
    fields: dict[str, object] = {
        "id": f"c{clip}m{number}",
        "clip": clip,
        "start_s": start_s,
        "end_s": end_s,
        "scores": QualityScores(**{name: draw.random() for name in names}),
        "quality": draw.random(),
        "interest": draw.random(),
        "hook": draw.random(),
        "subject": subject if draw.random() < 0.5 else None,
        "fingerprint": f"{draw.getrandbits(64):016x}",
        "rejects": (RejectReason(code="blurred", message="out of focus"),) if rejected else (),
    }
    # Drawn after the rest, which stays as it is.
    length_s = end_s - start_s
    gone_s, back_s = (
        start_s + length_s * share for share in sorted((draw.random(), draw.random()))
    )
    fields["without_subject"] = (
        (TimeSpan(start_s=gone_s, end_s=back_s),) if draw.random() < 0.3 else ()
    )
    fields["peak_s"] = start_s + length_s * draw.random() if draw.random() < 0.3 else None
    fields["role"] = draw.choice(("opening", "scene", "ending", None))
    return Moment.model_validate(fields | changes)


def analysis(
    clips: Sequence[tuple[ClipFacts, Sequence[Moment]]],
    shots: Sequence[Sequence[TimeSpan]] | None = None,
    hook: str = "",
) -> ClipAnalysis:
    """The analysis of these clips; each is one shot unless `shots` says otherwise.

    The hook is the best-scored usable moment.
    """
    usable = sorted(
        (m for _, moments in clips for m in moments if not m.rejects), key=lambda m: -m.hook
    )
    analysed = tuple(
        AnalysedClip(
            facts=clip,
            shots=tuple(shots[i])
            if shots
            else (TimeSpan(start_s=clip.start_s, end_s=clip.start_s + clip.duration_s),),
            moments=tuple(moments),
        )
        for i, (clip, moments) in enumerate(clips)
    )
    return ClipAnalysis(
        clips=analysed,
        rejected_clips=(),
        hook_moment=hook or (usable[0].id if usable else ""),
        best_moments=tuple(m.id for m in usable[:5]),
        mood="bright",
        music_prompt="bright pop",
        suggested_bpm=120,
        analyst=AnalystFacts(name="local"),
    )


def steady_clips(
    count: int, length_s: float, moment_s: float = 5.0, seed: int = 0, **changes: object
) -> ClipAnalysis:
    """`count` one-shot clips of `length_s`, cut into moments of `moment_s`.

    As measured: nobody looked at them and named roles or best instants.
    """
    clips = []
    for clip in range(count):
        edges = [round(i * moment_s, 6) for i in range(int(length_s / moment_s) + 1)]
        moments = [
            moment(clip, i, a, b, seed=seed, role=None, peak_s=None)
            for i, (a, b) in enumerate(pairwise(edges))
        ]
        clips.append((facts(f"clip{clip}", length_s, **changes), moments))  # type: ignore[arg-type]
    return analysis(clips)


def clips_of(*lengths_s: float, hook: float | None = None) -> ClipAnalysis:
    """One clip of one moment for each length, as measured: nobody named a role or an instant. With
    that hook score, when one is given.
    """
    changes = {"role": None, "peak_s": None} | ({} if hook is None else {"hook": hook})
    return analysis(
        [
            (facts(f"clip{i}", length_s), [moment(i, 0, 0, length_s).model_copy(update=changes)])
            for i, length_s in enumerate(lengths_s)
        ]
    )


def music(
    beats_s: Sequence[float],
    duration_s: float,
    *,
    downbeats_s: Sequence[float] | None = None,
    bpm: float = 120.0,
) -> MusicTrack:
    downbeats = tuple(beats_s[::4]) if downbeats_s is None else tuple(downbeats_s)
    return MusicTrack(
        key="work/r/music.wav",
        sha256="0" * 64,
        bytes=1,
        content_type="audio/wav",
        duration_s=duration_s,
        grid=BeatGrid(
            bpm=bpm,
            beats_s=tuple(beats_s),
            downbeats_s=downbeats,
            confidence=1.0,
            source="composed",
        ),
        loudness_lufs=-14.0,
        true_peak_dbtp=-1.0,
        mood="bright",
        prompt="bright pop",
        composer="local",
        seed=1,
    )


def steady_music(bpm: float, duration_s: float, first_s: float = 0.0) -> MusicTrack:
    beat_s = 60 / bpm
    return music(
        [first_s + i * beat_s for i in range(int((duration_s - first_s) / beat_s) + 1)],
        duration_s,
        bpm=bpm,
    )
