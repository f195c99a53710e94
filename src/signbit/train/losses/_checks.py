"""Compare the outputs of a network with targets before a loss computes with them."""

from typing import Any, TypeGuard

import torch
from torch import Tensor

from signbit.errors import UsageError

# The target that torch's cross-entropy leaves out.
IGNORED = -100
# The sum of the shares of all classes may differ from 1 by this much. Half precision rounds them.
_MOST_ROUNDING = 0.01


def is_of_classes(targets: Any) -> bool:
    """Whether targets are indices of classes."""
    return isinstance(targets, Tensor) and not (
        targets.is_floating_point() or targets.dtype is torch.bool
    )


def require_class_targets(
    loss: str, outputs: Any, targets: Any, ignored: int | None = IGNORED
) -> None:
    """Raises: UsageError if targets are not indices of the classes that outputs score.

    ignored: a further value that a target may have.
    """
    _require_tensors(loss, outputs, targets)
    if not is_of_classes(targets):
        # Shares of classes have the shape of the scores.
        if targets.shape != outputs.shape:
            raise UsageError(
                f"targets are {targets.dtype} of shape {tuple(targets.shape)}, and outputs have "
                f"shape {tuple(outputs.shape)}; {loss} needs classes in torch.int64, or shares of "
                "classes in the shape of the outputs"
            )
        require_number_targets(loss, outputs, targets)
        require_shares_of_classes(loss, targets)
        return
    if outputs.ndim < 2:
        raise UsageError(
            f"outputs have shape {tuple(outputs.shape)}; {loss} needs shape (N, classes, ...)"
        )
    wanted = (outputs.shape[0], *outputs.shape[2:])
    if targets.shape != wanted:
        raise UsageError(
            f"targets have shape {tuple(targets.shape)}; {loss} needs shape {wanted} for outputs "
            f"of shape {tuple(outputs.shape)}, which have the classes on axis 1"
        )
    if targets.dtype is not torch.int64:
        raise UsageError(f"targets are {targets.dtype}; {loss} needs classes in torch.int64")
    require_classes_in_range(targets, outputs, ignored)


def require_classes_in_range(
    targets: Tensor, outputs: Tensor, ignored: int | None = IGNORED
) -> None:
    """Raises: UsageError if a target is not the index of a class that outputs score."""
    counted = targets if ignored is None else targets[targets != ignored]
    classes = outputs.shape[1]
    if counted.numel() and not 0 <= int(counted.min()) <= int(counted.max()) < classes:
        wrong = counted.min() if counted.min() < 0 else counted.max()
        raise UsageError(
            f"a target is the class {int(wrong)}, but the outputs score {classes} classes, so "
            f"targets must be 0 to {classes - 1}; give the network more outputs, or correct the "
            "targets"
        )


def require_label_targets(loss: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError if targets are not numbers from 0 to 1 with the shape of the outputs."""
    require_number_targets(loss, outputs, targets)
    require_shares(loss, targets)


def require_shares(loss: str, targets: Tensor) -> None:
    """Raises: UsageError if a target is not a number from 0 to 1."""
    if targets.numel() and not (targets.min() >= 0 and targets.max() <= 1):
        raise UsageError(
            f"targets are between {float(targets.min()):g} and {float(targets.max()):g}; {loss} "
            "needs numbers from 0 to 1"
        )


def require_shares_of_classes(loss: str, targets: Tensor) -> None:
    """Raises: UsageError if the shares of the classes on axis 1 do not add up to 1."""
    require_shares(loss, targets)
    sums = targets.double().sum(1)
    apart = (sums - 1).abs()
    if sums.numel() and not apart.max() <= _MOST_ROUNDING:
        raise UsageError(
            f"the shares of classes in a target add up to {float(sums.flatten()[apart.argmax()]):g}"
            f"; {loss} needs a sum of 1. For several labels per sample, use 'bce_with_logits'"
        )


def require_number_targets(loss: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError if targets are not real numbers with the shape of the outputs."""
    _require_tensors(loss, outputs, targets)
    if targets.shape != outputs.shape:
        raise UsageError(
            f"targets have shape {tuple(targets.shape)}, but outputs have shape "
            f"{tuple(outputs.shape)}; {loss} needs the same shape for both"
        )
    if not targets.is_floating_point():
        raise UsageError(f"targets are {targets.dtype}; {loss} needs floating-point numbers")


def _require_tensors(loss: str, outputs: Any, targets: Any) -> TypeGuard[Tensor]:
    for name, value in (("outputs", outputs), ("targets", targets)):
        if not isinstance(value, Tensor):
            raise UsageError(
                f"{name} are {type(value).__name__}; {loss} needs a tensor. For several outputs or "
                "targets, give train() a function of your own as the loss"
            )
    return True
