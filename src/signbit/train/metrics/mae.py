"""Mean absolute error of numbers."""

from torch import Tensor
from torchmetrics import Metric

from signbit.train.metrics._base import metrics, require_alike
from signbit.train.metrics._errors import AbstractMean


class Mae(AbstractMean):
    """The mean of |y - t|.

    Shape:  outputs y and targets t are alike.
    """

    def of_errors(self, errors: Tensor) -> Tensor:
        """|y - t|."""
        return errors.abs()


@metrics.register("mae")
def mae(outputs: Tensor, targets: Tensor) -> Metric:
    """Make a `Mae`. Raises: UsageError if shapes differ."""
    require_alike("mae", outputs, targets)
    return Mae()
