"""
Interruption by SIGTERM or Ctrl-C: one exception that unwinds everything, so that locks and partial files are tidied.
"""

import signal
import sys
from types import FrameType


class InterruptedBySignal(BaseException):
    """SIGTERM or SIGINT came."""


def _say_unless_interrupted(swallowed: "sys.UnraisableHookArgs") -> None:
    """Python prints what is raised in finalizers; an interruption there is raised again and told then."""
    if not issubclass(swallowed.exc_type, InterruptedBySignal):
        sys.__unraisablehook__(swallowed)


class Signals:
    """
    Turns SIGTERM and SIGINT into `InterruptedBySignal`, raised again every second until it has got through.

    HDF5 calls back into Python, and what is raised there may come out as another error, or not at all. While an
    exception is being handled nothing is raised again: what puts files in order is left to finish.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._numbers = [signal.SIGTERM, signal.SIGALRM]
        # A background job that is to ignore SIGINT goes on doing so.
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._numbers.append(signal.SIGINT)

    def listen(self) -> None:
        """Begin."""
        for number in self._numbers:
            signal.signal(number, self._interrupt)
        sys.unraisablehook = _say_unless_interrupted

    def stop(self) -> None:
        """No further exception: the process is about to end."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in self._numbers:
            signal.signal(number, signal.SIG_IGN)

    @property
    def exit_code(self) -> int:
        """143 after SIGTERM, else 130."""
        return 143 if self.received == signal.SIGTERM else 130

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        is_first = self.received is None
        self.received = self.received or number
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        if is_first or sys.exception() is None:
            raise InterruptedBySignal
