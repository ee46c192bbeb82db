"""How frames become H.264: the rules that every encoder is held to, and the software encoder.

Belongs here: what is the same for all encoders.
Does not belong here: which encoder is used (profiles), hardware (hardware), running one (chunks).

The rules: 4:2:0 BT.709 limited range; closed GOPs of at most 2 s; no B-frames, which would need an
edit list to start at zero; and a peak rate that keeps every second of the file below 25 Mbit/s.
"""

from dataclasses import dataclass

from montage_pipeline.editing.timeline import Timeline

MAX_GOP_S = 2
"""Players can start only at a keyframe: a jump lands at most 2 s off."""

MAX_BIT_RATE_MBPS = 25.0
"""Above this, Instagram refuses a Reel."""

# x264 starts with a full buffer: 25 Mbit in the worst second, sound not counted.
_MAX_RATE, _BUFFER = "20M", "5M"

BT709_TAGS = (
    "setsar=1,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    ":chroma_location=left:field_mode=prog"
)
"""The filters that end every chain: an encoder believes the frames, not its options, and chunks
must be encoded alike to be joined.
"""

OUTPUT_TAGS = (
    *("-color_range", "tv", "-colorspace", "bt709"),
    *("-color_primaries", "bt709", "-color_trc", "bt709"),
)
"""The same for the container."""


@dataclass(frozen=True)
class Encoding:
    """How frames are encoded.

    `options` follow the input; `filters` end the filter chain; `setup` precedes everything.
    """

    name: str
    options: tuple[str, ...]
    setup: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    hardware: bool = False

    def output_args(self, timeline: Timeline) -> list[str]:
        """Everything FFmpeg is told about the output's video."""
        gop_frames = int(timeline.fps.fraction * MAX_GOP_S)
        return [
            *self.options,
            *("-bf", "0", "-g", str(gop_frames)),
            *("-maxrate", _MAX_RATE, "-bufsize", _BUFFER),
            *OUTPUT_TAGS,
        ]


def x264_encoding(preset: str, crf: int, departures: str = "") -> Encoding:
    """The software encoder; `departures` are x264 parameters (a=1:b=2) that replace the preset's.

    One thread each: segments are encoded side by side, and the frames never depend on the number of
    cores.
    """
    options = ("-c:v", "libx264", "-preset", preset, "-crf", str(crf), "-threads", "1")
    # Scene-cut detection would add keyframes where the cuts are already.
    structure = ("-pix_fmt", "yuv420p", "-sc_threshold", "0", "-flags", "+cgop")
    extra = ("-x264-params", departures) if departures else ()
    return Encoding(
        name=" ".join(f"libx264 {preset} {departures} crf {crf}".split()),
        options=options + structure + extra,
    )
