"""What a run minimises and measures: a loss, metrics, and the distance from a teacher."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from signbit.train.losses import AbstractLoss, CrossEntropy, OwnLoss
from signbit.train.metrics.accuracy import Accuracy
from signbit.train.recipe import Distillation, Recipe


class Objective:
    """The loss of training and validation, and metrics by name.

    It is not a submodule of the network in training, so checkpoints do not hold it.

    goal: the metric that decides which epoch is best; "loss" where no metric says its direction.
    higher_is_better: of the goal.
    """

    def __init__(
        self,
        loss: AbstractLoss,
        metrics: Mapping[str, Metric],
        distillation: Distillation | None = None,
    ):
        self.loss, self.metrics, self.distillation = loss, dict(metrics), distillation
        known = [name for name, metric in metrics.items() if metric.higher_is_better is not None]
        self.goal = known[0] if known else "loss"
        self.higher_is_better = bool(known and metrics[self.goal].higher_is_better)

    @classmethod
    def of_classes(cls, recipe: Recipe) -> "Objective":
        """Cross-entropy with the settings of the recipe, and accuracy."""
        loss = CrossEntropy(**recipe.loss.model_dump())
        return cls(loss, {"accuracy": Accuracy()}, recipe.distillation)

    def to(self, device: torch.device) -> None:
        """Move loss and metrics to a device."""
        function = self.loss.function if isinstance(self.loss, OwnLoss) else None
        for part in (function, *self.metrics.values()):
            if isinstance(part, nn.Module):
                part.to(device)

    def training_loss(self, outputs: Any, targets: Any, taught: Any = None) -> Tensor:
        """The loss of a batch: that of the targets, mixed with that of a teacher.

        (1 - w) loss + w T^2 divergence. The factor T^2 keeps the size of the gradient when the
        temperature grows.

        taught: the teacher's outputs; None without a teacher.
        """
        loss = self.loss(outputs, targets)
        if taught is None or self.distillation is None:
            return loss
        temperature, weight = self.distillation.temperature, self.distillation.weight
        divergence = self.loss.divergence(outputs, taught, temperature)
        return (1 - weight) * loss + weight * temperature**2 * divergence

    def validation_loss(self, outputs: Any, targets: Any) -> Tensor:
        """The loss of a batch that is held out."""
        return self.loss.held_out()(outputs, targets)
