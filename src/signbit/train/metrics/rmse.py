"""The root of the mean squared error of numbers."""

from torch import Tensor
from torchmetrics import Metric

from signbit.train.metrics._base import metrics, require_alike
from signbit.train.metrics._errors import AbstractMean


class Rmse(AbstractMean):
    """The square root of the mean of (y - t)^2.

    Shape:  outputs y and targets t are alike.
    """

    def of_errors(self, errors: Tensor) -> Tensor:
        """(y - t)^2."""
        return errors.square()

    def compute(self) -> Tensor:
        """The root of the mean over all batches."""
        return super().compute().sqrt()


@metrics.register("rmse")
def rmse(outputs: Tensor, targets: Tensor) -> Metric:
    """Make an `Rmse`. Raises: UsageError if shapes differ."""
    require_alike("rmse", outputs, targets)
    return Rmse()
