"""What is known about a clip once it has been fetched and probed."""

from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field

from montage_pipeline.media.opening import MediaSource
from montage_pipeline.records import Record

ClipSource = MediaSource
"""Where a clip is read: a local file, or a loopback address that serves ranges of a stored clip."""


class FetchedClip(Record):
    """A clip's bytes on this machine.

    `url` is what the user gave. `path` holds on this machine only and is never stored. `version` is
    the source's own mark of this content (an ETag, say), empty when it gives none. `rebuilt` says
    that `path` is a copy of the clip's packets (footage.rebuilding); hash and size are the clip's.
    """

    url: str
    path: Path
    sha256: str
    bytes: int
    version: str = ""
    rebuilt: bool = False


class Ratio(Record):
    """An exact ratio of two whole numbers, e.g. 4/3."""

    num: int = Field(gt=0)
    den: int = Field(gt=0)

    @property
    def fraction(self) -> Fraction:
        """The ratio as a number."""
        return Fraction(self.num, self.den)


class FrameRate(Ratio):
    """An exact frame rate in frames per second, e.g. 30000/1001."""


class Box(Record):
    """A rectangle in shares of the displayed frame: 0..1, origin top left."""

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)


class Miniature(Record):
    """How a clip looked at a presentation time (s): upright and very small (footage.miniatures).

    `luma` has a hex digit for each pixel, from its darkest to its brightest one, which are `spread`
    levels of 255 apart. `chroma` has one for each pixel of U, then of V: `chroma_spread` levels
    below grey to as many above. It is empty in older documents.
    """

    time_s: float
    spread: int
    luma: str = Field(pattern=r"^[0-9a-f]*$")
    chroma_spread: int = 0
    chroma: str = Field(default="", pattern=r"^[0-9a-f]*$")


class Sphere(Record):
    """How much of the world around the camera an equirectangular frame shows: degrees to the left,
    to the right, up and down from straight ahead.
    """

    left_deg: float = Field(180.0, gt=0, le=180)
    right_deg: float = Field(180.0, gt=0, le=180)
    up_deg: float = Field(90.0, gt=0, le=90)
    down_deg: float = Field(90.0, gt=0, le=90)


class View(Record):
    """Which part of each stored frame is used as the clip's frame (footage.decoding.plain).

    `stored_width` and `stored_height` are of the whole frame. Of 3D video one `eye` is used: the
    left or the upper half. What is left, if it is a `sphere`, is seen straight ahead through a flat
    window.
    """

    stored_width: int
    stored_height: int
    eye: Literal["left", "upper"] | None = None
    sphere: Sphere | None = None


class LogProfile(Record):
    """A flat way of coding light, as cameras record it for grading: `name` is its maker's, "" where
    only its levels tell. `floor` and `ceiling` are the levels (0..1) of its black and its white.
    """

    name: str
    floor: float
    ceiling: float


class ClipFacts(Record):
    """What probing one clip gave.

    `width` and `height` are as displayed: after rotation, with square pixels. `coded_width` and
    `coded_height` are as stored, or what `view` makes of that: they are the clip's frame for all
    that comes after decoding. `varies` says that frames change their shape, or the way they are to
    be turned, on the way; each is then fitted into the clip's frame. `sample_aspect` is the width
    of a stored pixel over its height, None for square ones. `rotation_deg` is the clockwise turn a
    player applies.

    `start_s` is the presentation time of the first video frame. All clip times elsewhere are
    presentation times on the same clock, so the usable span is [start_s, start_s + duration_s).
    `end_hold_s` is how long the last frame stays on screen, None when that is not known.

    `color_space` is the YCbCr matrix ("gbr" for RGB) and `color_primaries` the gamut, both by
    FFmpeg's names, or "unknown". `hdr` follows from transfer and primaries together: HLG tags with
    BT.709 primaries are SDR. `log` says that the clip is shown through a normalising curve.

    `picture` is what lies inside burnt-in borders, known once the clip was looked at; None where
    there are none.

    `rebuilt` says that all this, times included, is that of a copy of the clip's packets
    (footage.rebuilding), which is then what is read.
    """

    url: str
    sha256: str
    bytes: int
    version: str = ""
    rebuilt: bool = False
    container: str
    video_codec: str
    video_stream: int
    coded_width: int
    coded_height: int
    width: int
    height: int
    sample_aspect: Ratio | None = None
    rotation_deg: Literal[0, 90, 180, 270]
    mirrored: bool = False
    pixel_format: str
    bit_depth: int
    full_range: bool
    interlaced: bool
    fps: FrameRate
    variable_frame_rate: bool
    start_s: float
    duration_s: float
    end_hold_s: float | None = None
    color_space: str
    color_primaries: str = "unknown"
    hdr: Literal["sdr", "hlg", "pq"]
    audio_codec: str | None
    audio_stream: int | None
    audio_channels: int | None
    audio_sample_rate: int | None
    view: View | None = None
    varies: bool = False
    log: LogProfile | None = None
    picture: Box | None = None

    @property
    def decoded_pixels(self) -> int:
        """Pixels of a frame as it is decoded."""
        if self.view is not None:
            return self.view.stored_width * self.view.stored_height
        return self.coded_width * self.coded_height
