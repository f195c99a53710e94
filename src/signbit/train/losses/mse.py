"""Mean squared error of numbers."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import require_number_targets


@losses.register("mse")
class Mse(AbstractLoss):
    """Mean of (y - t)^2 over all numbers of a batch.

    Shape:  outputs and targets alike, floating point.
    """

    metrics: ClassVar[tuple[str, ...]] = ("mae", "r2")

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.mse_loss(outputs, targets)

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare shapes and types. Raises: UsageError."""
        require_number_targets("mse", outputs, targets)
