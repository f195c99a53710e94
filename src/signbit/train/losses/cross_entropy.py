"""Cross-entropy of classes."""

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import (
    IGNORED,
    is_of_classes,
    require_class_targets,
    require_classes_in_range,
    require_shares_of_classes,
)


@losses.register("cross_entropy")
@dataclass(frozen=True)
class CrossEntropy(AbstractLoss):
    """The mean cross-entropy of the targets under softmax(logit_scale * outputs).

    Outputs may be logits or log-probabilities: softmax(s * log_softmax(z)) = softmax(s * z).

    label_smoothing: the share of each target that is divided equally among all classes, from 0 to
        below 1. Validation does not use it.
    logit_scale: the factor s of the outputs.

    Shape:  outputs (N, classes, ...); targets (N, ...) int64, with -100 at places that do not
        count, or probabilities with the shape of the outputs.
    """

    metrics: ClassVar[tuple[str, ...]] = ("accuracy",)
    softened: ClassVar[bool] = True

    label_smoothing: float = 0.0
    logit_scale: float = 1.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        scaled = self.logit_scale * outputs
        return F.cross_entropy(scaled, targets, label_smoothing=self.label_smoothing)

    def held_out(self) -> "CrossEntropy":
        """The same loss without smoothing."""
        return replace(self, label_smoothing=0.0)

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Check shapes, and that targets are classes that exist. Raises: UsageError."""
        require_class_targets("cross_entropy", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Check that targets are classes that exist, or shares with sum 1. Raises: UsageError."""
        if is_of_classes(targets):
            require_classes_in_range(targets, outputs)
        else:
            require_shares_of_classes("cross_entropy", targets)

    def distance(
        self, outputs: Tensor, taught: Tensor, targets: Tensor, temperature: float
    ) -> Tensor:
        """The mean of KL(softmax(taught / T) || softmax(s * outputs / T)) over samples and places.

        Places that do not count in the loss do not count here either.

        taught: the teacher's logits, times its own logit scale.

        Source: arXiv:1503.02531.
        """
        ours = F.log_softmax(self.logit_scale / temperature * outputs, dim=1)
        theirs = F.log_softmax(taught / temperature, dim=1)
        divergence = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(1)
        if not is_of_classes(targets):
            return divergence.mean()
        counted = targets != IGNORED
        return torch.where(counted, divergence, 0).sum() / counted.sum()
