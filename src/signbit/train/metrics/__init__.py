"""Metrics, one file each. `train` accepts their names, or any metric of torchmetrics."""

from signbit.train.metrics._base import metrics

__all__ = ["metrics"]
