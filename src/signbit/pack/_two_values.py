"""Find out whether a function has two values, and where it changes between them."""

from typing import NamedTuple

import torch
from torch import Tensor

from signbit.pack._functions import Function, Keys, Turns, bisected, evaluated

# How many keys across a whole range are looked at.
_ACROSS = 1 << 12
# The most numbers that are evaluated one by one, and how many of them at a time.
_MOST_LOOKS = 1 << 26
_AT_ONCE = 1 << 22
_FEW = 4
# Floating-point numbers closer than this may differ only by rounding.
_NARROW, _TINY = 1e-6, 1e-30


class Levels(NamedTuple):
    """The numbers that bits stand for, per channel: that of bit 0, and the higher one of bit 1."""

    low: Tensor
    high: Tensor

    def centre_and_distance(self) -> tuple[float, float] | None:
        """The middle of both numbers, and their distance from it; None where channels differ."""
        if len(self.low.unique()) > 1 or len(self.high.unique()) > 1:
            return None
        low, high = float(self.low[0]), float(self.high[0])
        return (low + high) / 2, (high - low) / 2


class TwoValues(NamedTuple):
    """The two values of a function, and where it turns.

    levels: its two values.
    turns: the keys of its argument where it turns.
    between: whether it has a third value between them, on a range that only rounding can hit.
    """

    levels: Levels
    turns: Turns
    between: bool = False


class Reason(NamedTuple):
    """The reason why a function does not have two values.

    few: whether it has only a few values, so that it is probably meant as a sign.
    third: whether it has a third value, for an argument that can occur.
    """

    text: str
    few: bool = False
    third: bool = False


def two_values(function: Function, keys: Keys, step: int | None = None) -> TwoValues | Reason:
    """The two values of a function of keys, or the reason why it has none.

    step: the keys that can occur are the lowest, the lowest + step, and so on. None where keys
        stand for float32 numbers, all of which can occur.
    """
    if function.direction is not None:
        return _of_monotone(function, keys, step)
    return _of_any(function, keys, step)


def third_at(function: Function, keys: Keys, step: int | None, levels: Levels) -> Reason | None:
    """The reason why a function is not a sign, where some of its keys give a third number.

    It looks at keys across the whole range. The sign of a GELU, for example, gives 0 for all
    numbers below -14. Only rounding can hit other values between these keys.
    """
    apart = step or 1
    count = (keys.high - keys.low) // apart
    parts = torch.arange(_ACROSS + 1)[:, None]
    rows = keys.low + torch.div(count * parts, _ACROSS, rounding_mode="floor") * apart
    values = _at(function, keys, rows)
    odd = (values != levels.low) & (values != levels.high)
    if not bool(odd.any()):
        return None
    number = keys.number(rows)[odd][0]
    return Reason(f"it gives {float(values[odd][0]):g} at {float(number):g}", few=True, third=True)


def _of_monotone(function: Function, keys: Keys, step: int | None) -> TwoValues | Reason:
    ends = _at(function, keys, torch.stack([keys.low, keys.high]))
    levels = _levels(ends)
    if isinstance(levels, Reason):
        return levels
    middle = (levels.low + levels.high) / 2
    turns = bisected(lambda one: _at(function, keys, one) > middle, keys)
    around = _at(function, keys, torch.stack([turns.turn - 1, turns.turn]))
    odd = ((around != levels.low) & (around != levels.high)).any(0) & (turns.before != turns.after)
    if not bool(odd.any()):
        return TwoValues(levels, turns)
    return _with_a_third(function, keys, levels, turns, ends, odd, step)


def _with_a_third(
    function: Function,
    keys: Keys,
    levels: Levels,
    turns: Turns,
    ends: Tensor,
    odd: Tensor,
    step: int | None,
) -> TwoValues | Reason:
    """Check values between the two. They are allowed only where none of them can occur."""
    leaves = bisected(lambda one: _at(function, keys, one) != ends[0], keys).turn
    arrives = bisected(lambda one: _at(function, keys, one) == ends[1], keys).turn
    # The first and the last value between the two. Where both are the same, all are.
    values = _at(function, keys, torch.stack([leaves, arrives - 1]))[:, odd].unique()
    third = "0" if len(values) == 1 and float(values[0]) == 0 else "other values"
    if step is None:
        if bool(_is_narrow(function, keys.number(leaves - 1), keys.number(arrives))[odd].all()):
            return TwoValues(levels, turns._replace(turn=arrives), between=True)
        few = len(values) == 1
        return Reason(f"it gives {third} between its two values", few, third=few)
    start = keys.low % step
    reachable = leaves + (start - leaves) % step
    hit = odd & (reachable < arrives)
    if not bool(hit.any()):
        return TwoValues(levels, turns._replace(turn=arrives))
    count = int(((arrives - reachable + step - 1) // step)[hit].sum())
    return Reason(
        f"it gives {third} for {count} of the sums that its {int(hit.sum())} channels can take",
        few=len(values) == 1,
        third=len(values) == 1,
    )


def _is_narrow(function: Function, low: Tensor, high: Tensor) -> Tensor:
    """Whether two numbers, or the results of a part of the function, differ only by rounding.

    For example, x + bias is 0 for many x near -bias, because they round to the same sum.
    """
    below, above = (evaluated(function.step, {function.of: row[None]}) for row in (low, high))
    narrow = (high - low) <= _NARROW * torch.maximum(low.abs(), high.abs()) + _TINY
    for part in function.between():
        one, other = below[part][0].float(), above[part][0].float()
        close = (other - one).abs() <= _NARROW * torch.maximum(one.abs(), other.abs())
        narrow |= close & (one != other)
    return narrow


def _of_any(function: Function, keys: Keys, step: int | None) -> TwoValues | Reason:
    rows = _rows(function, keys, step)
    if rows is None:
        return Reason("it is not known to be monotone")
    values = torch.cat(
        [function(keys.number(part)) for part in rows.split(max(_AT_ONCE // rows.shape[1], 1))]
    )
    levels = _levels(values)
    if isinstance(levels, Reason):
        return levels
    bits = values == levels.high
    changes = (bits[1:] != bits[:-1]).long()
    if bool((changes.sum(0) > 1).any()):
        return Reason("it is not monotone: it turns more than once", few=True)
    at = changes.argmax(0) + 1
    turn = rows.gather(0, at[None])[0] if len(rows) > 1 else rows[0]
    return TwoValues(levels, Turns(turn, bits[0], bits[-1]))


def _rows(function: Function, keys: Keys, step: int | None) -> Tensor | None:
    """The keys to evaluate, (rows, C): all keys, or those around each change."""
    channels = len(keys.low)
    if step is not None:
        low, high = int(keys.low[0]), int(keys.high[0])
        count = (high - low) // step + 1
        if count * channels <= _MOST_LOOKS:
            return torch.arange(low, high + 1, step)[:, None].expand(-1, channels)
    marks = function.marks()
    if not marks:
        return None
    rows = [keys.low, keys.high]
    for mark in marks:
        ends = _at(mark, keys, torch.stack([keys.low, keys.high]))
        leaves = bisected(lambda one, m=mark, e=ends: _at(m, keys, one) != e[0], keys).turn
        arrives = bisected(lambda one, m=mark, e=ends: _at(m, keys, one) == e[1], keys).turn
        rows += [turn + side for turn in (leaves, arrives) for side in (-1, 0)]
    limited = torch.stack(rows).clamp(keys.low, keys.high)
    return limited.sort(0).values


def _at(function: Function, keys: Keys, rows: Tensor) -> Tensor:
    return function(keys.number(rows))


def _levels(values: Tensor) -> Levels | Reason:
    """The two numbers that a function gives, from (rows, C) of its values."""
    if bool(values.isnan().any()):
        return Reason("it gives NaN", few=True)
    if bool(values.isinf().any()):
        return Reason("it gives infinity")
    both = values.unique()
    if len(both) == 1:
        (value,) = both
        pair = sorted((float(value), -float(value))) if float(value) else [0.0, 1.0]
        both = torch.tensor(pair)
    if len(both) == 2:
        return Levels(*(level.expand(values.shape[1]) for level in both))
    low, high = values.min(0).values, values.max(0).values
    changing = low != high
    odd = ((values != low) & (values != high)).any()
    if bool(odd):
        return Reason(f"it gives {len(both)} values", few=len(both) <= _FEW)
    lows, highs = low[changing].unique(), high[changing].unique()
    if len(lows) == len(highs) == 1:
        return Reason(
            f"it is constant in {int((~changing).sum())} channels, at another value", few=True
        )
    return Levels(low, high)
