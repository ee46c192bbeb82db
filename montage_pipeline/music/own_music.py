"""The user's own music in the place of a composer's.

Belongs here: fetching it, whether it will do, and making of it what a composer hands over.
Does not belong here: where it may come from (footage.fetch), its beats (beats).
"""

from pathlib import Path
from typing import Protocol

import av

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import shown_url
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.music.beats.tracker import track_beats
from montage_pipeline.music.composer import ComposedMusic, MusicBrief
from montage_pipeline.music.model import BeatGrid

MAX_S = 900.0
"""Longest music that is taken: its beats are tracked over the whole of it, in memory."""

_SAMPLE_RATE = 48_000
_TOLERANCE_S = 0.05  # lengths of compressed files are known to a codec frame
_OTHER_TEMPO = 0.05


class MusicFetcher(Protocol):
    """What is needed of the fetcher; `ClipFetcher` is one."""

    def fetch_music(self, url: str) -> FetchedClip:
        """The file on this machine."""
        ...


class OwnMusic:
    """Hands over the user's music: a composer that composes nothing and is paid nothing.

    `expected_bpm` is the tempo the user expects, if they said one.
    """

    def __init__(self, fetcher: MusicFetcher, url: str, expected_bpm: int | None = None) -> None:
        self._fetcher = fetcher
        self._url = url
        self._expected_bpm = expected_bpm

    def require(self, duration_s: float) -> float:
        """The music's length in seconds, found by fetching it and reading its end; for asking
        before anything is paid for.

        Raises PermanentError: "music_too_short" (details `missing_s`), "music_too_long",
        "music_not_audio", and as
        `ClipFetcher.fetch_music` does.
        """
        name = shown_url(self._url)
        length_s = _length_s(self._fetcher.fetch_music(self._url).path, name)
        missing_s = duration_s - length_s
        if missing_s > _TOLERANCE_S:
            raise PermanentError(
                ErrorCode.MUSIC_TOO_SHORT,
                f"{name} is {length_s:.1f} s long, the Reel {duration_s:g} s: {missing_s:.1f} s of music are missing. "
                "Give longer music or ask for a shorter Reel.",
                missing_s=round(missing_s, 3),
                duration_s=round(length_s, 3),
            )
        if length_s > MAX_S:
            raise PermanentError(
                ErrorCode.MUSIC_TOO_LONG,
                f"{name} is {length_s / 60:.0f} minutes long; at most {MAX_S / 60:.0f} are taken. Cut out the part that you want.",
                duration_s=round(length_s, 3),
            )
        return length_s

    def compose(self, brief: MusicBrief, workdir: Path) -> ComposedMusic:
        """Write `music.flac` (48 kHz stereo, 16 bits): the user's sound without pictures, tags and
        a codec's delay.

        Raises as `require` does.
        """
        self.require(brief.duration_s)
        path = workdir / "music.flac"
        _write_flac(self._fetcher.fetch_music(self._url).path, path, shown_url(self._url))
        grid = track_beats(path, None if self._expected_bpm is None else float(self._expected_bpm))
        return ComposedMusic(
            path=path,
            content_type="audio/flac",
            duration_s=_length_s(path, path.name),
            grid=grid,
            mood=brief.mood,
            prompt="",
            composer="user",
            seed=brief.seed,
            warnings=_warnings(grid, self._expected_bpm),
        )


def _warnings(grid: BeatGrid, expected_bpm: int | None) -> tuple[str, ...]:
    if grid.source == "onsets":
        return ("No steady beat was found in your music; cuts follow its strong onsets.",)
    if expected_bpm is not None and abs(grid.bpm / expected_bpm - 1) > _OTHER_TEMPO:
        return (
            f"Your music was expected to have {expected_bpm} BPM; {grid.bpm:.1f} were found, and cuts follow those.",
        )
    return ()


def _length_s(path: Path, name: str) -> float:
    """Seconds of sound, from the packets: what a header says may be an estimate, or missing."""
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            stream = next(
                (
                    one
                    for one in container.streams.audio
                    if one.codec_context and one.codec_context.sample_rate
                ),
                None,
            )
            if stream is None:
                raise PermanentError(
                    ErrorCode.MUSIC_NOT_AUDIO, f"{name} has no sound in it; give a file with music"
                )
            ends_s, starts_s = 0.0, float("inf")
            for packet in container.demux(stream):
                if packet.pts is not None and packet.time_base is not None:
                    starts_s = min(starts_s, float(packet.pts * packet.time_base))
                    ends_s = max(
                        ends_s, float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    )
    except av.FFmpegError as error:
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {error}"
        ) from error
    return max(0.0, ends_s - min(starts_s, ends_s))


def _write_flac(source: Path, path: Path, name: str) -> None:
    sound = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1"]
    encoded = [
        "-ac",
        "2",
        "-ar",
        str(_SAMPLE_RATE),
        "-sample_fmt",
        "s16",
        "-c:a",
        "flac",
        "-f",
        "flac",
        str(path),
    ]
    try:
        run_ffmpeg(
            ["-nostats", "-protocol_whitelist", "file", "-i", f"file:{source}", *sound, *encoded],
            code=ErrorCode.MUSIC_UNREADABLE,
        )
    except MontageError as error:
        # A full disk and the like may pass; what the file is at fault for will not.
        if error.code is not ErrorCode.MUSIC_UNREADABLE or "No space left" in error.message:
            raise
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {error.message}"
        ) from error
