"""The soft dice loss of maps."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import (
    is_of_classes,
    require_class_targets,
    require_classes_in_range,
    require_label_targets,
    require_shares,
)


@losses.register("dice")
@dataclass(frozen=True)
class Dice(AbstractLoss):
    """1 - the mean over channels of (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth).

    The sums go over all places of all samples of the batch. With targets of classes, p is
    softmax(outputs) and t is 1 at the true class. With targets of labels, p is sigmoid(outputs).

    Shape:  outputs (N, classes, ...) with targets (N, ...) int64; or outputs (N, labels, ...) with
        targets of the same shape, floating point.
    Source: V-Net, arXiv:1606.04797, with sums in place of sums of squares.
    """

    metrics: ClassVar[tuple[str, ...]] = ()

    smooth: float = 1.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        if is_of_classes(targets):
            shares = outputs.softmax(1)
            truth = F.one_hot(targets, outputs.shape[1]).movedim(-1, 1).to(outputs.dtype)
        else:
            shares, truth = outputs.sigmoid(), targets
        axes = [axis for axis in range(outputs.ndim) if axis != 1]
        both, either = (shares * truth).sum(axes), (shares + truth).sum(axes)
        return 1 - torch.mean((2 * both + self.smooth) / (either + self.smooth))

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare shapes, and targets with the number of classes. Raises: UsageError."""
        if is_of_classes(targets):
            require_class_targets("dice", outputs, targets, ignored=None)
        else:
            require_label_targets("dice", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare targets with their range. Raises: UsageError."""
        if is_of_classes(targets):
            require_classes_in_range(targets, outputs, ignored=None)
        else:
            require_shares("dice", targets)
