"""Sound that plays slower than it was recorded, at its own pitch.

Belongs here: FFmpeg's way of doing it (WSOLA: overlapping windows laid further apart). Does not
belong here: which sound plays slower (editing), or reading it (reading).
"""

import av
import numpy as np
from av.audio.frame import AudioFrame

from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples

_SKIPPED_SAMPLES = 1024
"""FFmpeg's `atempo` begins half a window late: it takes the sound in windows of 2048 at 48 kHz."""


def slowed(sound: Samples, speed: float, samples: int) -> Samples:
    """`samples` samples of the sound at `speed` (0.5..1) of its own, from its first one on; silent
    where it ends.
    """
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_abuffer(format="fltp", sample_rate=SAMPLE_RATE, layout="stereo"),
        graph.add("atempo", f"{speed!r}"),
        graph.add("aformat", "sample_fmts=fltp"),
        graph.add("abuffersink"),
    ).configure()
    whole = np.pad(sound, ((_SKIPPED_SAMPLES, _SKIPPED_SAMPLES), (0, 0)))
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(whole.T), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0
    graph.push(frame)
    graph.push(None)
    heard = np.concatenate([np.zeros((0, 2), np.float32), *_pulled(graph)])[:samples]
    return np.pad(heard, ((0, samples - len(heard)), (0, 0)))


def _pulled(graph: av.filter.Graph) -> list[Samples]:
    pulled: list[Samples] = []
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return pulled
        assert isinstance(frame, AudioFrame)
        pulled.append(np.asarray(frame.to_ndarray().T, np.float32))
