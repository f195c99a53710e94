"""Binary cross-entropy of independent labels."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import require_label_targets, require_shares


@losses.register("bce_with_logits")
class BceWithLogits(AbstractLoss):
    """The mean binary cross-entropy of the targets under sigmoid(outputs).

    Shape:  outputs and targets are alike, floating point.
    Range:  targets in [0, 1].
    """

    metrics: ClassVar[tuple[str, ...]] = ("f1", "average_precision")
    softened: ClassVar[bool] = True

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        return F.binary_cross_entropy_with_logits(outputs, targets)

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Check shapes, types and the range of the targets. Raises: UsageError."""
        require_label_targets("bce_with_logits", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Check the range of the targets. Raises: UsageError."""
        require_shares("bce_with_logits", targets)

    def distance(
        self, outputs: Tensor, taught: Tensor, targets: Tensor, temperature: float
    ) -> Tensor:
        """The mean of KL(p || q) with p = sigmoid(taught / T) and q = sigmoid(outputs / T).

        Each output decides between two classes: KL = p log(p / q) + (1 - p) log((1 - p) / (1 - q)).

        Source: arXiv:1503.02531, for two classes.
        """
        ours, theirs = outputs / temperature, taught / temperature
        yes = theirs.sigmoid() * (F.logsigmoid(theirs) - F.logsigmoid(ours))
        no = (-theirs).sigmoid() * (F.logsigmoid(-theirs) - F.logsigmoid(-ours))
        return (yes + no).mean()
