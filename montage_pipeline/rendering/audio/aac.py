"""Samples to a file of AAC.

Belongs here: the encoder and its delay. Does not belong here: loudness (master).
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame

from montage_pipeline.errors import ErrorCode
from montage_pipeline.rendering.audio.reading import SAMPLE_RATE, Samples
from montage_pipeline.rendering.errors import RenderError

_FRAME = 1024
# A constant quality: about 225 kbit/s for a full mix, 150 for a voice. By noise over the masking
# threshold it is no worse
# than FFmpeg's default search at a constant 192 kbit/s, which takes two to nine times as long: it
# searches every frame again
# and again for ways to spend bits that nothing needs.
_OPTIONS = {"aac_coder": "fast", "flags": "+qscale", "global_quality": "200"}


def encode_aac(sound: Samples, output: Path) -> None:
    """Write the sound as AAC-LC in ADTS frames, without the encoder's delay; the last frame is
    filled with silence.

    The encoder puts one frame of delay first, and an MP4 needs an edit list to hide it, which Reels
    forbid.
    Leaving that frame out puts the first sample at time zero; it costs only a rise of the first 21
    ms.
    Raises RenderError("sound_encoding_failed") with FFmpeg's reason.
    """
    wanted = -(-len(sound) // _FRAME)
    # A frame more: the encoder gives a frame back only when the next one is in.
    planes = np.zeros((2, (wanted + 1) * _FRAME), np.float32)
    planes[:, : len(sound)] = sound.T
    whole = AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
    whole.sample_rate, whole.pts, whole.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
    frames = AudioFifo()
    frames.write(whole)
    written = 0
    try:
        with av.open(f"file:{output}", "w", format="adts") as container:
            stream = container.add_stream(
                "aac", rate=SAMPLE_RATE, layout="stereo", format="fltp", options=_OPTIONS
            )
            for frame in (*frames.read_many(_FRAME), None):
                for packet in stream.encode(frame):
                    if packet.pts is not None and packet.pts >= 0 and written < wanted:
                        container.mux(packet)
                        written += 1
    except av.FFmpegError as error:
        raise RenderError(
            ErrorCode.SOUND_ENCODING_FAILED,
            f"the sound cannot be encoded to {output.name}: {error}",
        ) from error
    if written < wanted:
        raise RenderError(
            ErrorCode.SOUND_ENCODING_FAILED,
            f"the AAC encoder gave {written} frames where {wanted} were due",
        )
