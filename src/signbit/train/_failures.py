"""Failures that stop a run: numbers that are not finite, too little memory, a failing compiler."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import torch
import torch.distributed as dist
from torch import Tensor

from signbit.errors import TrainingError, first_line
from signbit.ranks import Ranks
from signbit.signals import stop_if_asked
from signbit.train._module import TrainingModule
from signbit.train.recipe import Recipe

_WAY_OUT = (
    "; the last checkpoint is intact. "
    "Lower the learning rate (--set optimizer.lr=...), or check the data"
)


class FiniteTraining(pl.Callback):
    """Raises a TrainingError that names the first step with a NaN or infinite loss.

    The sign of NaN is -1, so a latent weight may be NaN while the loss stays finite. The
    parameters are therefore checked too, at the end of each epoch that is saved.
    """

    def __init__(self):
        self._first_bad: Tensor | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forget the losses of the last epoch."""
        self._first_bad = torch.full((), torch.iinfo(torch.int64).max, device=pl_module.device)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note a bad loss on the device, and raise the error later, when the note is read.

        A signal, such as Ctrl-C, stops the run here.
        """
        stop_if_asked()
        assert self._first_bad is not None
        bad = torch.where(outputs["loss"].isfinite(), self._first_bad, batch_idx)
        self._first_bad = torch.minimum(self._first_bad, bad)
        # On a GPU, every reading of the note waits for the device. Once in an epoch is acceptable.
        if pl_module.device.type == "cpu" or trainer.is_last_batch:
            self._raise_if_bad(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the loss and the parameters of an epoch that will be saved."""
        assert isinstance(pl_module, TrainingModule)
        if not pl_module.recipe.evaluates(trainer.current_epoch):
            return
        state = {k: v for k, v in pl_module.model.state_dict().items() if v.is_floating_point()}
        finite = torch.stack([value.isfinite().all() for value in state.values()]).tolist()
        bad = [name for name, good in zip(state, finite, strict=True) if not good]
        if bad:
            raise TrainingError(
                f"{bad[0]} is not finite after epoch {trainer.current_epoch + 1}" + _WAY_OUT
            )

    def _raise_if_bad(self, trainer: pl.Trainer) -> None:
        assert self._first_bad is not None
        step = int(self._first_bad)
        if step < torch.iinfo(torch.int64).max:
            raise TrainingError(
                f"the loss is not finite in epoch {trainer.current_epoch + 1}, step {step + 1} "
                f"of {trainer.num_training_batches}" + _WAY_OUT
            )


@contextmanager
def machine_errors(recipe: Recipe, ranks: Ranks) -> Iterator[None]:
    """Turn errors of the machine and of other ranks into a TrainingError that names the way out."""
    try:
        yield
    # torch and its compiler raise kinds of RuntimeError for such failures.
    except (MemoryError, RuntimeError) as error:
        if _is_of_memory(error):
            raise TrainingError(
                f"there is too little memory: {_reason(error)}; train with a batch_size below "
                f"{recipe.batch_size}"
            ) from error
        if ranks.count > 1 and _is_of_peers(error):
            raise TrainingError(
                f"another process of this run has ended ({first_line(error)}); its message, or the "
                "end of torchrun's message, gives the reason. The last checkpoint is intact"
            ) from error
        if ranks.count > 1 and "parameters that were not used" in str(error):
            raise TrainingError(
                "a parameter of the network has no gradient, and the other processes wait for it; "
                "remove the parameter from the network, or freeze it with --set 'frozen=[NAME]'"
            ) from error
        if recipe.compile and _is_of_compiler(error):
            raise TrainingError(
                f"torch.compile failed: {_reason(error)}; install a C++ compiler (and Triton for a "
                "GPU), or train with compile=false"
            ) from error
        raise


def _is_of_memory(error: Exception) -> bool:
    on_cpu = "can't allocate memory" in str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or on_cpu


def _is_of_peers(error: Exception) -> bool:
    texts = ("gloo", "Connection closed by peer", "Connection reset by peer")
    return isinstance(error, dist.DistError) or any(text in str(error) for text in texts)


def _is_of_compiler(error: Exception) -> bool:
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))


def _reason(error: BaseException) -> str:
    """The first line of an error's message; for a compiler's error, of its back end's error."""
    inner = getattr(error, "inner_exception", None) or error
    return first_line(inner)
