"""Mean intersection over union of maps."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.losses import IGNORED
from signbit.train.metrics._base import metrics, require_classes


class MeanIou(Metric):
    """The mean over classes of (true and answered) / (true or answered).

    The class with the highest score is the answer. A class that is nowhere true and nowhere
    answered is left out of the mean.

    Shape:  outputs (N, classes, ...); targets (N, ...), with -100 at places that do not count.
    Range:  0 to 1.
    """

    higher_is_better = True
    full_state_update = False

    both: Tensor
    true: Tensor
    answered: Tensor

    def __init__(self, classes: int):
        super().__init__()
        self.classes = classes
        for name in ("both", "true", "answered"):
            self.add_state(name, torch.zeros(classes, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        counted = targets != IGNORED
        # Places that do not count go to one more class, so that no shape depends on values.
        truth = torch.where(counted, targets, self.classes)
        answers = torch.where(counted, outputs.argmax(1), self.classes)
        right = torch.where(answers == truth, truth, self.classes)
        self.both += self._counts(right)
        self.true += self._counts(truth)
        self.answered += self._counts(answers)

    def _counts(self, classes: Tensor) -> Tensor:
        flat = classes.flatten()
        sums = torch.zeros(self.classes + 1, dtype=torch.float64, device=flat.device)
        ones = torch.ones_like(flat, dtype=torch.float64)
        return sums.scatter_add(0, flat, ones)[: self.classes]

    def compute(self) -> Tensor:
        """The mean over all batches; NaN if no place counts."""
        # For a class that occurs nowhere, 0 / 0 is NaN.
        return (self.both / (self.true + self.answered - self.both)).nanmean()


@metrics.register("mean_iou")
def mean_iou(outputs: Tensor, targets: Tensor) -> Metric:
    """Make a `MeanIou` of the classes that outputs score. Raises: UsageError if there are none."""
    require_classes("mean_iou", outputs, targets)
    return MeanIou(outputs.shape[1])
