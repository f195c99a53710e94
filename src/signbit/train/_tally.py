"""Sum loss and metrics on the device, so that no step waits for it."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train._batch import sample_count


class EpochTally:
    """Loss and metrics over the batches since the last `reset`, summed on their device."""

    def __init__(self, metrics: Mapping[str, Metric]):
        self._metrics = metrics
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._samples = 0
        self._loss: Tensor | None = None
        for metric in self._metrics.values():
            metric.reset()

    @torch.no_grad()
    def add(self, loss: Tensor, outputs: Any, targets: Any) -> None:
        """Add a batch and its mean loss."""
        samples = sample_count(targets)
        summed = loss.double() * samples
        self._loss = summed if self._loss is None else self._loss + summed
        self._samples += samples
        for metric in self._metrics.values():
            metric.update(outputs, targets)

    def means(self, names: Collection[str] | None = None) -> dict[str, float]:
        """The mean loss of a sample as `loss`, and metrics; waits for the device.

        names: of the metrics; None for all.
        """
        assert self._loss is not None
        wanted = self._metrics if names is None else names
        values = {
            name: float(metric.compute())
            for name, metric in self._metrics.items()
            if name in wanted
        }
        return {"loss": float(self._loss / self._samples)} | values
