"""What a delivered Reel shows and sounds like, told from its files and rows."""

import hashlib
import io
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import av
import httpx
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from montage_pipeline.costs.ledger import CostEntry
from montage_pipeline.requests.attempts.measures import RunMeasures
from montage_pipeline.requests.tables import ContentItemRow, MontageRequestRow
from montage_pipeline_tests.e2e.conftest import System


class HeardAndSeen(NamedTuple):
    """A hash of the encoded frames, the sound as samples, the music's file; how many chunks were
    made for it, and its rows on the ledger.
    """

    frames: str
    sound: NDArray[np.float32]
    music: bytes
    chunks_made: int
    ledger: Sequence[CostEntry]


def heard_and_seen(system: System, item: UUID) -> HeardAndSeen:
    """The newest Reel of an item."""
    services = system.services
    newest = services.library.newest_request(item)
    assert newest is not None
    with Session(services.engine) as session:
        row = session.get_one(ContentItemRow, item)
        request = session.get_one(MontageRequestRow, newest)
        measures = RunMeasures.model_validate(request.measures)
        owner = row.user_id
    with system.client(owner) as client:
        answer = client.get(f"/api/content-items/{item}").json()
    video, music = (httpx.get(answer[name]).content for name in ("generatedMediaUrl", "musicUrl"))
    return HeardAndSeen(
        _frames(video),
        sound_of(video),
        music,
        measures.chunks - measures.chunks_reused,
        services.ledger.entries(newest),
    )


def _frames(video: bytes) -> str:
    hashed = hashlib.sha256()
    with av.open(io.BytesIO(video), mode="r") as container:
        for packet in container.demux(video=0):
            hashed.update(bytes(packet))
    return hashed.hexdigest()


def sound_of(file: bytes) -> NDArray[np.float32]:
    """The sound of a video or of music, as mono samples at 48 kHz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=48_000)
    with av.open(io.BytesIO(file), mode="r") as container:
        frames = [*container.decode(audio=0), None]
        samples = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(samples)
