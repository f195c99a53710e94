"""Sum loss and metrics on the device, so that no step waits for the device."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from signbit.train._batch import sample_count
from signbit.train._group import ALONE, Group


class EpochTally:
    """Loss and metrics over the batches since the last `reset`, summed on their device.

    With several ranks, torchmetrics joins their states whenever a metric is computed.
    """

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

    def means(self, names: Collection[str]) -> dict[str, float]:
        """The mean loss per sample of this rank as `loss`, and metrics. It waits for the device.

        names: the metrics to compute. All ranks must call this together, unless there are none.
        """
        assert self._loss is not None
        return {"loss": float(self._loss / self._samples)} | self._computed(names)

    def joint_means(self, group: Group = ALONE) -> dict[str, float]:
        """The mean loss per sample of all ranks as `loss`, and metrics. It waits for the device.

        All ranks must call this together.
        """
        assert self._loss is not None
        loss, samples = group.add(torch.stack([self._loss, self._loss.new_tensor(self._samples)]))
        return {"loss": float(loss / samples)} | self._computed(self._metrics)

    def _computed(self, names: Collection[str]) -> dict[str, float]:
        return {
            name: float(metric.compute()) for name, metric in self._metrics.items() if name in names
        }
