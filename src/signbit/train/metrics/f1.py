"""F1 of independent labels."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.metrics._base import metrics, require_alike


class F1(Metric):
    """2 right yes / (2 right yes + wrong yes + wrong no), all labels together, 0 to 1.

    A label is answered with yes where its output is above 0, and true where its target is above
    0.5. F1 is 0 where nothing is true and nothing is answered with yes.

    Shape:  outputs and targets alike.
    """

    higher_is_better = True
    full_state_update = False

    right: Tensor
    all: Tensor

    def __init__(self):
        super().__init__()
        for name in ("right", "all"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        yes, true = outputs > 0, targets > 0.5
        self.right += (yes & true).sum()
        self.all += yes.sum() + true.sum()

    def compute(self) -> Tensor:
        """F1 over all batches."""
        return 2 * self.right / self.all.clamp(min=1)


@metrics.register("f1")
def f1(outputs: Tensor, targets: Tensor) -> Metric:
    """`F1`. Raises: UsageError where shapes differ."""
    require_alike("f1", outputs, targets)
    return F1()
