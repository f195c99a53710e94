"""Turn scores of networks into probabilities."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import CheckpointError, UsageError
from signbit.format import PackedModel
from signbit.passes.temperature import unmoved
from signbit.runtime.reference import apply

# The operations that can form the mean of several values.
_LINEAR = ("add", "affine", "avg_pool", "binary", "concat", "flatten", "move", "reduce")
_DRAWN = 8
# In float32, the rounding error of a sum of thousands of probabilities is smaller.
_ROUNDING = 1e-4


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities from scores. The last axis adds up to 1.  Shape: (..., classes)."""
    powers = np.exp(_below_highest(scores))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logarithms of the probabilities.  Shape: (..., classes)."""
    below = _below_highest(scores)
    return below - np.log(np.exp(below).sum(axis=-1, keepdims=True))


def _below_highest(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    highest = wide.max(axis=-1, keepdims=True)
    # If the highest score is infinite, its difference to itself would be NaN.
    return np.where(wide == highest, 0.0, wide - np.nan_to_num(highest))


def sigmoid(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """The probability of each label, 1 / (1 + exp(-score)).  Shape: any."""
    powers = np.exp(-np.abs(scores.astype(np.float64)))
    return np.where(scores >= 0, 1.0, powers) / (1.0 + powers)


def score_of(threshold: float) -> float:
    """The score whose sigmoid is `threshold`. Labels with a higher score are answered with yes.

    Raises: UsageError for a threshold that is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise UsageError(f"threshold {threshold}; give a number between 0 and 1")
    return math.log(threshold) - math.log1p(-threshold)


def gives_probabilities(model: Any, output: int | None = None) -> bool:
    """Whether the scores of a packed network are the probabilities of a softmax, or a mean of them.

    Any weighted sum of the probabilities of several softmaxes counts, if the weights add up to 1.

    model: a `PackedModel`, or an object that has one as `.model`. For any other object the answer
        is False.
    output: the number of the node that returns the scores; None means that of the first output.
    """
    packed = model if isinstance(model, PackedModel) else getattr(model, "model", None)
    if not isinstance(packed, PackedModel):
        return False
    number = packed.outputs[0].node if output is None else output
    source = unmoved(packed, number)
    if packed.is_input(source):
        return False
    return packed.node(source).op == "softmax" or _add_up_to_one(packed, number)


def _add_up_to_one(packed: PackedModel, number: int) -> bool:
    """Whether a value is computed only from softmaxes, and its channels always add up to 1.

    To find out, the operations after the softmaxes are run on random probabilities, which are drawn
    for each softmax independently.
    """
    between = _after_softmax(packed, number)
    if between is None:
        return False
    random = np.random.default_rng(0)
    values: dict[int, NDArray[Any]] = {}
    for place in between:
        node = packed.node(place)
        if node.op == "softmax":
            shape = (_DRAWN, *packed.types[place][1:])
            values[place] = softmax(4 * random.normal(size=shape)).astype(np.float32)
        else:
            values[place] = apply(node, [values[index] for index in node.inputs])
    given = values[number].astype(np.float64)
    sums = given.sum(axis=-1)
    return bool(given.min() >= 0 and np.abs(sums - 1).max() < _ROUNDING)


def _after_softmax(packed: PackedModel, number: int) -> list[int] | None:
    """The nodes from the softmaxes to a value, both included; None if it has other sources."""
    found, left = set(), [number]
    while left:
        place = left.pop()
        if place in found:
            continue
        if packed.is_input(place):
            return None
        node = packed.node(place)
        if node.op != "softmax":
            if node.op not in _LINEAR:
                return None
            left += node.inputs
        found.add(place)
    return sorted(found)


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
