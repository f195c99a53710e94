"""The difference between the probabilities of a classifier and the shares of its right answers."""

import numpy as np
from numpy.typing import NDArray

from signbit.errors import UsageError

BINS = 15
MAX_BINS = 1 << 16
# Sums count in whole units, so that the order of additions does not change them.
_UNITS = 1 << 32


class CalibrationCounter:
    """The expected calibration error (ECE), counted over batches.

    The confidence of an answer is the probability of the answered class. Answers are sorted into
    bins of equal width by their confidence; the upper end of a bin belongs to it. In each bin, the
    share of right answers is compared with the mean confidence:
    ECE = sum over bins of n_bin / n * |share - confidence|.

    Raises: UsageError for another number of bins than 1 to 65536.
    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, arXiv:1706.04599.
    """

    def __init__(self, bins: int = BINS):
        if type(bins) is not int or not 1 <= bins <= MAX_BINS:
            raise UsageError(f"bins is {bins!r}; give a whole number, 1 to {MAX_BINS}")
        self._count = np.zeros(bins, np.int64)
        self._right = np.zeros(bins, np.int64)
        self._confidence = np.zeros(bins, np.int64)

    def add(self, confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
        """Count answers.

        Shape:  (N,) for both.
        """
        bins = len(self._count)
        upper_ends = np.arange(1, bins) / bins
        places = np.searchsorted(upper_ends, confidence, side="left")
        units = np.rint(confidence * _UNITS).astype(np.int64)
        self._count += np.bincount(places, minlength=bins)
        self._right += np.bincount(places[right], minlength=bins)
        np.add.at(self._confidence, places, units)

    def error(self) -> float | None:
        """The error, from 0 (best) to 1; None without answers."""
        total = int(self._count.sum())
        if not total:
            return None
        gaps = np.abs(self._right - self._confidence / _UNITS)
        return float(gaps.sum() / total)
