"""Binary cross-entropy of independent labels."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import require_label_targets, require_shares


@losses.register("bce_with_logits")
class BceWithLogits(AbstractLoss):
    """Mean binary cross-entropy of the targets under sigmoid(outputs).

    Shape:  outputs and targets alike, floating point.
    Range:  targets in [0, 1].
    """

    metrics: ClassVar[tuple[str, ...]] = ("f1", "average_precision")

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.binary_cross_entropy_with_logits(outputs, targets)

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare shapes, and targets with their range. Raises: UsageError."""
        require_label_targets("bce_with_logits", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare targets with their range. Raises: UsageError."""
        require_shares("bce_with_logits", targets)
