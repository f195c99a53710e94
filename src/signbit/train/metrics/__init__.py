"""Metrics. `train` accepts the name of a metric, or any metric of torchmetrics."""

from signbit.train.metrics._base import metrics

__all__ = ["metrics"]
