"""Find the values that become bits: those of two levels, and the comparison that makes each."""

import math
from collections.abc import Callable, Collection
from typing import NamedTuple

import torch
from torch import Tensor

from signbit.format import Input
from signbit.format.types import BITS, U8
from signbit.pack._draft import (
    Concat,
    Conv,
    Flatten,
    Given,
    MaxPool,
    Move,
    Pointwise,
    Step,
    base_of,
)
from signbit.pack._functions import Function, Keys, Turns, evaluated
from signbit.pack._pixels import pixel_code
from signbit.pack._thresholds import (
    Thresholds,
    float_keys,
    float_thresholds,
    integer_keys,
    integer_thresholds,
)
from signbit.pack._two_values import Levels, Reason, TwoValues, third_at, two_values
from signbit.pack._zeros import Zeros


class Comparison(NamedTuple):
    """Bits from a comparison of a step's numbers, described by the keys where they turn.

    floats: whether keys stand for float32 numbers. Otherwise they stand for whole numbers.
    """

    of: Step
    turns: Turns
    levels: Levels
    floats: bool

    def thresholds(self, mask: Tensor | None) -> Thresholds:
        """The comparison; in the channels of the mask, that of the opposite bits."""
        turns = self.turns
        if mask is not None:
            turns = turns._replace(before=turns.before ^ mask, after=turns.after ^ mask)
        return float_thresholds(turns) if self.floats else integer_thresholds(turns)


class OfBits(NamedTuple):
    """The bits of another step, negated in the channels of the mask."""

    of: Step
    mask: Tensor
    levels: Levels


class Carried(NamedTuple):
    """Bits that pass through pooling or movement, and may be negated before and after it."""

    through: Step
    inner: Pointwise
    mask: Tensor
    levels: Levels


Plan = Comparison | OfBits | Carried


class Integers(NamedTuple):
    """Whole numbers from -bound to bound that stand for real numbers, unit times each.

    first, step: the numbers are first, first + step, and so on.
    """

    unit: float
    low: int
    high: int
    step: int


class Folding:
    """Says which values are bits. Each value is examined once."""

    def __init__(self):
        self.shown = frozenset[Step]()
        self._found: dict[tuple[Step, Step], TwoValues | Reason] = {}
        self._zeros, self._centred = Zeros(of_inputs=True), Zeros(of_inputs=False)
        self._plans: dict[Step, Plan | Reason] = {}
        self._levels: dict[Step, Levels | Reason] = {}

    def where_shown(self, shown: Collection[Step]) -> "Folding":
        """The same, for a network that uses these steps as real values.

        A function of one of them is then examined as a function of that step. It is less work to
        read a value that exists than to compute again from an earlier one.
        """
        folding = Folding()
        folding.shown, folding._found = frozenset(shown), self._found
        return folding

    def levels(self, step: Step) -> Levels | None:
        """The two numbers that a step has; None where it has more."""
        found = self.look(step)
        return found if isinstance(found, Levels) else None

    def look(self, step: Step) -> Levels | Reason:
        """The two numbers that a step has, or the reason why there are not two."""
        if step not in self._levels:
            self._levels[step] = self._look(step)
        return self._levels[step]

    def plan(self, step: Pointwise) -> Plan | Reason:
        """How the bits of a function are computed, or the reason why it has none."""
        if step not in self._plans:
            self._plans[step] = self._planned(step)
        return self._plans[step]

    def integers(self, step: Step) -> Integers | None:
        """The whole numbers that stand for a step's values; None where there are none."""
        if isinstance(step, Flatten | MaxPool | Concat | Move):
            return self._carried_integers(step)
        if not isinstance(step, Conv) or not step.binary:
            return None
        fan_in = math.prod(step.weight.shape[1:])
        if step.on_bits:
            some_missing = any(step.padding) and step.padding_value == 0
            return Integers(1.0, -fan_in, fan_in, 1 if some_missing else 2)
        padded = any(step.padding) and step.padding_value != 0
        (source,) = step.sources
        code = pixel_code(source.input) if isinstance(source, Given) else None
        if code is None or padded:
            return None
        bound = fan_in * code.largest
        if code.multiplier > 2 and bound >= 1 << 24:
            # Torch rounds such sums. They are compared with it as real numbers.
            return None
        return Integers(code.unit, -bound, bound, 1)

    def _carried_integers(self, step: Step) -> Integers | None:
        """The whole numbers of a step that pools, joins or moves. A zero as fill is one of them."""
        sources = [self.integers(source) for source in step.sources]
        first = sources[0]
        fill = step.fill if isinstance(step, Move) else None
        if first is None or fill not in (None, 0.0):
            return None
        if len(sources) == 1 and fill is None:
            return first
        known = [one for one in sources if one is not None and one.unit == first.unit]
        if len(known) < len(sources):
            return None
        low, high = min(one.low for one in known), max(one.high for one in known)
        return Integers(first.unit, low, high, 1)

    def pixels(self, step: Step) -> Input | None:
        """The input of u8 whose codes a step is, perhaps in other places."""
        if isinstance(step, Flatten) or (isinstance(step, Move) and step.fill is None):
            found = self.pixels(step.sources[0])
            return found if found is not None and _has_one_scale(found) else None
        return step.input if isinstance(step, Given) and step.input.kind == U8 else None

    def has_third_when_flat(self, step: Pointwise) -> bool:
        """Whether a sign of numbers minus their mean gives a third number for flat images.

        Rounding may leave the engine a number other than 0 there.
        """
        function = Function(step, self._looked_at(step))
        return step.stepwise and self._centred.have_third(function)

    def _look(self, step: Step) -> Levels | Reason:
        if isinstance(step, Pointwise):
            plan = self.plan(step)
            return plan if isinstance(plan, Reason) else plan.levels
        if isinstance(step, MaxPool | Flatten | Concat):
            found = [self.look(source) for source in step.sources]
            return _one_for_all(step, found)
        if isinstance(step, Move):
            return self._look_at_moved(step)
        if isinstance(step, Given) and step.input.kind == BITS:
            return _uniform(0.0, 1.0, step.size[2])
        return Reason("it is real")

    def _look_at_moved(self, step: Move) -> Levels | Reason:
        levels = self.look(step.sources[0])
        if isinstance(levels, Reason):
            return levels
        both = levels.centre_and_distance()
        if both is None:
            return Reason("its channels have different values")
        centre, distance = both
        if step.fill is not None and step.fill not in (centre - distance, centre + distance):
            return Reason(f"{step.fill:g} is inserted between its values")
        return _uniform(centre, distance, step.size[2])

    def _planned(self, step: Pointwise) -> Plan | Reason:
        of = self._looked_at(step)
        function = Function(step, of)
        if self.levels(of) is not None:
            return self._of_bits(function)
        if not any(one.stepwise for one in function.between()):
            return Reason("it is real")
        if of not in self.shown and isinstance(of, MaxPool | Flatten | Move):
            carried = self._carried(function)
            if carried is not None:
                return carried
        return self._compared(function)

    def _looked_at(self, step: Pointwise) -> Step:
        """The base of the function, or a later real value if the function depends only on it."""
        ends: dict[Step, None] = {}
        stack, seen = list(step.sources), set[Step]()
        while stack:
            one = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in self.shown or not isinstance(one, Pointwise):
                ends[one] = None
            else:
                stack.extend(one.sources)
        return next(iter(ends)) if len(ends) == 1 else base_of(step)

    def _of_bits(self, function: Function) -> Plan | Reason:
        levels = self.levels(function.of)
        assert levels is not None
        values = torch.stack([function(level[None])[0] for level in levels])
        low, high = values.min(0).values, values.max(0).values
        if bool(values.isnan().any()) or bool((low == high).any()):
            return self._of_real_levels(function)
        return OfBits(function.of, values[0] > values[1], Levels(low, high))

    def _of_real_levels(self, function: Function) -> Plan | Reason:
        """The bits of a function of two levels that may be constant in some channels."""
        found = two_values(function, float_keys(function, function.of.size[2]))
        if isinstance(found, Reason):
            return found
        return Comparison(function.of, found.turns, found.levels, floats=True)

    def _carried(self, function: Function) -> Plan | Reason | None:
        """Bits of the value before a pooling or movement; None where there are none."""
        (source,) = function.of.sources
        direction = function.direction
        if isinstance(function.of, MaxPool):
            if direction is None:
                return None
            falling = direction < 0
        else:
            if not function.uniform or (
                isinstance(function.of, Move) and function.of.fill is not None
            ):
                return None
            falling = torch.zeros(source.size[2], dtype=torch.bool)
        inner = Pointwise(
            function.step.place,
            (source,),
            source.size,
            base_of(source),
            lambda rows: evaluated(function.step, {function.of: rows})[function.step],
            [direction if isinstance(function.of, MaxPool) else _spread(direction, source)],
            None,
            function.uniform,
            stepwise=True,
        )
        plan = self.plan(inner)
        if isinstance(plan, Reason):
            return plan
        levels = plan.levels
        if not isinstance(function.of, MaxPool):
            both = levels.centre_and_distance()
            if both is None:
                return Reason("its channels have different values")
            levels = _uniform(*both, function.of.size[2])
        return Carried(function.of, inner, falling, levels)

    def _compared(self, function: Function) -> Plan | Reason:
        """A comparison of the argument, or of a later real value where only that turns once."""
        found = self._once(function)
        if isinstance(found, TwoValues):
            if found.between and self._zeros.have_third(function):
                return _FLAT
            floats = self.integers(function.of) is None and self.pixels(function.of) is None
            return Comparison(function.of, found.turns, found.levels, floats)
        later = _last_turning(function) if not found.third else None
        if later is None or not any(one.stepwise for one in later.between()):
            return found
        again = two_values(later, float_keys(later, later.of.size[2]))
        if isinstance(again, Reason):
            return found
        if again.between:
            third = third_at(function, *self._keys(function), again.levels)
            if third is not None or self._zeros.have_third(later):
                return third or _FLAT
        return Comparison(later.of, again.turns, again.levels, floats=True)

    def _once(self, function: Function) -> TwoValues | Reason:
        if function not in self._found:
            self._found[function.step, function.of] = self._looked_at_keys(function)
        return self._found[function.step, function.of]

    def _looked_at_keys(self, function: Function) -> TwoValues | Reason:
        keys, step = self._keys(function)
        if step is None:
            zeros = function(torch.tensor([[0.0], [-0.0]]).expand(-1, function.of.size[2]))
            if bool((zeros[0] != zeros[1]).any()) and not bool(zeros.isnan().any()):
                return Reason("it tells 0 from -0, which a comparison cannot do", few=True)
        return two_values(function, keys, step)

    def _keys(self, function: Function) -> tuple[Keys, int | None]:
        """The keys of a function's argument, and how far those that can occur are apart."""
        of, channels = function.of, function.of.size[2]
        whole = self.integers(of)
        if whole is not None:
            keys = integer_keys(whole.low, whole.high, channels)
            return keys._replace(number=lambda key: key.float() * whole.unit), whole.step
        pixels = self.pixels(of)
        if pixels is not None:
            keys = integer_keys(0, 255, channels)
            return keys._replace(number=_number_of(pixels, channels)), 1
        return float_keys(function, channels), None


def _number_of(pixels: Input, channels: int) -> Callable[[Tensor], Tensor]:
    """A function from codes of `channels` channels to the numbers that they stand for."""
    scale, bias = (torch.tensor(one, dtype=torch.float32) for one in (pixels.scale, pixels.bias))
    if channels != len(scale):
        scale, bias = scale[:1], bias[:1]
    return lambda key: key.float() * scale + bias


def _has_one_scale(pixels: Input) -> bool:
    return len(set(pixels.scale)) == 1 and len(set(pixels.bias)) == 1


_FLAT = Reason("it gives 0 where an image is flat", few=True, third=True)


def _last_turning(function: Function) -> Function | None:
    """The rest of a function after its last part that is not monotone and can be a real value."""
    found, step = None, function.step
    while True:
        sources = set(step.sources) - {function.of}
        if len(sources) != 1 or len(set(step.sources)) != 1:
            return found
        (step,) = sources
        rest = Function(function.step, step)
        if not isinstance(step, Pointwise) or rest.direction is None:
            return found
        found = rest if step.form is not None and not step.stepwise else None


def _spread(direction: Tensor | None, source: Step) -> Tensor | None:
    """The direction of a function for other channels, where it is the same for all channels."""
    return None if direction is None else direction[:1].expand(source.size[2])


def _uniform(centre: float, distance: float, channels: int) -> Levels:
    return Levels(
        torch.full((channels,), centre - distance), torch.full((channels,), centre + distance)
    )


def _one_for_all(step: Step, found: list[Levels | Reason]) -> Levels | Reason:
    for one in found:
        if isinstance(one, Reason):
            return one
    if isinstance(step, MaxPool):
        return found[0]
    both = {one.centre_and_distance() for one in found if isinstance(one, Levels)}
    if len(both) != 1 or None in both:
        return Reason("its parts have different values")
    ((centre, distance),) = both  # pyright: ignore
    return _uniform(centre, distance, step.size[2])
