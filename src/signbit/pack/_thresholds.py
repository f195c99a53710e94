"""Make comparisons with one number from the keys where a function of two values turns."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from signbit.pack._functions import Function, Keys, Turns, bisected

_LARGEST = 0x7F7FFFFF  # the bits of the largest finite float32, and so its key


class Thresholds(NamedTuple):
    """Per channel: x < value where `below` is set, else x > value."""

    value: NDArray[np.int32] | NDArray[np.float32]
    below: NDArray[np.bool_]


def integer_keys(low: int, high: int, channels: int) -> Keys:
    """Keys for whole numbers, which float32 holds exactly."""
    return Keys(_filled(channels, low), _filled(channels, high), lambda keys: keys.float())


def float_keys(function: Function, channels: int) -> Keys:
    """Keys for the finite float32 numbers for which the function is defined.

    Far from 0 a function may be undefined: where one part overflows, the next may be NaN. For such
    a number, the value at the nearest defined number counts.
    """
    ends = Keys(_filled(channels, -_LARGEST), _filled(channels, _LARGEST), float_of)
    rows = torch.stack([ends.low, _filled(channels, 0), ends.high])
    if bool(function.is_defined(ends.number(rows)).all()):
        return ends
    low, high = (_last_defined(function, channels, side) for side in (-1, 1))
    return Keys(low, high, float_of)


def integer_thresholds(turns: Turns) -> Thresholds:
    """Thresholds of whole numbers. A constant gets a threshold at the end of int32."""
    turn, before, after = (part.numpy() for part in turns)
    # Rising: yes from `turn` on, so x > turn - 1. Falling: yes before it, so x < turn.
    value = np.where(after, turn - 1, turn)
    int32 = np.iinfo(np.int32)
    value = np.where(before & after, int32.min, np.where(~before & ~after, int32.max, value))
    return Thresholds(value.astype(np.int32), before & ~after)


def float_thresholds(turns: Turns) -> Thresholds:
    """Thresholds of float32 numbers. A constant gets an infinite threshold."""
    turn, before, after = (part.numpy() for part in turns)
    value = np.where(after, _floats(turn - 1), _floats(turn))
    value = np.where(before & after, -np.inf, np.where(~before & ~after, np.inf, value))
    return Thresholds(value.astype(np.float32), before & ~after)


def float_of(keys: Tensor) -> Tensor:
    """The float32 numbers of keys. Key 0 is zero, keys +-1 are the smallest numbers, and so on."""
    return torch.from_numpy(_floats(keys.numpy()))


def _last_defined(function: Function, channels: int, side: int) -> Tensor:
    """The defined key furthest from 0 on that side; the last key where 0 is not defined either."""
    ends = _filled(channels, 0), _filled(channels, _LARGEST)
    keys = Keys(ends[0], ends[1], lambda keys: float_of(side * keys))
    turns = bisected(lambda rows: function.is_defined(keys.number(rows)), keys)
    return side * torch.where(turns.before & ~turns.after, turns.turn - 1, _LARGEST)


def _filled(channels: int, key: int) -> Tensor:
    return torch.full((channels,), key, dtype=torch.int64)


def _floats(keys: NDArray[np.int64]) -> NDArray[np.float32]:
    sizes = np.abs(keys).astype(np.uint32).view(np.float32)
    return np.where(keys < 0, -sizes, sizes)
