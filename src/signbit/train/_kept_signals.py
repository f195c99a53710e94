"""SIGTERM while several processes train."""

import signal
import threading

import lightning.pytorch as pl

from signbit.ranks import Ranks


class KeptSignals(pl.Callback):
    """Lets SIGTERM do in each of several ranks what it did before the run.

    Lightning's own handler sends the other ranks a message in the middle of a step. They may be at
    another message of the step, and then all wait for each other. `torchrun` sends the signal to
    all processes of a machine in any case.
    """

    def __init__(self, ranks: Ranks):
        self._ranks, self._handler = ranks, signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the place of Lightning's handler, which it has set by now."""
        is_main = threading.current_thread() is threading.main_thread()
        # None is a handler that is not Python's.
        if self._ranks.count > 1 and is_main and self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
