"""`MusicTrack`: the music of one Reel and its beat grid."""

from typing import Literal

from pydantic import Field

from montage_pipeline.records import Record
from montage_pipeline.spans import Span

_TEMPO_TOLERANCE = 0.05
"""The band in which a tempo passes for the one asked for: at 120 BPM, 114 to 126."""


class BeatGrid(Record):
    """Where the beats are, in seconds from the start of the file, ascending.

    `downbeats_s` is a subset of `beats_s`; it is empty for onsets. `strong_s`, another subset,
    holds the moments where something big starts: the music itself, a section, a drop, the drums'
    return (each at its first downbeat) or a lone accent. `confidence` is 1 for a grid known by
    construction, and otherwise about the F-measure (within 70 ms) to expect of the beats. `source`
    says how the grid was found: known to the composer, tracked, or mere onsets.
    """

    bpm: float = Field(gt=0)
    beats_s: tuple[float, ...]
    downbeats_s: tuple[float, ...]
    strong_s: tuple[float, ...] = ()
    confidence: float = Field(ge=0, le=1)
    source: Literal["composed", "tracked", "onsets"]

    def misses_tempo(self, bpm: float) -> bool:
        """Whether the tempo is audibly another than `bpm`."""
        return abs(self.bpm / bpm - 1) > _TEMPO_TOLERANCE


class MusicTrack(Record):
    """The value of the `music_track` asset. The audio file is in the object store at `key`.

    `composer` is `user` for the user's own music; `prompt` is empty then, because nobody was asked
    for anything. `sounding` is where in the file there is music to hear, in seconds, ascending; a
    document without it says nothing of silence. `asked` is the SHA-256 of what it was made from;
    empty where nothing of ours made it. `kept_from` is the request of the earlier Reel that it was
    made for, where the user wants to keep it.
    """

    schema_version: Literal[1] = 1
    key: str
    sha256: str
    bytes: int
    content_type: str
    duration_s: float = Field(gt=0)
    grid: BeatGrid
    loudness_lufs: float
    true_peak_dbtp: float
    sounding: tuple[Span, ...] = ()
    mood: str
    prompt: str
    composer: Literal["fal", "local", "user"]
    model: str = ""
    provider_request_id: str | None = None
    seed: int
    warnings: tuple[str, ...] = ()
    asked: str = ""
    kept_from: str = ""
