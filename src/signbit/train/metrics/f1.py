"""F1 of independent labels."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.metrics._base import metrics, require_alike


class F1(Metric):
    """F1 of all labels together: 2 correct yes / (2 correct yes + wrong yes + wrong no).

    The answer for a label is yes if its output is above 0. A label is true if its target is above
    0.5. F1 is 0 if no label is true and no answer is yes.

    Shape:  outputs and targets are alike.
    Range:  0 to 1.
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
    """Make an `F1`. Raises: UsageError if shapes differ."""
    require_alike("f1", outputs, targets)
    return F1()
