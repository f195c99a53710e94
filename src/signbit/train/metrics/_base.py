"""The registry of metrics."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torchmetrics import Metric

from signbit.errors import UsageError
from signbit.registry import Registry

# Each entry makes a metric for outputs and targets like the ones that it is called with.
metrics: Registry[Callable[[Any, Any], Metric]] = Registry("metric", "signbit.train.metrics")


def require_classes(name: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError if targets are not classes that outputs (N, classes, ...) score."""
    both = isinstance(outputs, Tensor) and isinstance(targets, Tensor)
    if (
        not both
        or targets.is_floating_point()
        or (outputs.shape[:1] + outputs.shape[2:] != targets.shape)
    ):
        raise UsageError(
            f"metric {name!r} needs outputs (N, classes, ...) and whole targets (N, ...), but "
            f"outputs are {_described(outputs)} and targets {_described(targets)}; give another "
            "metric"
        )


def require_alike(name: str, outputs: Any, targets: Any) -> None:
    """Raises: UsageError if outputs and targets are not tensors of the same shape."""
    both = isinstance(outputs, Tensor) and isinstance(targets, Tensor)
    if not both or outputs.shape != targets.shape:
        raise UsageError(
            f"metric {name!r} needs outputs and targets of the same shape, but outputs are "
            f"{_described(outputs)} and targets {_described(targets)}; give another metric"
        )


def _described(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{value.dtype} {tuple(value.shape)}"
