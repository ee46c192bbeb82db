"""What a composer is asked for and what it hands back.

Belongs here: the brief, the result, the protocol. Does not belong here: how anybody composes.
"""

from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from pydantic import Field

from montage_pipeline.music.model import BeatGrid
from montage_pipeline.records import Record
from montage_pipeline.styles import StyleName

SPARE_S = 2.5
"""Music composed beyond the length of the Reel, so that the edit may start up to a bar into it.

A bar of four beats lasts 2.4 s at 100 BPM.
"""


MAX_SILENT_S = 1.0
"""Of the Reel that may lack music because the file has silence before or after it: a breath. Longer
silence is told, and the music is refused.
"""


class MusicBrief(Record):
    """An order for the music of one Reel.

    `duration_s` is the length of the Reel; the music must last at least `needed_s`. `user_id`,
    `run_id` and `request_id` say who pays. The same `seed` asks for the same piece.
    """

    request_id: str
    user_id: UUID
    run_id: str | None = None
    mood: str
    style: StyleName
    prompt: str
    bpm: int = Field(ge=50, le=200)
    duration_s: float = Field(gt=0, le=600)
    seed: int

    @property
    def needed_s(self) -> float:
        """Minimum length of the music, in seconds."""
        return self.duration_s + SPARE_S


class ComposedMusic(Record):
    """A finished piece on this machine's disk.

    `path` is valid on this machine only. `prompt` is what the composer was asked for. `composer` is
    `user` for the user's own music, which nobody composed.
    """

    path: Path
    content_type: str
    duration_s: float = Field(gt=0)
    grid: BeatGrid
    mood: str
    prompt: str
    composer: Literal["fal", "local", "user"]
    model: str = ""
    provider_request_id: str | None = None
    seed: int
    warnings: tuple[str, ...] = ()


class Composer(Protocol):
    """Makes the music of a Reel."""

    def compose(self, brief: MusicBrief, workdir: Path) -> ComposedMusic:
        """Compose, and leave the audio file in `workdir` (which exists).

        Raises MontageError when trying again may help, PermanentError when it cannot.
        """
        ...
