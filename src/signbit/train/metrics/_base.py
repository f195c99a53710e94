"""The registry of metrics."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchmetrics import Metric

from signbit.errors import UsageError
from signbit.registry import Registry

# Each entry makes a metric for outputs such as those of its example, and for such targets.
metrics: Registry[Callable[[Any, Any], Metric]] = Registry("metric", "signbit.train.metrics")


def require_classes(name: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError where targets are not classes that outputs (N, classes, ...) score."""
    both = isinstance(outputs, Tensor) and isinstance(targets, Tensor)
    if (
        not both
        or targets.is_floating_point()
        or (outputs.shape[:1] + outputs.shape[2:] != targets.shape)
    ):
        raise UsageError(
            f"metric {name!r} needs outputs (N, classes, ...) and targets (N, ...) of integers; "
            f"there are {_described(outputs)} and {_described(targets)}"
        )


def require_alike(name: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError where outputs and targets are not tensors of one shape."""
    both = isinstance(outputs, Tensor) and isinstance(targets, Tensor)
    if not both or outputs.shape != targets.shape:
        raise UsageError(
            f"metric {name!r} needs outputs and targets of one shape; there are "
            f"{_described(outputs)} and {_described(targets)}"
        )


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{value.dtype} {tuple(value.shape)}"
