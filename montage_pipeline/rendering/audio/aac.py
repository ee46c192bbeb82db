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
from montage_pipeline.rendering.audio.samples import SAMPLE_RATE, Samples
from montage_pipeline.rendering.errors import RenderError

_FRAME_SAMPLES = 1024
"""Of AAC-LC."""

USUAL_QUALITY = 200
"""FFmpeg's number of a constant quality: about 225 kbit/s for a full mix, 150 for a voice.

By noise over the masking threshold it is no worse than FFmpeg's default search at a constant
192 kbit/s, which takes two to nine times as long: that searches every frame again and again for
ways to spend bits that nothing needs.
"""

FINE_QUALITY = 400
"""About 330 kbit/s for a full mix. Single frames of the usual quality miss their input by 4 dB, of
this one by 0.3.
"""


def encode_aac(sound: Samples, output: Path, quality: int = USUAL_QUALITY) -> None:
    """Write the sound as AAC-LC in ADTS frames, the last one filled with silence.

    The encoder puts one frame of delay first, and an MP4 needs an edit list to hide it, which Reels
    forbid. Leaving that frame out puts the first sample at time zero; it costs only a rise of the
    first 21 ms.

    Raises RenderError("sound_encoding_failed") with FFmpeg's reason.
    """
    wanted = -(-len(sound) // _FRAME_SAMPLES)
    try:
        written = _write_frames(sound, wanted, output, quality)
    except av.FFmpegError as error:
        raise RenderError(
            ErrorCode.SOUND_ENCODING_FAILED,
            f"the sound cannot be encoded to {output.name}: {error}",
        ) from error

    if written < wanted:
        raise RenderError(
            ErrorCode.SOUND_ENCODING_FAILED,
            f"the AAC encoder gave {written} of {wanted} frames",
        )


def _write_frames(sound: Samples, wanted: int, output: Path, quality: int) -> int:
    """Encode the first `wanted` frames; how many were written."""
    options = {"aac_coder": "fast", "flags": "+qscale", "global_quality": str(quality)}
    written = 0
    with av.open(f"file:{output}", "w", format="adts") as container:
        stream = container.add_stream(
            "aac", rate=SAMPLE_RATE, layout="stereo", format="fltp", options=options
        )
        # A frame more: the encoder gives a frame back only when the next one is in.
        frames = _padded(sound, wanted + 1).read_many(_FRAME_SAMPLES)
        for frame in (*frames, None):
            for packet in stream.encode(frame):
                if packet.pts is not None and packet.pts >= 0 and written < wanted:
                    container.mux(packet)
                    written += 1
    return written


def _padded(sound: Samples, frames: int) -> AudioFifo:
    """The sound with silence up to a number of frames."""
    planes = np.zeros((2, frames * _FRAME_SAMPLES), np.float32)
    planes[:, : len(sound)] = sound.T
    whole = AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
    whole.sample_rate, whole.pts, whole.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
    fifo = AudioFifo()
    fifo.write(whole)
    return fifo
