"""The share of right classes."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.losses import IGNORED
from signbit.train.metrics._base import metrics, require_classes


class Accuracy(Metric):
    """Right answers / places that are counted, 0 to 1. The highest score is the answer.

    Shape:  outputs (N, classes, ...), targets (N, ...), -100 where a place is not counted.
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
        """The share over all batches; NaN where no place is counted."""
        return self.right / self.counted


@metrics.register("accuracy")
def accuracy(outputs: Tensor, targets: Tensor) -> Metric:
    """`Accuracy`. Raises: UsageError where there are no classes."""
    require_classes("accuracy", outputs, targets)
    return Accuracy()
