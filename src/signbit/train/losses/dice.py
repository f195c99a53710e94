"""The soft dice loss of maps."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from signbit.train.losses._base import AbstractLoss, losses
from signbit.train.losses._checks import (
    is_of_classes,
    require_class_targets,
    require_classes_in_range,
    require_label_targets,
    require_shares,
)


@losses.register("dice")
@dataclass(frozen=True)
class Dice(AbstractLoss):
    """1 - the mean over channels of (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth).

    The sums go over all places of all samples of the batch. With targets of classes, p is
    softmax(outputs) and t is 1 at the true class. With targets of labels, p is sigmoid(outputs).

    Shape:  outputs (N, classes, ...) with targets (N, ...) int64; or outputs (N, labels, ...) with
        targets of the same shape, floating point.
    Source: V-Net, arXiv:1606.04797, with sums in place of sums of squares.
    """

    metrics: ClassVar[tuple[str, ...]] = ()

    smooth: float = 1.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch."""
        shares, truth = _shares(outputs, is_of_classes(targets)), targets
        if is_of_classes(targets):
            truth = F.one_hot(targets, outputs.shape[1]).movedim(-1, 1).to(outputs.dtype)
        axes = _axes_of_a_channel(outputs)
        both, either = (shares * truth).sum(axes), (shares + truth).sum(axes)
        return 1 - torch.mean((2 * both + self.smooth) / (either + self.smooth))

    def distance(
        self, outputs: Tensor, taught: Tensor, targets: Tensor, temperature: float
    ) -> Tensor:
        """1 - the mean over channels of (sum(p) + sum(t) - sum|p - t| + s) / (sum(p) + sum(t) + s).

        p and t are the probabilities of the network and of the teacher, s is `smooth`. For a
        teacher that gives 0 and 1 alone it is the loss. The loss itself would not do: if t lies
        between 0 and 1, it falls when p leaves t for 0 or 1.

        Source: dice semimetric loss, arXiv:2303.16296.
        """
        ours, theirs = (_shares(one, is_of_classes(targets)) for one in (outputs, taught))
        axes = _axes_of_a_channel(outputs)
        either = (ours + theirs).sum(axes)
        apart = (ours - theirs).abs().sum(axes)
        return 1 - torch.mean((either - apart + self.smooth) / (either + self.smooth))

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare shapes, and targets with the number of classes. Raises: UsageError."""
        if is_of_classes(targets):
            require_class_targets("dice", outputs, targets, ignored=None)
        else:
            require_label_targets("dice", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Compare targets with their range. Raises: UsageError."""
        if is_of_classes(targets):
            require_classes_in_range(targets, outputs, ignored=None)
        else:
            require_shares("dice", targets)


def _shares(outputs: Tensor, of_classes: bool) -> Tensor:
    """Probabilities of classes that exclude each other, or of independent labels."""
    return outputs.softmax(1) if of_classes else outputs.sigmoid()


def _axes_of_a_channel(outputs: Tensor) -> list[int]:
    return [axis for axis in range(outputs.ndim) if axis != 1]
