"""Functions of one number: their values, whether they rise, and where they turn."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from signbit.pack._draft import Pointwise, Step, in_order

# For how many keys a question is asked at once, and into how many parts a range is cut.
_AT_ONCE, _MOST_PARTS = 1 << 13, 64


class Function(NamedTuple):
    """A step as a function of another step.

    step: the function's value.
    of: the function's argument.
    """

    step: Step
    of: Step

    def __call__(self, rows: Tensor) -> Tensor:
        """The function's values, float32, for (rows, C) of the argument."""
        return evaluated(self.step, {self.of: rows})[self.step].float()

    def is_defined(self, rows: Tensor) -> Tensor:
        """Where no part of it is NaN. A comparison would hide a NaN."""
        values = evaluated(self.step, {self.of: rows}).values()
        return torch.stack([~value.isnan() for value in values]).all(0)

    @property
    def direction(self) -> Tensor | None:
        """The sign of its slope, (C,); None where it is not known to be monotone."""
        return _direction(self.step, self.of, {})

    @property
    def uniform(self) -> bool:
        """Whether it is the same for every channel."""
        return all(step.uniform for step in self.between())

    def between(self) -> list[Pointwise]:
        """The functions that it is made of, in their order."""
        steps = in_order(self.step, known=self.of)
        return [step for step in steps if isinstance(step, Pointwise)]

    def marks(self) -> list["Function"] | None:
        """Its stepwise parts, if it changes only where one of these does; else None."""
        marks: dict[Step, None] = {}
        stack = [self.step]
        while stack:
            step = stack.pop()
            if step in marks:
                continue
            if step is self.of or not isinstance(step, Pointwise):
                return None
            part = Function(step, self.of)
            if step.stepwise and part.direction is not None:
                marks[step] = None
            else:
                stack.extend(step.sources)
        return [Function(step, self.of) for step in marks]


def evaluated(step: Step, known: Mapping[Step, Tensor]) -> dict[Step, Tensor]:
    """The values of a step and of those before it, from the values of some known steps."""
    values = dict(known)
    stack = [step]
    while stack:
        one = stack[-1]
        if one in values:
            stack.pop()
            continue
        missing = [source for source in one.sources if source not in values]
        if missing:
            stack.extend(missing)
            continue
        assert isinstance(one, Pointwise)
        values[one] = one.compute(*(values[source] for source in one.sources))
        stack.pop()
    return values


def _direction(step: Step, of: Step, known: dict[Step, Tensor | None]) -> Tensor | None:
    for one in Function(step, of).between():
        total: Tensor | None = None
        for source, slope in zip(one.sources, one.slopes, strict=True):
            inner = torch.ones(one.size[2]) if source is of else known[source]
            if inner is None or slope is None or bool(slope.isnan().any()):
                total = None
                break
            product = inner * slope
            if total is not None and bool((total * product < 0).any()):
                total = None
                break
            total = product if total is None else (total + product).sign()
        known[one] = total
    return torch.ones(step.size[2]) if step is of else known[step]


class Keys(NamedTuple):
    """Ordered numbers, each with a whole number as its key. Keys go from `low` to `high`, (C,).

    number: from keys, (rows, C) or (C,), to float32 numbers.
    """

    low: Tensor
    high: Tensor
    number: Callable[[Tensor], Tensor]


class Turns(NamedTuple):
    """Where a function of keys changes, per channel. Its only values are `low` and `high`.

    turn: the first key with the value of the last key.
    before, after: whether the value is `high` at the first key, and at the last.
    """

    turn: Tensor
    before: Tensor
    after: Tensor


def bisected(question: Callable[[Tensor], Tensor], keys: Keys) -> Turns:
    """Find where a monotone question turns. Rounding never reverses an order, so this is sound.

    question: from keys, (rows, C), to truth values.
    """
    low, high = keys.low, keys.high
    before, after = question(torch.stack([low, high]))
    if torch.equal(before, after):
        # It is monotone, so with equal ends it turns nowhere.
        return Turns(high, before, after)
    # A call costs much and each number in it little, so a range is cut into many parts at once.
    parts = min(max(_AT_ONCE // len(low), 2), _MOST_PARTS)
    cuts = torch.arange(1, parts)[:, None]
    while bool((high - low > 1).any()):
        middle = low + torch.div((high - low) * cuts, parts, rounding_mode="floor")
        turned = question(middle) == after
        # The last cut that has not turned, 0 for the lower end; the next one has.
        last = torch.where(turned, 0, cuts).amax(0, keepdim=True)
        marks = torch.cat([low[None], middle, high[None]])
        low, high = marks.gather(0, last)[0], marks.gather(0, last + 1)[0]
    return Turns(high, before, after)
