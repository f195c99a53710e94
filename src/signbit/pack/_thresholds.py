"""Where a monotone function with a yes-or-no answer turns, found by asking it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# (C,) float32 values, one per channel, to (C,) answers.
Question = Callable[[Tensor], Tensor]

_LARGEST_FLOAT = 0x7F7FFFFF  # the bits of the largest finite float32


class Thresholds(NamedTuple):
    """Per channel: x < value where `below` is set, else x > value."""

    value: NDArray[np.int32] | NDArray[np.float32]
    below: NDArray[np.bool_]


def integer_thresholds(question: Question, channels: int, bound: int) -> Thresholds:
    """For integers from -bound to bound, as float32 holds them.

    A constant gets a threshold at the end of int32.
    """
    turn, before, after = _bisect(question, channels, bound, lambda keys: keys.float())
    # Rising: yes from `turn` on, so x > turn - 1. Falling: yes before it, so x < turn.
    value = np.where(after, turn - 1, turn)
    ends = np.iinfo(np.int32)
    value = np.where(before & after, ends.min, np.where(~before & ~after, ends.max, value))
    return Thresholds(value.astype(np.int32), before & ~after)


def float_thresholds(question: Question, channels: int) -> Thresholds:
    """For finite float32 numbers; a constant gets an infinite threshold."""
    turn, before, after = _bisect(question, channels, _LARGEST_FLOAT, _float_of)
    value = np.where(after, _floats(turn - 1), _floats(turn))
    value = np.where(before & after, -np.inf, np.where(~before & ~after, np.inf, value))
    return Thresholds(value.astype(np.float32), before & ~after)


def _bisect(
    question: Question, channels: int, bound: int, decode: Callable[[Tensor], Tensor]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """The first key with the last answer, and the answers at both ends.

    Sound because every step between is monotone: rounding never turns an order round.
    """
    low = torch.full((channels,), -bound, dtype=torch.int64)
    high = torch.full((channels,), bound, dtype=torch.int64)
    before, after = question(decode(low)), question(decode(high))
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        turned = question(decode(middle)) == after
        high = torch.where(turned, middle, high)
        low = torch.where(turned, low, middle)
    return high.numpy(), before.numpy(), after.numpy()


def _float_of(keys: Tensor) -> Tensor:
    return torch.from_numpy(_floats(keys.numpy()))


def _floats(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """The float32 numbers in their order: key 0 is zero, +-1 the smallest, and so on."""
    sizes = np.abs(keys).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -sizes, sizes)
