"""Ctrl-C and other requests to stop: the first one lets a command clean up, the second ends it."""

import os
import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, `kill`, and a terminal that is closed."""


class Stopped(BaseException):
    """Somebody asked this process to stop. Not an Exception, so that nothing takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number
        """What a shell reports for a program that a signal ended."""


_asked: list[int] = []
"""The signal that came, if one did."""


def raise_if_asked() -> None:
    """Raise `Stopped` if a signal came and its exception was lost, as in a finaliser."""
    if _asked:
        raise Stopped(_asked[0])


def raise_stopped() -> None:
    """From now on, the first of these signals raises `Stopped` in the main thread.

    The second ends the process at once; the keeper then ends the servers that it started.
    """
    for number in _SIGNALS:
        # What was started to survive its terminal (nohup) stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _first)


def _first(number: int, _frame: FrameType | None) -> None:
    for other in _SIGNALS:
        if signal.getsignal(other) is not signal.SIG_IGN:
            signal.signal(other, _second)
    _asked.append(number)
    raise Stopped(number)


def _second(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)
