"""Small sound files in many containers and codecs; each shows a scenery of its own."""

from pathlib import Path
from typing import NamedTuple

from montage_pipeline_tests.footage.media import filmed, make_clip, scenery

SIZE, RATE, LONG_S = "320x180", "15", 2.4
MOVE = "x=20+3*n:y=20"
_SOUND = ("-f", "lavfi", "-i", "sine=440:sample_rate=44100")
_YUV = ("-pix_fmt", "yuv420p")


class Seed(NamedTuple):
    """A kind of file: its name, and how FFmpeg encodes it."""

    name: str
    encoding: tuple[str, ...]


SEEDS = (
    Seed("h264.mp4", ("-c:v", "libx264", "-preset", "fast", *_YUV, "-g", "10", "-c:a", "aac")),
    Seed("vp9.webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", *_YUV, "-c:a", "libopus")),
    Seed("h264.ts", ("-c:v", "libx264", "-preset", "fast", *_YUV, "-g", "10", "-c:a", "aac")),
    Seed("mpeg4.avi", ("-c:v", "mpeg4", "-q:v", "4", "-bf", "2", *_YUV, "-c:a", "libmp3lame")),
    Seed("hevc.mov", ("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", *_YUV,
                      "-x265-params", "log-level=none", "-c:a", "aac")),
    Seed("mjpeg.mov", ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le")),
    Seed("h264.mkv", ("-c:v", "libx264", "-preset", "fast", *_YUV, "-bf", "3", "-c:a", "flac")),
    Seed("prores.mov", ("-c:v", "prores_ks", "-profile:v", "0", "-pix_fmt", "yuv422p10le",
                        "-c:a", "pcm_s16le")),
    Seed("mpeg2.mpg", ("-c:v", "mpeg2video", *_YUV, "-r", "25", "-q:v", "4", "-c:a", "mp2")),
    Seed("h264.flv", ("-c:v", "libx264", "-preset", "fast", *_YUV, "-c:a", "aac")),
    Seed("wmv2.wmv", ("-c:v", "wmv2", *_YUV, "-q:v", "4", "-c:a", "wmav2")),
    Seed("mpeg2.mxf", ("-c:v", "mpeg2video", *_YUV, "-r", "25", "-q:v", "4", "-c:a", "pcm_s16le",
                       "-ar", "48000")),
    Seed("theora.ogv", ("-c:v", "libtheora", "-q:v", "6", *_YUV, "-c:a", "libvorbis")),
    Seed("fragmented.mp4", ("-c:v", "libx264", "-preset", "fast", *_YUV, "-g", "10", "-an",
                            "-movflags", "frag_keyframe+empty_moov+default_base_moof")),
)  # fmt: skip


def made(seed: Seed, folder: Path) -> Path:
    """The file."""
    number = 100 + SEEDS.index(seed)
    image = scenery(folder / f"scenery-{number}.png", seed=number)
    return make_clip(
        folder / seed.name,
        source=f"{filmed(image, MOVE)},setparams=colorspace=bt709",
        size=SIZE,
        rate=RATE,
        duration_s=LONG_S,
        before=_SOUND,
        output=(*seed.encoding, "-shortest"),
    )


def good_clip(folder: Path) -> Path:
    """A sound clip that shows what no seed does, long enough to be used."""
    image = scenery(folder / "good.png", seed=99)
    source = filmed(image, "x=20+2*n:y=20")
    return make_clip(folder / "good.mp4", source=source, rate="25", duration_s=3)
