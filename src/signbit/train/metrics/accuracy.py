"""The share of correct classes."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.losses import IGNORED
from signbit.train.metrics._base import metrics, require_classes


class Accuracy(Metric):
    """The number of correct answers, divided by the number of places that count.

    The class with the highest score is the answer.

    Shape:  outputs (N, classes, ...); targets (N, ...), with -100 at places that do not count.
    Range:  0 to 1.
    """

    higher_is_better = True
    full_state_update = False

    right: Tensor
    counted: Tensor

    def __init__(self):
        super().__init__()
        for name in ("right", "counted"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.right += (outputs.argmax(1) == targets).sum()
        self.counted += (targets != IGNORED).sum()

    def compute(self) -> Tensor:
        """The share over all batches; NaN if no place counts."""
        return self.right / self.counted


@metrics.register("accuracy")
def accuracy(outputs: Tensor, targets: Tensor) -> Metric:
    """Make an `Accuracy`. Raises: UsageError if targets are not classes."""
    require_classes("accuracy", outputs, targets)
    return Accuracy()
