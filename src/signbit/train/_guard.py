"""Stop a run whose loss is not finite, before anything of it is saved."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from signbit.errors import TrainingError


class FiniteLoss(pl.Callback):
    """Raises a TrainingError that names the first step with a NaN or infinite loss."""

    def __init__(self):
        self._first_bad: Tensor | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nothing bad in this epoch so far."""
        self._first_bad = torch.full((), torch.iinfo(torch.int64).max, device=pl_module.device)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note a bad loss on the device; raise when it is looked at."""
        assert self._first_bad is not None
        bad = torch.where(outputs["loss"].isfinite(), self._first_bad, batch_idx)
        self._first_bad = torch.minimum(self._first_bad, bad)
        # On a GPU each look at the loss waits for the device: once an epoch it may.
        if pl_module.device.type == "cpu" or trainer.is_last_batch:
            self._raise_if_bad(trainer)

    def _raise_if_bad(self, trainer: pl.Trainer) -> None:
        assert self._first_bad is not None
        step = int(self._first_bad)
        if step < torch.iinfo(torch.int64).max:
            raise TrainingError(
                f"the loss is not finite in epoch {trainer.current_epoch + 1}, step {step + 1} "
                f"of {trainer.num_training_batches}; the checkpoint of the epoch before is "
                "intact. Lower the learning rate (--set optimizer.lr=...) or look at the data."
            )
