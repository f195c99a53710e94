"""Probabilities from scores, infinite ones too."""

import numpy as np
from numpy.typing import NDArray


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities from scores; rows add up to 1.  Shape: (N, classes)."""
    powers = np.exp(_below_highest(scores))
    return powers / powers.sum(axis=1, keepdims=True)


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithms of the probabilities.  Shape: (N, classes)."""
    below = _below_highest(scores)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))


def _below_highest(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The difference of each score to the highest of its row."""
    wide = scores.astype(np.float64)
    highest = wide.max(axis=1, keepdims=True)
    # Where the highest score is infinite, the difference to itself would be NaN.
    return np.where(wide == highest, 0.0, wide - np.nan_to_num(highest))
