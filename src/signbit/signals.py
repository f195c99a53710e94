"""SIGTERM and SIGHUP stop a command as Ctrl-C does: by an exception, so that it can clean up."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [signal.SIGTERM]
if sys.platform != "win32":  # which has no SIGHUP
    _SIGNALS.append(signal.SIGHUP)
# The last signal that asked this process to stop, until the command has ended.
_asked: signal.Signals | None = None
# A terminal that closes sends several signals at once. The later ones must not stop the clean-up.
_REPEAT_SECONDS = 1.0


class StopSignal(KeyboardInterrupt):
    """A signal asked this process to stop. Code that handles Ctrl-C handles this exception too."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signal.Signals(signum)


def signal_of(interrupt: BaseException | None) -> signal.Signals:
    """The signal that raised a KeyboardInterrupt. It is SIGINT (Ctrl-C) unless it says another."""
    return interrupt.signum if isinstance(interrupt, StopSignal) else signal.SIGINT


def stop_if_asked() -> None:
    """Raise StopSignal again if SIGTERM or SIGHUP came and its exception was lost.

    Python drops an exception that a signal raises in a destructor or in a callback of the garbage
    collector. So code that runs for a long time must call this function now and then.
    """
    if _asked is not None and threading.current_thread() is threading.main_thread():
        raise StopSignal(_asked)


@contextmanager
def stop_signals() -> Iterator[None]:
    """While the body runs, SIGTERM and SIGHUP raise StopSignal in the main thread.

    A signal that is ignored (`nohup`), or that the program handles itself, is left as it is. Called
    from another thread than the main one, this function changes nothing.
    """
    stopped_at = -_REPEAT_SECONDS

    def stop(signum: int, frame: FrameType | None) -> None:
        global _asked
        nonlocal stopped_at
        _asked = signal.Signals(signum)
        now = time.monotonic()
        if now - stopped_at >= _REPEAT_SECONDS:
            stopped_at = now
            raise StopSignal(signum)

    ours: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        ours = [one for one in _SIGNALS if signal.getsignal(one) == signal.SIG_DFL]
    for one in ours:
        signal.signal(one, stop)
    try:
        yield
    finally:
        _forget()
        for one in ours:
            signal.signal(one, signal.SIG_DFL)


def _forget() -> None:
    global _asked
    _asked = None
