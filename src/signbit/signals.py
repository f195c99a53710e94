"""SIGTERM and SIGHUP end a command as Ctrl-C does: by an exception that cleans up on its way."""

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
# The last one that asked this process to end, until the command has ended.
_asked: signal.Signals | None = None
# A terminal that closes sends several at once; the later ones must not cut the cleaning up.
_REPEAT_SECONDS = 1.0


class StopSignal(KeyboardInterrupt):
    """A signal asked this process to end; all that handles Ctrl-C handles it."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signal.Signals(signum)


def signal_of(interrupt: BaseException | None) -> signal.Signals:
    """The signal that raised a KeyboardInterrupt: SIGINT, which is Ctrl-C, for a plain one."""
    return interrupt.signum if isinstance(interrupt, StopSignal) else signal.SIGINT


def stop_if_asked() -> None:
    """Raise StopSignal once more where SIGTERM or SIGHUP came, and somebody dropped the exception.

    Python drops an exception that a signal raises in a destructor or a callback of the garbage
    collector: what runs for long calls this now and then.
    """
    if _asked is not None and threading.current_thread() is threading.main_thread():
        raise StopSignal(_asked)


@contextmanager
def stop_signals() -> Iterator[None]:
    """Raise StopSignal in the main thread at SIGTERM and SIGHUP, in the body.

    A signal that is ignored (`nohup`) or that the program handles itself stays as it is, and so do
    all in another thread than the main one.
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
