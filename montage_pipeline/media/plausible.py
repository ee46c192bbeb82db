"""What a media file may claim and still be believed: one table, each limit with its reason.

A number in a file is written by whoever made the file. Nothing is allocated, counted through or
waited for by such a number before it was compared with this table.

Belongs here: the limits, whatever kind of file they hold for. Does not belong here: what is said
to the user, and in which order it is checked (footage.probing, footage.container).
"""

MAX_TRACKS = 64
"""Each is set up, and decoded a little, when a file is opened. A camera writes fewer than ten, a
recorded multiplex of a broadcaster some fifty.
"""

MIN_SIDE = 16
"""Pixels; nothing can be seen in less."""

MAX_SIDE = 16_384
"""Pixels; no camera films more."""

MAX_PIXELS = 8192 * 8192
"""Of a frame: a decoder holds a dozen of them, which are 2 GB at 10 bits."""

MAX_DURATION_S = 24 * 3600.0
"""A day. What is planned over all of a clip (where to look, what to hear) grows with it, and
recorders that run for longer begin new files.
"""

MAX_GAP_S = 2 * 3600.0
"""Between two frames. A screen recorder holds a frame for as long as nothing changes, slides of a
lecture for an hour; what leaps further has lost its clock.
"""

MAX_FRAMES = 5_000_000
"""Of a clip: a day at 58 frames per second. Each is a row in memory, with its time and size."""

MAX_FRAMES_PER_S = 1000.0
"""On average over a clip: cameras for slow motion take up to 960."""

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768_000
"""Samples of sound per second: telephones have 8000, and nothing that is sold records faster than
768000. The memory for a second of it grows with the rate.
"""

MAX_CHANNELS = 64
"""Of sound: third-order ambisonics has 16, a broadcast recorder 32."""


def is_plausible_sound(rate_hz: int, channels: int) -> bool:
    """Whether a rate (samples per second) and a number of channels can be those of a recording."""
    return MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and 1 <= channels <= MAX_CHANNELS
