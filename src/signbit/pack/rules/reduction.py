"""Means, sums and extremes over rows, columns or channels; probabilities."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from signbit.errors import PackError
from signbit.pack._draft import Conv, MaxPool, Step
from signbit.pack._layout import Placed, as_map, placed, places_in_torch, usual_size
from signbit.pack._network import image_shape
from signbit.pack._nodes import NEGATED, clamp, scaled, unary
from signbit.pack._rule import RuleCall, then
from signbit.pack.rules import rules

_SIDES = ("height", "width", "channels")
_AXES = {1: ("channels",), 2: ("channels", "width"), 3: ("channels", "height", "width")}


class Reduction:
    """A reduction over some dimensions. `over(step, function)` makes one number of all."""

    def __init__(self, c: RuleCall, source: Step, axes: Sequence[str]):
        self.c, self.source, self.axes = c, source, axes
        sides = zip(_SIDES, source.size, strict=True)
        self.size: Any = tuple(1 if name in axes else side for name, side in sides)

    @property
    def count(self) -> int:
        """How many numbers become one."""
        return self.source.elements // math.prod(self.size)

    def over(self, step: Step, function: str) -> Step:
        """The maximum, mean or sum of a step of the source's size."""
        return self.c.real("reduce", (step,), self.size, function=function, axes=list(self.axes))

    def of_window(self, function: str) -> Step:
        """The maximum or mean of the source. Pooling computes it where that is the same."""
        if "channels" in self.axes or self.size[:2] != (1, 1):
            return self.over(self.source, function)
        kernel, c = self.source.size[:2], self.c
        window: dict[str, Any] = {"kernel": kernel, "stride": kernel, "padding": (0, 0, 0, 0)}
        if function == "maximum":
            return MaxPool(c.place, (self.source,), self.size, window | {"dilation": (1, 1)})
        step = c.real("avg_pool", (self.source,), self.size, **window, count_padding=False)
        # Sums of whole numbers are the same in any order.
        step.exact = _gives_whole_numbers(c, self.source)
        return step

    def squared(self, step: Step) -> Step:
        """step * step."""
        return self.c.real("binary", (step, step), step.size, function="multiply")

    def less(self, step: Step, other: Step) -> Step:
        """step - other."""
        minus = then(self.c, other, [NEGATED])
        return self.c.real("binary", (step, minus), step.size, function="add")

    def variance(self, correction: float) -> Step:
        """The sum of squared distances from the mean, divided by count - correction."""
        centred = self.less(self.source, self.over(self.source, "mean"))
        step = self.over(self.squared(centred), "mean")
        if not correction:
            return step
        rest = self.count - correction
        return then(self.c, step, [scaled(self.count / rest if rest > 0 else math.inf)])


def _gives_whole_numbers(c: RuleCall, step: Step) -> bool:
    levels = c.network.folding.levels(step)
    if levels is not None:
        return bool((torch.cat(levels) % 1 == 0).all())
    whole = c.network.folding.integers(step)
    return whole is not None and math.frexp(whole.unit)[0] == 0.5


def _reduction(name: str, what: str, compute: Callable[[Reduction], Step], more: int = 0) -> None:
    """Register a reduction.  more: how many further results it has, which cannot be read."""

    @rules.register(name)
    def rule(c: RuleCall) -> Placed | list[Placed | None]:
        found = _reduced(c, compute)
        return [found, *[None] * more] if more else found

    rule.__name__, rule.__doc__ = name, what


def _lowest(r: Reduction) -> Step:
    return then(r.c, r.over(then(r.c, r.source, [NEGATED]), "maximum"), [NEGATED])


def _highest(r: Reduction) -> Step:
    return r.of_window("maximum")


def _variance(r: Reduction) -> Step:
    given = r.c["correction"]
    return r.variance(1.0 if given is None else float(given))


def _deviation(r: Reduction) -> Step:
    return then(r.c, _variance(r), [unary("sqrt")])


def _mean(r: Reduction) -> Step:
    return r.of_window("mean")


def _of_truths(r: Reduction, compute: Callable[[Reduction], Step]) -> Step:
    if r.c["self"].dtype != torch.bool:
        r.c.refuse("reads numbers, not truth values; compare with 0 before: x != 0")
    return compute(r)


def _log_of_sum(r: Reduction) -> Step:
    """The highest number is subtracted before exp and added afterwards, unless it is infinite."""
    largest = torch.finfo(torch.float32).max
    highest = then(r.c, r.over(r.source, "maximum"), [clamp(-largest, largest)])
    powers = then(r.c, r.less(r.source, highest), [unary("exp")])
    log = then(r.c, r.over(powers, "sum"), [unary("log")])
    return r.c.real("binary", (log, highest), r.size, function="add")


def _norm(r: Reduction) -> Step:
    order = r.c.number("ord")
    if order == 2:
        return then(r.c, r.over(r.squared(r.source), "sum"), [unary("sqrt")])
    sizes = then(r.c, r.source, [unary("abs")])
    if order not in (1, math.inf):
        r.c.refuse(f"a norm of order {order:g}; give order 1, 2 or infinity")
    return r.over(sizes, "sum" if order == 1 else "maximum")


_reduction("mean", "The mean over some dimensions.", _mean)
_reduction("sum", "The sum over some dimensions.", lambda r: r.over(r.source, "sum"))
_reduction("amax", "The highest over some dimensions.", _highest)
_reduction("amin", "The lowest over some dimensions.", _lowest)
_reduction("max", "The highest over one dimension; its index cannot be read.", _highest, more=1)
_reduction("min", "The lowest over one dimension; its index cannot be read.", _lowest, more=1)
_reduction("any", "Whether any of the truth values is true.", lambda r: _of_truths(r, _highest))
_reduction("all", "Whether all of the truth values are true.", lambda r: _of_truths(r, _lowest))
_reduction(
    "var",
    "The sum of squared distances from the mean, divided by one less than their number.",
    _variance,
)
_reduction("std", "The root of the variance.", _deviation)
_reduction("logsumexp", "The logarithm of the sum of exp(x) over some dimensions.", _log_of_sum)
_reduction(
    "linalg_vector_norm",
    "The norm of order 1, 2 or infinity over some dimensions.",
    _norm,
)


def _two(name: str, what: str, *compute: Callable[[Reduction], Step]) -> None:
    @rules.register(name)
    def rule(c: RuleCall) -> list[Placed | None]:
        return [_reduced(c, one) for one in compute]

    rule.__name__, rule.__doc__ = name, what


_two("var_mean", "The variance and the mean over some dimensions.", _variance, _mean)
_two("std_mean", "The root of the variance and the mean over some dimensions.", _deviation, _mean)
_two("aminmax", "The lowest and the highest over one dimension.", _lowest, _highest)


@rules.register("_softmax")
def softmax(c: RuleCall) -> Placed:
    """Probabilities over one dimension."""
    return _over(c, lambda step: c.real("softmax", (step,), step.size))


@rules.register("_log_softmax")
def log_softmax(c: RuleCall) -> Placed:
    """Logarithms of probabilities over one dimension."""
    return _over(c, lambda step: c.real("log_softmax", (step,), step.size))


@rules.register("cumsum")
def cumsum(c: RuleCall) -> Placed:
    """The sum of all numbers up to each one, along one dimension."""

    def sums(step: Step) -> Step:
        ones = torch.ones(step.size[2], step.size[2]).tril()
        return Conv(c.place, (step,), step.size, ones[:, :, None, None], False)

    return _over(c, sums)


def _over(c: RuleCall, compute: Callable[[Step], Step]) -> Placed:
    """An operation over the channels. Another dimension can take their place meanwhile."""
    value = c.value("self")
    axis = int(c["dim"]) % len(c.shape) - 1
    if axis < 0:
        c.refuse(
            "works over the images of a batch; give another dimension, such as that of the classes"
        )
    turned = _first(value, axis)
    step = as_map(turned, c.place)
    result = compute(step)
    back = Placed(result, turned.shape)
    places = back.places().reshape(turned.shape).movedim(0, axis) if len(turned.shape) else None
    return back if places is None or axis == 0 else Placed(result, value.shape, places)


def _first(value: Placed, axis: int) -> Placed:
    """A value with one of its dimensions as the first."""
    if axis == 0 and usual_size(value.shape) is not None:
        return value
    places = value.places().movedim(axis, 0)
    if places.ndim > 3:
        places = places.flatten(1)
    return Placed(value.step, tuple(places.shape), places.contiguous(), value.fill)


def _reduced(c: RuleCall, compute: Callable[[Reduction], Step]) -> Placed:
    rank = len(c["self"].shape)
    dims = _dimensions(c, rank)
    if 0 in dims or image_shape(c["self"].shape, c.place) != c["self"].shape[1:]:
        value, axes = _kept_first(c, dims, rank), [1]
    else:
        value, axes = c.value("self"), [dim - 1 for dim in dims]
        if rank - 1 > 3 or value.index is not None:
            value, axes = _arranged(value, axes)
    source = as_map(value, c.place)
    names = [_AXES[len(value.shape)][axis] for axis in axes]
    step = compute(Reduction(c, source, [name for name in _SIDES if name in names]))
    return placed(step, c.image_shape, places_in_torch(step.size).reshape(c.image_shape))


def _dimensions(c: RuleCall, rank: int) -> list[int]:
    given = c.call.arguments.get("dim")
    if given is None or (isinstance(given, list | tuple) and not given):
        return list(range(rank))
    listed = given if isinstance(given, list | tuple) else [given]
    return sorted(int(dim) % rank for dim in listed)


def _kept_first(c: RuleCall, dims: Sequence[int], rank: int) -> Placed:
    """Kept dimensions as channels and the others as columns, where the batch is not the first."""
    kept = [dim for dim in range(rank) if dim not in dims]
    sides = [c["self"].shape[dim] for dim in kept]
    if not sides:
        c.refuse(f"works over dimensions {list(dims)}, one of them the batch; give the others")

    def change(elements: torch.Tensor) -> torch.Tensor:
        return elements.permute(*kept, *dims).reshape(*sides, -1)

    try:
        value = c.network.read(c["self"].rearranged(change), c.place)
    except PackError:
        c.refuse(f"works over dimensions {list(dims)}, one of them the batch; give the others")
    flat = value.places().reshape(-1, value.shape[-1])
    return Placed(value.step, tuple(flat.shape), flat, value.fill)


def _arranged(value: Placed, axes: Sequence[int]) -> tuple[Placed, list[int]]:
    """Kept dimensions as channels and the others as columns."""
    kept = [axis for axis in range(len(value.shape)) if axis not in axes]
    places = value.places().permute(*kept, *axes)
    flat = places.reshape(-1, math.prod(value.shape[axis] for axis in axes))
    return Placed(value.step, tuple(flat.shape), flat.contiguous(), value.fill), [1]
