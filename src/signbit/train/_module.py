"""The Lightning module: the training step, and the network that is evaluated and saved."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from signbit.layers import clip_latent_weights
from signbit.quantizers import set_progress
from signbit.train._averaging import AverageModel
from signbit.train._batch import as_float32, call, detached, forward
from signbit.train._epoch_data import epoch_seed
from signbit.train._group import ALONE, Group
from signbit.train._joint_norms import agree_on_buffers, joint_norms
from signbit.train._objective import Objective
from signbit.train._patterns import freeze, keep_statistics, require_matches
from signbit.train._tally import EpochTally
from signbit.train._teacher import Teacher
from signbit.train.optimizers import build_optimizers
from signbit.train.recipe import Recipe


class TrainingModule(pl.LightningModule):
    """Trains `model` by a recipe. Nothing in a step waits for the device.

    objective: the loss and the metrics; None for the cross-entropy of classes.
    average: the network that is evaluated and saved in place of `model`; None without `averaging`.
    group: the processes that train together. Their models have equal parameters in every step.

    Raises: UsageError if an optimizer of the recipe cannot train the model, or if a pattern of the
        recipe matches nothing in it.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        steps_per_epoch: int,
        teacher: Teacher | None = None,
        objective: Objective | None = None,
    ):
        super().__init__()
        freeze(model, recipe.frozen or ())
        require_matches(
            "groups", recipe.groups or (), [name for name, _ in model.named_parameters()]
        )
        if recipe.latent_optimizer is not None:
            recipe.latent_optimizer.check(model)
        # There can be several optimizers, and only the forward pass may run under autocast.
        self.automatic_optimization = False
        self.model, self.recipe, self.steps_per_epoch = model, recipe, steps_per_epoch
        averaging = recipe.averaging
        self.average = AverageModel(model, averaging.decay) if averaging else None
        self.objective = Objective.of_classes(recipe) if objective is None else objective
        self._teacher, self.tally = teacher, EpochTally(self.objective.metrics)
        self._optimizers: list[torch.optim.Optimizer] = []
        self.group = ALONE

    @contextmanager
    def joined(self, group: Group) -> Iterator[None]:
        """Inside this context, train together with the other ranks of a group."""
        self.group = group
        is_joint = group.ranks.count > 1 and self.recipe.batch_norms is None
        with joint_norms(self.model, group) if is_joint else nullcontext():
            yield

    @property
    def evaluated(self) -> nn.Module:
        """The network that is evaluated and saved."""
        return self.model if self.average is None else self.average.model

    def configure_optimizers(self) -> Any:
        """The optimizers of the recipe. `training_step` sets their learning rates."""
        settings = self.recipe
        self._optimizers = build_optimizers(
            self.model, settings.optimizer, settings.latent_optimizer, settings.groups
        )
        for group in self._groups():
            group["initial_lr"] = group["lr"]
        return self._optimizers

    def on_fit_start(self) -> None:
        """Move the teacher, the loss and the metrics to the device."""
        self.objective.to(self.device)
        if self._teacher is not None:
            self._teacher.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Seed the random numbers of the forward pass, and pass the progress to the quantizers."""
        seed = epoch_seed(self.recipe.seed, self.current_epoch, "forward", self.group.ranks)
        torch.manual_seed(seed)
        keep_statistics(self.model, self.recipe.frozen or ())
        set_progress(self, self.current_epoch / max(self.recipe.epochs - 1, 1))
        self.tally.reset()

    def training_step(self, batch: tuple[Any, Any], batch_index: int) -> Tensor:
        """Run the forward pass, the backward pass and the step; returns the loss of the batch."""
        inputs, targets = batch
        step = self.current_epoch * self.steps_per_epoch + batch_index
        with self._autocast():
            outputs = as_float32(call(self.model, inputs))
            taught = None if self._teacher is None else self._teacher(inputs)
        loss = self.objective.training_loss(outputs, targets, taught)
        self._step(loss, step)
        self.tally.add(loss.detach(), detached(outputs), targets)
        return loss

    def _step(self, loss: Tensor, step: int) -> None:
        """Update the parameters, clip latent weights, and update the moving average."""
        base = self.recipe.optimizer.lr
        rate = self.recipe.schedule.lr(step / self.steps_per_epoch, self.recipe.epochs, base)
        for group in self._groups():
            group["lr"] = group["initial_lr"] * (rate / base)
        if self.group.ranks.count == 1:
            loss.backward()
        else:
            self.manual_backward(loss)  # averages the gradients over all ranks
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
        self.log_dict(
            self.tally.joint_means(self.group), on_step=False, on_epoch=True, batch_size=1
        )
        if not self.recipe.evaluates(self.current_epoch):
            return
        agree_on_buffers(self.model, self.group)
        if self.average is not None:
            # Measured without autocast, like validation, because the network is used in float32.
            inputs = self.trainer.datamodule.plain_inputs()  # pyright: ignore
            self.average.measure(self.model, inputs, self.group)

    def on_validation_epoch_start(self) -> None:
        """Start the sums of the figures again."""
        self.tally.reset()

    def validation_step(self, batch: tuple[Any, Any], batch_index: int) -> None:
        """Accumulate loss and metrics of held-out samples."""
        inputs, targets = batch
        # The compiled network would be compiled again for float32 and for the last batch.
        outputs = as_float32(forward(self.evaluated, inputs))
        self.tally.add(self.objective.validation_loss(outputs, targets), outputs, targets)

    def on_validation_epoch_end(self) -> None:
        """Log the figures of the held-out samples."""
        means = self.tally.joint_means(self.group)
        self.log_dict({f"val_{name}": value for name, value in means.items()})

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self._optimizers for group in optimizer.param_groups]

    def _autocast(self) -> torch.autocast:
        enabled = self.recipe.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)
