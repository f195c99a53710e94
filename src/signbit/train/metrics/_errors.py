"""Sums of the errors of numbers."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torchmetrics import Metric


class AbstractMean(Metric, ABC):
    """The mean of a function of the error y - t over all numbers, summed in float64."""

    higher_is_better = False
    full_state_update = False

    total: Tensor
    count: Tensor

    def __init__(self):
        super().__init__()
        for name in ("total", "count"):
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    @abstractmethod
    def of_errors(self, errors: Tensor) -> Tensor:
        """The number that is summed, for each error."""

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.total += self.of_errors(outputs.double() - targets.double()).sum()
        self.count += targets.numel()

    def compute(self) -> Tensor:
        """The mean over all batches."""
        return self.total / self.count
