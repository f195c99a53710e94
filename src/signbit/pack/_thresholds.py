"""Where a monotone function with a yes-or-no answer turns, found by asking it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# (C,) float32 values, one per channel, to (C,) answers.
Question = Callable[[Tensor], Tensor]

_LARGEST = 0x7F7FFFFF  # the bits of the largest finite float32, and so its key


class Thresholds(NamedTuple):
    """Per channel: x < value where `below` is set, else x > value."""

    value: NDArray[np.int32] | NDArray[np.float32]
    below: NDArray[np.bool_]


def integer_thresholds(question: Question, channels: int, bound: int) -> Thresholds:
    """For integers from -bound to bound, as float32 holds them.

    A constant gets a threshold at the end of int32.
    """
    ends = _keys(channels, -bound), _keys(channels, bound)
    turn, before, after = _bisect(lambda keys: question(keys.float()), *ends)
    # Rising: yes from `turn` on, so x > turn - 1. Falling: yes before it, so x < turn.
    value = np.where(after, turn - 1, turn)
    int32 = np.iinfo(np.int32)
    value = np.where(before & after, int32.min, np.where(~before & ~after, int32.max, value))
    return Thresholds(value.astype(np.int32), before & ~after)


def float_thresholds(question: Question, defined: Question, channels: int) -> Thresholds:
    """For the finite float32 numbers that the function is defined for.

    A constant gets an infinite threshold. Far from 0 a function may be undefined: where a step
    overflows, the next may be NaN. Such numbers count as their nearest neighbour that has a value.
    """
    ends = _last_defined(defined, channels, -1), _last_defined(defined, channels, 1)
    turn, before, after = _bisect(lambda keys: question(_float_of(keys)), *ends)
    value = np.where(after, _floats(turn - 1), _floats(turn))
    value = np.where(before & after, -np.inf, np.where(~before & ~after, np.inf, value))
    return Thresholds(value.astype(np.float32), before & ~after)


def _last_defined(defined: Question, channels: int, side: int) -> Tensor:
    """The key furthest from 0 on that side; the very last one where 0 has no value either."""
    turn, at_zero, at_end = _bisect(
        lambda keys: defined(_float_of(side * keys)), _keys(channels, 0), _keys(channels, _LARGEST)
    )
    return side * torch.from_numpy(np.where(at_zero & ~at_end, turn - 1, _LARGEST))


def _bisect(
    question: Question, low: Tensor, high: Tensor
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """The first key from low to high with the last answer, and the answers at both ends.

    Sound because every step between is monotone: rounding never turns an order round.
    """
    before, after = question(low), question(high)
    while bool((high - low > 1).any()):
        middle = (low + high) // 2
        turned = question(middle) == after
        high = torch.where(turned, middle, high)
        low = torch.where(turned, low, middle)
    return high.numpy(), before.numpy(), after.numpy()


def _keys(channels: int, key: int) -> Tensor:
    return torch.full((channels,), key, dtype=torch.int64)


def _float_of(keys: Tensor) -> Tensor:
    return torch.from_numpy(_floats(keys.numpy()))


def _floats(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    """The float32 numbers in their order: key 0 is zero, +-1 the smallest, and so on."""
    sizes = np.abs(keys).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -sizes, sizes)
