"""Mean average precision of independent labels."""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from signbit.scoring import average_precision as of_one_label
from signbit.train.metrics._base import metrics, require_alike


class AveragePrecision(Metric):
    """The mean over labels of the area under the curve of precision and recall.

    A label that is never true is left out of the mean. (torchmetrics counts it as 0.) All scores of
    an epoch are kept on the device until the end of the epoch.

    Shape:  outputs and targets are alike, (N,) or (N, labels, ...). A label is true if its target
        is above 0.5.
    Range:  0 to 1.
    """

    higher_is_better = True
    full_state_update = False

    scores: list[Tensor]
    truth: list[Tensor]

    def __init__(self):
        super().__init__()
        for name in ("scores", "truth"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch."""
        self.scores.append(_columns(outputs))
        self.truth.append(_columns(targets > 0.5))

    def compute(self) -> Tensor:
        """The mean over all batches; NaN if no label is ever true."""
        scores, truth = (dim_zero_cat(one).cpu().numpy() for one in (self.scores, self.truth))
        found = [of_one_label(*columns) for columns in zip(scores.T, truth.T, strict=True)]
        known = [one for one in found if one is not None]
        return torch.tensor(sum(known) / len(known) if known else torch.nan, dtype=torch.float64)


def _columns(values: Tensor) -> Tensor:
    """A column for each label."""
    return values[:, None] if values.ndim == 1 else values.movedim(1, -1).flatten(0, -2)


@metrics.register("average_precision")
def average_precision(outputs: Tensor, targets: Tensor) -> Metric:
    """Make an `AveragePrecision`. Raises: UsageError if shapes differ."""
    require_alike("average_precision", outputs, targets)
    return AveragePrecision()
