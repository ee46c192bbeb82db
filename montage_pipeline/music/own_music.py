"""The user's own music in the place of a composer's.

Belongs here: fetching it, whether it will do, and turning it into what a composer hands over.
Does not belong here: where it may come from (footage.fetching), its beats (beats).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import av

from montage_pipeline.errors import ErrorCode, MontageError, PermanentError
from montage_pipeline.footage.model import FetchedClip
from montage_pipeline.footage.names import clip_name
from montage_pipeline.footage.probing.encryption import encrypted_tracks
from montage_pipeline.media.ffmpeg import run_ffmpeg
from montage_pipeline.media.isolation.calls import isolated
from montage_pipeline.media.isolation.limits import Budget
from montage_pipeline.media.opening import SOUND_FORMATS, input_args, open_media, reason_of
from montage_pipeline.media.packets import demuxed
from montage_pipeline.music.beats.tracker import beats_of
from montage_pipeline.music.composer import MAX_SILENT_S, ComposedMusic, MusicBrief
from montage_pipeline.music.listening import MAX_LISTENING_S, Listened, listen_to
from montage_pipeline.music.model import BeatGrid

MAX_S = 900.0
"""Maximum length of the music: all of it is decoded into memory for its beats."""

_SAMPLE_RATE = 48_000
_LENGTH_TOLERANCE_S = 0.05
"""A compressed file is as long as its codec frames: 26 ms each in MP3, 43 ms in AAC at 24 kHz."""


class MusicFetcher(Protocol):
    """What is needed of the fetcher; `ClipFetcher` is one."""

    def fetch_music(self, url: str) -> FetchedClip:
        """The file on this machine."""
        ...


class OwnMusic:
    """Hands over the user's music: a composer that composes nothing and is paid nothing.

    `expected_bpm` is the tempo that the user named, if any.
    """

    def __init__(self, fetcher: MusicFetcher, url: str, expected_bpm: int | None = None) -> None:
        self._fetcher = fetcher
        self._url = url
        self._expected_bpm = expected_bpm

    def require(self, duration_s: float) -> float:
        """Check that the music is there and long enough; its length in seconds.

        Fetches the file and listens to it to its end. Called before anything is paid for.

        PermanentError: `music_too_short` (details `missing_s`), `music_too_long`, `music_silent`,
        `music_encrypted`, `music_not_audio`, and those of `ClipFetcher.fetch_music`.
        """
        name = clip_name(self._url)
        path = self._fetcher.fetch_music(self._url).path
        _refuse_encrypted(path, name)
        _refuse_too_long(_packets_length_s(path, name), name)
        return _suitable(path, duration_s, name).duration_s

    def compose(self, brief: MusicBrief, workdir: Path) -> ComposedMusic:
        """Write `music.flac` (48 kHz stereo, 16 bits) into `workdir`.

        The file holds the sound alone: no video, no tags, no codec delay. Raises as `require` does.
        """
        name, path = clip_name(self._url), workdir / "music.flac"
        source = self._fetcher.fetch_music(self._url).path
        _refuse_too_long(_packets_length_s(source, name), name)
        _write_flac(source, path, name)
        heard = _suitable(path, brief.duration_s, name)
        grid = beats_of(heard, None if self._expected_bpm is None else float(self._expected_bpm))
        return ComposedMusic(
            path=path,
            content_type="audio/flac",
            duration_s=heard.duration_s,
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
    if expected_bpm is not None and grid.misses_tempo(expected_bpm):
        return (
            f"You expected {expected_bpm} BPM; your music has {grid.bpm:.1f}, and cuts follow "
            "that.",
        )
    return ()


def _refuse_encrypted(path: Path, name: str) -> None:
    if "audio" in encrypted_tracks(path):
        raise PermanentError(
            ErrorCode.MUSIC_ENCRYPTED,
            f"{name} is encrypted (copy-protected): only the app or shop it comes from can play "
            "it. Use a copy without protection.",
        )


def _refuse_too_long(length_s: float, name: str) -> None:
    if length_s > MAX_S:
        raise PermanentError(
            ErrorCode.MUSIC_TOO_LONG,
            f"{name} is {length_s / 60:.0f} minutes long; the maximum is {MAX_S / 60:.0f}. Cut "
            "out the part you want.",
            duration_s=round(length_s, 3),
        )


def _suitable(path: Path, duration_s: float, name: str) -> Listened:
    """The music of a file that will do for a Reel; raises as `OwnMusic.require` does."""
    try:
        heard = listen_to(path)
    except PermanentError as error:
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {error.message}"
        ) from error
    if not heard.sounding:
        raise PermanentError(
            ErrorCode.MUSIC_SILENT,
            f"{name} is silent from beginning to end: there is no music in it. Give another file.",
            duration_s=round(heard.duration_s, 3),
        )
    _refuse_too_short(heard, duration_s, name)
    return heard


def _refuse_too_short(heard: Listened, duration_s: float, name: str) -> None:
    """Silence before and after the music does not count, but for a moment of it."""
    is_short = duration_s - heard.duration_s > _LENGTH_TOLERANCE_S
    if not is_short and duration_s - heard.music_s <= MAX_SILENT_S:
        return
    silent = "" if is_short else f" and {heard.duration_s - heard.music_s:.1f} s of it silent"
    missing_s = duration_s - (heard.duration_s if is_short else heard.music_s)
    raise PermanentError(
        ErrorCode.MUSIC_TOO_SHORT,
        f"{name} is {heard.duration_s:.1f} s long{silent}, the Reel {duration_s:g} s: "
        f"{missing_s:.1f} s of music are missing. Give longer music or ask for a shorter Reel.",
        missing_s=round(missing_s, 3),
        duration_s=round(heard.duration_s, 3),
    )


def _packets_length_s(path: Path, name: str) -> float:
    """About the seconds of sound, from the packets: what a header says may be missing or wrong."""
    try:
        return isolated(Budget(MAX_LISTENING_S), None, _read_packets_length_s, path, name)
    except PermanentError as error:
        if error.code is ErrorCode.MUSIC_NOT_AUDIO:
            raise
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {error.message}"
        ) from error


def _read_packets_length_s(path: Path, name: str) -> float:
    try:
        with open_media(path, SOUND_FORMATS) as container:
            stream = _decodable_stream(container.streams.audio)
            if stream is None:
                raise PermanentError(
                    ErrorCode.MUSIC_NOT_AUDIO, f"{name} has no sound in it; give a file with music"
                )
            return _packets_s(demuxed(container, stream))
    except av.FFmpegError as error:
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {reason_of(error)}"
        ) from error


def _decodable_stream(streams: Iterable[av.AudioStream]) -> av.AudioStream | None:
    """The first audio stream that FFmpeg has a decoder for and knows the rate of."""
    for stream in streams:
        if stream.codec_context and stream.codec_context.sample_rate:
            return stream
    return None


def _packets_s(packets: Iterable["av.Packet[av.AudioStream]"]) -> float:
    """Seconds from the start of the first packet to the end of the last."""
    start_s, end_s = float("inf"), 0.0
    for packet in packets:
        if packet.pts is not None and packet.time_base is not None:
            packet_end = packet.pts + (packet.duration or 0)
            start_s = min(start_s, float(packet.pts * packet.time_base))
            end_s = max(end_s, float(packet_end * packet.time_base))
    return max(0.0, end_s - min(start_s, end_s))


def _write_flac(source: Path, path: Path, name: str) -> None:
    """Transcode; PermanentError `music_not_audio` when the file is at fault."""
    sound_only = ["-map", "0:a:0", "-vn", "-sn", "-dn"]
    no_metadata = ["-map_metadata", "-1", "-map_chapters", "-1"]
    stereo = ["-ac", "2", "-ar", str(_SAMPLE_RATE), "-sample_fmt", "s16"]
    flac = ["-c:a", "flac", "-f", "flac", str(path)]
    read = ["-nostats", *input_args(source, SOUND_FORMATS)]
    try:
        run_ffmpeg(
            [*read, *sound_only, *no_metadata, *stereo, *flac], code=ErrorCode.MUSIC_UNREADABLE
        )
    except MontageError as error:
        # A full disk or a killed FFmpeg may pass; what the file is at fault for will not.
        if error.code is not ErrorCode.MUSIC_UNREADABLE or "No space left" in error.message:
            raise
        raise PermanentError(
            ErrorCode.MUSIC_NOT_AUDIO, f"{name} cannot be read as music: {error.message}"
        ) from error
