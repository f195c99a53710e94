"""Mean squared error of numbers."""

import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import losses
from signbit.train.losses._numbers import AbstractNumberLoss


@losses.register("mse")
class Mse(AbstractNumberLoss):
    """The mean of (y - t)^2 over all numbers of a batch: y are the outputs, t the targets.

    Shape:  outputs and targets are alike, floating point.
    """

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.mse_loss(outputs, targets)

    def distance(
        self, outputs: Tensor, taught: Tensor, targets: Tensor, temperature: float
    ) -> Tensor:
        """The loss, with the outputs of the teacher as targets.

        Source: regression to the teacher, arXiv:1312.6184.
        """
        return F.mse_loss(outputs, taught)
