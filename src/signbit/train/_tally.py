"""Sum loss and right answers on the device, so that no step waits for it."""

import torch
from torch import Tensor


class EpochTally:
    """Loss and accuracy over the batches since the last `reset`, summed on their device."""

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._images = 0
        self._sums: Tensor | None = None

    @torch.no_grad()
    def add(self, loss: Tensor, outputs: Tensor, labels: Tensor) -> None:
        """Add a batch and its mean loss."""
        right = (outputs.argmax(1) == labels).sum()
        sums = torch.stack((loss.double() * len(labels), right.double()))
        self._sums = sums if self._sums is None else self._sums + sums
        self._images += len(labels)

    def means(self) -> tuple[float, float]:
        """Mean loss of an image and share of right answers; waits for the device."""
        assert self._sums is not None
        loss, right = (self._sums / self._images).tolist()
        return loss, right
