"""The handling of SIGTERM while several processes train."""

import signal
import threading

import lightning.pytorch as pl

from signbit.ranks import Ranks


class KeptSignals(pl.Callback):
    """Keeps the SIGTERM handler that each of several ranks had before the run.

    Lightning's own handler sends a message to the other ranks in the middle of a step. If they wait
    for another message of the step, all ranks wait for each other. The handler is not needed,
    because `torchrun` sends the signal to all processes of a machine.
    """

    def __init__(self, ranks: Ranks):
        self._ranks, self._handler = ranks, signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the handler that Lightning has just set."""
        is_main = threading.current_thread() is threading.main_thread()
        # None means that Python did not set the handler.
        if self._ranks.count > 1 and is_main and self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)
