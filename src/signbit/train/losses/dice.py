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

    The sums run over all places of all samples in the batch. If targets are classes, p is
    softmax(outputs), and t is 1 at the true class and 0 elsewhere. If targets are labels, p is
    sigmoid(outputs), and t is the target.

    smooth: the number that is added to both parts of the fraction.

    Shape:  outputs (N, classes, ...) with targets (N, ...) int64; or outputs (N, labels, ...) with
        targets of the same shape, floating point.
    Range:  targets are classes, or numbers in [0, 1].
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

        p and t are the probabilities of the network and of the teacher, and s is `smooth`. If the
        teacher's probabilities are only 0 and 1, this is the loss. Otherwise the loss cannot serve
        as a distance: for t between 0 and 1, it falls when p moves away from t to 0 or 1.

        Source: dice semimetric loss, arXiv:2303.16296.
        """
        ours, theirs = (_shares(one, is_of_classes(targets)) for one in (outputs, taught))
        axes = _axes_of_a_channel(outputs)
        either = (ours + theirs).sum(axes)
        apart = (ours - theirs).abs().sum(axes)
        return 1 - torch.mean((either - apart + self.smooth) / (either + self.smooth))

    def check(self, outputs: Tensor, targets: Tensor) -> None:
        """Check shapes, types and the range of the targets. Raises: UsageError."""
        if is_of_classes(targets):
            require_class_targets("dice", outputs, targets, ignored=None)
        else:
            require_label_targets("dice", outputs, targets)

    def check_values(self, outputs: Tensor, targets: Tensor) -> None:
        """Check the range of the targets. Raises: UsageError."""
        if is_of_classes(targets):
            require_classes_in_range(targets, outputs, ignored=None)
        else:
            require_shares("dice", targets)


def _shares(outputs: Tensor, of_classes: bool) -> Tensor:
    """Probabilities of classes that exclude each other, or of independent labels."""
    return outputs.softmax(1) if of_classes else outputs.sigmoid()


def _axes_of_a_channel(outputs: Tensor) -> list[int]:
    return [axis for axis in range(outputs.ndim) if axis != 1]
