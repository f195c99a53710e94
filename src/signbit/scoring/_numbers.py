"""Errors of numbers: MAE, RMSE and R²."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import CheckpointError
from signbit.scoring._probabilities import require_numbers


class NumberCounter:
    """Sums the errors of each quantity, over batches.

    For answers y and true numbers t:
    MAE = mean |y - t|, RMSE = sqrt(mean (y - t)²), R² = 1 - sum (y - t)² / sum (t - mean t)².

    names: the names of the quantities.
    """

    def __init__(self, names: Sequence[str]):
        self.names = tuple(names)
        self._count = 0
        self._absolute, self._squared, self._mean, self._spread = np.zeros((4, len(self.names)))
        self._first: NDArray[np.float64] | None = None

    def add(self, numbers: NDArray[Any], truth: NDArray[np.float64]) -> None:
        """Count a batch.

        numbers: the answers of the network.
        truth: the true numbers.

        Shape:  (N, ..., quantities) for both; N may be 0.
        Raises: CheckpointError for an answer that is NaN or infinite.
        """
        require_numbers(numbers, "numbers")
        numbers, truth = (
            one.reshape(-1, len(self.names)).astype(np.float64) for one in (numbers, truth)
        )
        if not np.isfinite(numbers).all():
            raise CheckpointError(
                "the model returns infinite numbers, so their error cannot be measured; its "
                "parameters are damaged, or its training diverged"
            )
        errors = numbers - truth
        self._absolute += np.abs(errors).sum(axis=0)
        self._squared += (errors**2).sum(axis=0)
        if len(truth):
            # The mean of equal numbers may be rounded. The mean of their differences, zeros, is
            # exact.
            first = truth[0].copy() if self._first is None else self._first
            self._first = first
            self._join(truth - first)

    def _join(self, truth: NDArray[np.float64]) -> None:
        """Update the mean and the squared distances from it, as in Chan et al. (1979)."""
        count, mean = len(truth), truth.mean(axis=0)
        total, step = self._count + count, mean - self._mean
        self._spread += ((truth - mean) ** 2).sum(axis=0) + step**2 * self._count * count / total
        self._mean += step * count / total
        self._count = total

    def to_dict(self) -> dict[str, Any]:
        """The figures, for JSON.

        The overall MAE and RMSE are those of all quantities together. The overall R² is the mean
        over the quantities. A quantity whose true number never changes has null as R², and the mean
        leaves it out.
        """
        count = max(self._count, 1)
        determined = [
            1 - float(squared / spread) if spread > 0 else None
            for squared, spread in zip(self._squared, self._spread, strict=True)
        ]
        known = [one for one in determined if one is not None]
        quantities = {
            name: {"mae": float(absolute / count), "rmse": math.sqrt(squared / count), "r2": r2}
            for name, absolute, squared, r2 in zip(
                self.names, self._absolute, self._squared, determined, strict=True
            )
        }
        return {
            "samples": self._count,
            "quantities": list(self.names),
            "per_quantity": quantities,
            "mae": float(self._absolute.mean() / count),
            "rmse": math.sqrt(self._squared.mean() / count),
            "r2": sum(known) / len(known) if known else None,
        }
