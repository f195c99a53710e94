"""The Lightning module: the training step, and the network that is evaluated and saved."""

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from signbit.layers import clip_latent_weights
from signbit.quantizers import set_progress
from signbit.train._averaging import AverageModel
from signbit.train._data import epoch_seed
from signbit.train._loss import label_loss, training_loss
from signbit.train._tally import EpochTally
from signbit.train._teacher import Teacher
from signbit.train.optimizers import build_optimizers
from signbit.train.recipe import Recipe


class TrainingModule(pl.LightningModule):
    """Trains `model` as a classifier by a recipe.

    The loss is a cross-entropy. For a model that ends in log-probabilities it is the same, because
    log_softmax does not change them. Nothing in a step waits for the device.

    average: the network that is evaluated and saved in place of `model`; None without `averaging`.

    Raises: UsageError where an optimizer of the recipe cannot train the model.
    """

    def __init__(
        self, model: nn.Module, recipe: Recipe, steps_per_epoch: int, teacher: Teacher | None = None
    ):
        super().__init__()
        if recipe.latent_optimizer is not None:
            recipe.latent_optimizer.check(model)
        # There may be several optimizers, and only the forward pass runs under autocast.
        self.automatic_optimization = False
        self.model, self.recipe, self.steps_per_epoch = model, recipe, steps_per_epoch
        averaging = recipe.averaging
        self.average = AverageModel(model, averaging.decay) if averaging else None
        self._teacher, self.tally = teacher, EpochTally()
        self._optimizers: list[torch.optim.Optimizer] = []

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated and saved."""
        return self.model if self.average is None else self.average.model

    def configure_optimizers(self) -> Any:
        """The recipe's optimizers; `training_step` sets their learning rates."""
        settings = self.recipe
        self._optimizers = build_optimizers(
            self.model, settings.optimizer, settings.latent_optimizer
        )
        for group in self._groups():
            group["initial_lr"] = group["lr"]
        return self._optimizers

    def on_fit_start(self) -> None:
        """Move the teacher to the device."""
        if self._teacher is not None:
            self._teacher.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Seed the random numbers of the forward pass, and tell quantizers the progress."""
        torch.manual_seed(epoch_seed(self.recipe.seed, self.current_epoch, "forward"))
        set_progress(self, self.current_epoch / max(self.recipe.epochs - 1, 1))
        self.tally.reset()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Forward, backward, step; returns the loss of the batch."""
        inputs, labels = batch
        step = self.current_epoch * self.steps_per_epoch + batch_index
        with self._autocast():
            outputs = self.model(inputs).float()
            taught = None if self._teacher is None else self._teacher(inputs)
        settings = self.recipe.loss
        loss = training_loss(outputs, labels, settings, taught, self.recipe.distillation)
        self._step(loss, step)
        self.tally.add(loss, outputs, labels)
        return loss

    def _step(self, loss: Tensor, step: int) -> None:
        """Update the parameters, clip latent weights, and update the moving average."""
        base = self.recipe.optimizer.lr
        rate = self.recipe.schedule.lr(step / self.steps_per_epoch, self.recipe.epochs, base)
        for group in self._groups():
            group["lr"] = group["initial_lr"] * (rate / base)
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        if self.recipe.latent_clip is not None:
            clip_latent_weights(self.model, self.recipe.latent_clip)
        if self.average is not None:
            self.average.update(self.model, step)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """After the last batch, log the epoch's figures, and measure the average's batch norms."""
        if not self.trainer.is_last_batch:
            return
        loss, accuracy = self.tally.means()
        self.log_dict(
            {"loss": loss, "accuracy": accuracy}, on_step=False, on_epoch=True, batch_size=1
        )
        if self.average is not None and self.recipe.evaluates(self.current_epoch):
            # Measured without autocast, like validation, because the network is used in float32.
            self.average.measure(self.model, self.trainer.datamodule.plain_inputs())  # pyright: ignore

    def on_validation_epoch_start(self) -> None:
        """Start anew."""
        self.tally.reset()

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        """Accumulate loss and accuracy on images held out."""
        inputs, labels = batch
        # Not the compiled network: it would be compiled again for float32 and for the last batch.
        outputs = self.evaluated.forward(inputs)
        self.tally.add(label_loss(outputs, labels, self.recipe.loss, 0.0), outputs, labels)

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the images held out."""
        loss, accuracy = self.tally.means()
        self.log_dict({"val_loss": loss, "val_accuracy": accuracy})

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def _autocast(self) -> torch.autocast:
        enabled = self.recipe.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)
