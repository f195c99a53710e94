"""Compare the outputs of a network with targets before a loss computes with them."""

from typing import Any, TypeGuard

import torch
from torch import Tensor

from signbit.errors import UsageError

# The target that torch's cross-entropy leaves out.
IGNORED = -100
# How far from 1 the shares of classes may add up, as half precision rounds them.
_MOST_ROUNDING = 0.01


def is_of_classes(targets: Any) -> bool:
    """Whether targets are indices of classes."""
    return isinstance(targets, Tensor) and not (
        targets.is_floating_point() or targets.dtype is torch.bool
    )


def require_class_targets(
    loss: str, outputs: Any, targets: Any, ignored: int | None = IGNORED
) -> None:
    """Raises: UsageError where targets are not indices of the classes that outputs score.

    ignored: a target besides the classes that is allowed.
    """
    _require_tensors(loss, outputs, targets)
    if not is_of_classes(targets):
        # Shares of classes have the shape of the scores.
        if targets.shape != outputs.shape:
            raise UsageError(
                f"targets are {targets.dtype} of the shape {tuple(targets.shape)}, outputs have "
                f"{tuple(outputs.shape)}; {loss} needs torch.int64 for classes, or shares of "
                "classes in the shape of the outputs"
            )
        require_number_targets(loss, outputs, targets)
        require_shares_of_classes(loss, targets)
        return
    if outputs.ndim < 2:
        raise UsageError(
            f"outputs have the shape {tuple(outputs.shape)}; {loss} needs (N, classes, ...)"
        )
    wanted = (outputs.shape[0], *outputs.shape[2:])
    if targets.shape != wanted:
        raise UsageError(
            f"targets have the shape {tuple(targets.shape)}; {loss} needs {wanted} for outputs of "
            f"the shape {tuple(outputs.shape)}, which have classes on axis 1"
        )
    if targets.dtype is not torch.int64:
        raise UsageError(f"targets are {targets.dtype}; {loss} needs torch.int64 for classes")
    require_classes_in_range(targets, outputs, ignored)


def require_classes_in_range(
    targets: Tensor, outputs: Tensor, ignored: int | None = IGNORED
) -> None:
    """Raises: UsageError where a target is not the index of a class that outputs score."""
    counted = targets if ignored is None else targets[targets != ignored]
    classes = outputs.shape[1]
    if counted.numel() and not 0 <= int(counted.min()) <= int(counted.max()) < classes:
        wrong = counted.min() if counted.min() < 0 else counted.max()
        raise UsageError(
            f"a target is the class {int(wrong)}; the outputs score {classes} classes, so targets "
            f"are 0 to {classes - 1}; give the network more outputs, or mend the targets"
        )


def require_label_targets(loss: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError where targets are not numbers from 0 to 1 of the shape of the outputs."""
    require_number_targets(loss, outputs, targets)
    require_shares(loss, targets)


def require_shares(loss: str, targets: Tensor) -> None:
    """Raises: UsageError where a target is not a number from 0 to 1."""
    if targets.numel() and not (targets.min() >= 0 and targets.max() <= 1):
        raise UsageError(
            f"targets reach from {float(targets.min()):g} to {float(targets.max()):g}; {loss} "
            "needs 0 to 1"
        )


def require_shares_of_classes(loss: str, targets: Tensor) -> None:
    """Raises: UsageError where the shares of the classes on axis 1 do not add up to 1."""
    require_shares(loss, targets)
    sums = targets.double().sum(1)
    apart = (sums - 1).abs()
    if sums.numel() and not apart.max() <= _MOST_ROUNDING:
        raise UsageError(
            f"the shares of classes in a target add up to {float(sums.flatten()[apart.argmax()]):g}"
            f"; {loss} needs 1. Several labels for one sample need the loss 'bce_with_logits'"
        )


def require_number_targets(loss: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError where targets are not real numbers of the shape of the outputs."""
    _require_tensors(loss, outputs, targets)
    if targets.shape != outputs.shape:
        raise UsageError(
            f"targets have the shape {tuple(targets.shape)}, outputs {tuple(outputs.shape)}; "
            f"{loss} needs the same for both"
        )
    if not targets.is_floating_point():
        raise UsageError(f"targets are {targets.dtype}; {loss} needs floating point numbers")


def _require_tensors(loss: str, outputs: Any, targets: Any) -> TypeGuard[Tensor]:
    for name, value in (("outputs", outputs), ("targets", targets)):
        if not isinstance(value, Tensor):
            raise UsageError(
                f"{name} are {type(value).__name__}; {loss} needs a tensor. For several outputs or "
                "targets give a loss of your own"
            )
    return True
