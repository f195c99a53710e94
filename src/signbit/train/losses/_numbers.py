"""The code that losses of numbers share."""

from abc import ABC
from typing import ClassVar

from torch import Tensor

from signbit.errors import UsageError
from signbit.train.losses._base import AbstractLoss
from signbit.train.losses._checks import require_number_targets


class AbstractNumberLoss(AbstractLoss, ABC):
    """A loss of real numbers. Outputs and targets have the same shape and are floating point."""

    metrics: ClassVar[tuple[str, ...]] = ("mae", "r2")

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare shapes and types. Raises: UsageError."""
        require_number_targets(type(self).__name__, outputs, targets)
        self.check_values(outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Check that targets are finite. Raises: UsageError."""
        if targets.numel() and not targets.isfinite().all():
            raise UsageError("a target is infinite or NaN; repair or remove such samples")
