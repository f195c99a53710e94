"""Mean average precision of independent labels."""

import warnings
from typing import Any

from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MultilabelAveragePrecision

from signbit.errors import UsageError
from signbit.train.metrics._base import metrics, require_alike


class AveragePrecision(MultilabelAveragePrecision):
    """The mean over labels of the area under precision and recall, 0 to 1.

    A label that is never true is left out of the mean. Every score of an epoch is kept on the
    device until its end.

    Shape:  outputs (N, labels, ...) and targets alike; a label is true where its target is above
        0.5.
    """

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Add a batch."""
        super().update(preds.sigmoid(), (target > 0.5).int())

    def compute(self) -> Any:
        """The mean over all batches; NaN where no label is ever true."""
        with warnings.catch_warnings():
            # torchmetrics warns of labels that are never true.
            warnings.simplefilter("ignore")
            return super().compute()


@metrics.register("average_precision")
def average_precision(outputs: Tensor, targets: Tensor) -> Metric:
    """`AveragePrecision` of as many labels as there are outputs. Raises: UsageError."""
    require_alike("average_precision", outputs, targets)
    if outputs.ndim < 2 or outputs.shape[1] < 2:
        raise UsageError(
            f"metric 'average_precision' needs outputs (N, labels, ...) of two or more labels; "
            f"there are {tuple(outputs.shape)}"
        )
    return AveragePrecision(outputs.shape[1], validate_args=False)
