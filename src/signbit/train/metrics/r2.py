"""The share of the targets' variance that the outputs explain."""

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train.metrics._base import metrics, require_alike


class R2(Metric):
    """1 - sum (y - t)^2 / sum (t - mean t)^2, the mean over quantities.

    A quantity whose target never changes is left out of the mean. Sums are in float64.

    Shape:  outputs y and targets t are alike, (N,) or (N, quantities, ...).
    Range:  at most 1.
    """

    higher_is_better = True
    full_state_update = False

    count: Tensor
    squared: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, quantities: int):
        super().__init__()
        zeros = torch.zeros(quantities, dtype=torch.float64)
        for name in ("count", "squared", "mean", "spread"):
            self.add_state(name, zeros.clone(), dist_reduce_fx=None)

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch. Mean and spread are combined as in Chan et al. (1979)."""
        numbers, truth = (self._columns(one) for one in (outputs, targets))
        count, mean = len(truth), truth.mean(0)
        step, total = mean - self.mean, self.count + count
        self.squared += (numbers - truth).square().sum(0)
        self.spread += (truth - mean).square().sum(0) + step.square() * self.count * count / total
        self.mean += step * count / total
        self.count = total

    def _columns(self, values: Tensor) -> Tensor:
        columns = values.double()
        if columns.ndim > 1:
            columns = columns.movedim(1, -1)
        return columns.reshape(-1, len(self.mean))

    def compute(self) -> Tensor:
        """The share over all batches; NaN if no target ever changes."""
        explained = 1 - self.squared / self.spread
        return torch.where(self.spread > 0, explained, torch.nan).nanmean()


@metrics.register("r2")
def r2(outputs: Tensor, targets: Tensor) -> Metric:
    """Make an `R2` with one quantity for each output. Raises: UsageError if shapes differ."""
    require_alike("r2", outputs, targets)
    return R2(outputs.shape[1] if outputs.ndim > 1 else 1)
