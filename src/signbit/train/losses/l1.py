"""Mean absolute error of numbers."""

import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import losses
from signbit.train.losses._numbers import AbstractNumberLoss


@losses.register("l1")
class L1(AbstractNumberLoss):
    """The mean of |y - t| over all numbers of a batch: y are the outputs, t the targets.

    Shape:  outputs and targets are alike, floating point.
    """

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.l1_loss(outputs, targets)

    def distance(
        self, outputs: Tensor, taught: Tensor, targets: Tensor, temperature: float
    ) -> Tensor:
        """The loss, with the outputs of the teacher as targets.

        Source: regression to the teacher, arXiv:1312.6184.
        """
        return F.l1_loss(outputs, taught)
