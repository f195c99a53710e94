"""Scores of networks as probabilities."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import CheckpointError, UsageError
from signbit.format import PackedModel
from signbit.passes.temperature import unmoved


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities from scores; the last axis adds up to 1.  Shape: (..., classes)."""
    powers = np.exp(_below_highest(scores))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithms of the probabilities.  Shape: (..., classes)."""
    below = _below_highest(scores)
    return below - np.log(np.exp(below).sum(axis=-1, keepdims=True))


def _below_highest(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    highest = wide.max(axis=-1, keepdims=True)
    # Where the highest score is infinite, the difference to itself would be NaN.
    return np.where(wide == highest, 0.0, wide - np.nan_to_num(highest))


def sigmoid(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of each label, 1 / (1 + exp(-score)).  Shape: any."""
    powers = np.exp(-np.abs(scores.astype(np.float64)))
    return np.where(scores >= 0, 1.0, powers) / (1.0 + powers)


def score_of(threshold: float) -> float:
    """The score whose sigmoid is `threshold`; labels with a higher one are there.

    Raises: UsageError for a threshold that is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise UsageError(f"threshold {threshold}; give a number between 0 and 1")
    return math.log(threshold) - math.log1p(-threshold)


def ends_in_softmax(model: Any, output: int | None = None) -> bool:
    """Whether the scores of a packed network are the probabilities of a softmax.

    model: a `PackedModel`, or what runs one as `.model`; False for anything else.
    output: the number of the node that gives them; None for that of the first output.
    """
    packed = model if isinstance(model, PackedModel) else getattr(model, "model", None)
    if not isinstance(packed, PackedModel):
        return False
    number = unmoved(packed, packed.outputs[0].node if output is None else output)
    return not packed.is_input(number) and packed.node(number).op == "softmax"


def require_numbers(values: NDArray[Any], what: str) -> None:
    """Raises: CheckpointError for NaN, naming the sample of the batch.  Shape: (N, ...)."""
    if values.dtype.kind != "f":
        return
    broken = np.isnan(values.reshape(len(values), -1)).any(axis=1)
    if broken.any():
        raise CheckpointError(
            f"the model's {what} for sample {int(broken.argmax())} of the batch are not numbers "
            "(NaN); its parameters are damaged, or its training diverged"
        )
