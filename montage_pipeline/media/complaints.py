"""What FFmpeg's libraries complain of while something is decoded in this process.

Some damage is concealed without an error and without a mark on the frame: only the log tells.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import av.logging


@contextmanager
def complaints() -> Iterator[list[str]]:
    """The errors that are logged in the block, by any thread of this process; known at its end."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    said: list[str] = []
    try:
        with av.logging.Capture(local=False) as logged:
            yield said
        said += [message.strip() for severity, _, message in logged if severity <= av.logging.ERROR]
    finally:
        av.logging.set_level(level)
