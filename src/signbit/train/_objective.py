"""The objective of a run: a loss, metrics, and the distance from a teacher."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from signbit.train.losses import AbstractLoss, CrossEntropy, OwnLoss
from signbit.train.metrics.accuracy import Accuracy
from signbit.train.recipe import Distillation, Recipe

# The distance of outputs from those of a teacher: a scalar. It is not given a temperature.
Distance = Callable[[Any, Any], Tensor]


class Objective:
    """The loss of training and validation, and metrics by name.

    It is not a submodule of the trained network, so checkpoints do not hold it.

    goal: the metric that decides which epoch is best: the first one with a known direction; "loss"
        if there is none.
    higher_is_better: whether a higher value of the goal is better.
    distance: the distance from a teacher; None for the distance of the loss.
    """

    def __init__(
        self,
        loss: AbstractLoss,
        metrics: Mapping[str, Metric],
        distillation: Distillation | None = None,
        distance: Distance | None = None,
    ):
        self.distance = distance
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
        for part in (function, self.distance, *self.metrics.values()):
            if isinstance(part, nn.Module):
                part.to(device)

    def training_loss(self, outputs: Any, targets: Any, taught: Any = None) -> Tensor:
        """The loss of a batch: the loss for the targets, mixed with the distance from a teacher.

        (1 - w) loss + w T^2 distance. The factor T^2 keeps the size of the gradient when the
        temperature T grows.

        taught: the teacher's outputs; None without a teacher.
        """
        loss = self.loss(outputs, targets)
        if taught is None or self.distillation is None:
            return loss
        weight = self.distillation.weight
        return (1 - weight) * loss + weight * self.taught_loss(outputs, taught, targets)

    def taught_loss(self, outputs: Any, taught: Any, targets: Any) -> Tensor:
        """The teacher's part of the loss, without its weight."""
        assert self.distillation is not None
        temperature = self.distillation.temperature
        if self.distance is not None:
            return self.distance(outputs, taught)
        return temperature**2 * self.loss.distance(outputs, taught, targets, temperature)

    def validation_loss(self, outputs: Any, targets: Any) -> Tensor:
        """The loss of a batch of held-out samples."""
        return self.loss.held_out()(outputs, targets)
