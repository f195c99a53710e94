"""Means, sums and extremes over rows, columns or channels; probabilities."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from signbit.errors import PackError
from signbit.pack._draft import MaxPool, RealNode, Step
from signbit.pack._layout import Placed, as_map, placed, places_in_torch, usual_size
from signbit.pack._network import image_shape
from signbit.pack._nodes import scaled, unary
from signbit.pack._rule import RuleCall, then
from signbit.pack.rules import rules

_AXES = {1: ("channels",), 2: ("channels", "width"), 3: ("channels", "height", "width")}


@rules.register("mean")
def mean(c: RuleCall) -> Placed:
    """The mean over some dimensions."""
    return _reduced(c, "mean")


@rules.register("sum")
def total(c: RuleCall) -> Placed:
    """The sum over some dimensions."""
    return _reduced(c, "sum")


@rules.register("amax")
def amax(c: RuleCall) -> Placed:
    """The highest over some dimensions."""
    return _reduced(c, "maximum")


@rules.register("amin")
def amin(c: RuleCall) -> Placed:
    """The lowest over some dimensions."""
    return _reduced(c, "maximum", negated=True)


@rules.register("max")
def highest(c: RuleCall) -> list[Placed | None]:
    """The highest over one dimension; its place cannot be read."""
    return [_reduced(c, "maximum"), None]


@rules.register("min")
def lowest(c: RuleCall) -> list[Placed | None]:
    """The lowest over one dimension; its place cannot be read."""
    return [_reduced(c, "maximum", negated=True), None]


@rules.register("var")
def variance(c: RuleCall) -> Placed:
    """The mean square of what is left without the mean, by one number less than there are."""
    return _spread(c, [])


@rules.register("std")
def deviation(c: RuleCall) -> Placed:
    """The root of the variance."""
    return _spread(c, [unary("sqrt")])


def _spread(c: RuleCall, after: Sequence[RealNode]) -> Placed:
    sides = c["self"].shape
    count = math.prod(sides[dim] for dim in _dimensions(c, len(sides)))
    less = 1.0 if c["correction"] is None else float(c["correction"])
    factor = [] if less == 0 else [scaled(count / (count - less) if count > less else math.inf)]
    return _reduced(c, "mean", before="centred", after=[*factor, *after])


@rules.register("linalg_vector_norm")
def vector_norm(c: RuleCall) -> Placed:
    """The sum of sizes, or the root of the sum of squares."""
    order = c.number("ord")
    if order == 1:
        return _reduced(c, "sum", before=lambda step: then(c, step, [unary("abs")]))
    if order != 2:
        c.refuse(f"a norm of order {order:g}; give order 1 or 2")
    return _reduced(c, "sum", before=lambda step: _squared(c, step), after=[unary("sqrt")])


def _squared(c: RuleCall, step: Step) -> Step:
    return c.real("binary", (step, step), step.size, function="multiply")


@rules.register("_softmax")
def softmax(c: RuleCall) -> Placed:
    """Probabilities over one dimension."""
    return _over(c, "softmax")


@rules.register("_log_softmax")
def log_softmax(c: RuleCall) -> Placed:
    """Logarithms of probabilities over one dimension."""
    return _over(c, "log_softmax")


def _over(c: RuleCall, op: str) -> Placed:
    """An operation over the channels, which another dimension becomes for a moment."""
    value = c.value("self")
    axis = int(c["dim"]) % len(c.shape) - 1
    if axis < 0:
        c.refuse("over the images of a batch; give the dimension of the classes")
    turned = _first(value, axis)
    step = as_map(turned, c.place)
    result = c.real(op, (step,), step.size)
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


def _reduced(
    c: RuleCall,
    function: str,
    negated: bool = False,
    before: Any = None,
    after: Sequence[Any] = (),
) -> Placed:
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
    step = _step(c, source, function, names, negated, before, after)
    return placed(step, c.image_shape, places_in_torch(step.size).reshape(c.image_shape))


def _dimensions(c: RuleCall, rank: int) -> list[int]:
    given = c.call.arguments.get("dim")
    if given is None or (isinstance(given, list | tuple) and not given):
        return list(range(rank))
    listed = given if isinstance(given, list | tuple) else [given]
    return sorted(int(dim) % rank for dim in listed)


def _kept_first(c: RuleCall, dims: Sequence[int], rank: int) -> Placed:
    """What is kept as channels, what goes as columns, where the batch is another dimension."""
    kept = [dim for dim in range(rank) if dim not in dims]
    sides = [c["self"].shape[dim] for dim in kept]
    if not sides:
        c.refuse(f"over dimensions {list(dims)}, the images of a batch among them; give the others")

    def change(elements: torch.Tensor) -> torch.Tensor:
        return elements.permute(*kept, *dims).reshape(*sides, -1)

    try:
        value = c.network.read(c["self"].rearranged(change), c.place)
    except PackError:
        c.refuse(f"over dimensions {list(dims)}, the images of a batch among them; give the others")
    flat = value.places().reshape(-1, value.shape[-1])
    return Placed(value.step, tuple(flat.shape), flat, value.fill)


def _arranged(value: Placed, axes: Sequence[int]) -> tuple[Placed, list[int]]:
    """What is kept as channels, what goes as columns."""
    kept = [axis for axis in range(len(value.shape)) if axis not in axes]
    places = value.places().permute(*kept, *axes)
    flat = places.reshape(-1, math.prod(value.shape[axis] for axis in axes))
    return Placed(value.step, tuple(flat.shape), flat.contiguous(), value.fill), [1]


def _step(
    c: RuleCall,
    source: Step,
    function: str,
    names: Sequence[str],
    negated: bool,
    before: Any,
    after: Sequence[Any],
) -> Step:
    order = ("height", "width", "channels")
    size: Any = tuple(
        1 if name in names else side for name, side in zip(order, source.size, strict=True)
    )
    pooled = "channels" not in names and size[:2] == (1, 1)
    if before is None and not after and not negated and pooled and function != "sum":
        kernel = source.size[:2]
        window: dict[str, Any] = {"kernel": kernel, "stride": kernel, "padding": (0, 0, 0, 0)}
        if function == "maximum":
            return MaxPool(c.place, (source,), size, window | {"dilation": (1, 1)})
        return c.real("avg_pool", (source,), size, **window, count_padding=False)
    axes = [name for name in order if name in names]
    if before == "centred":
        mean = c.real("reduce", (source,), size, function="mean", axes=axes)
        minus = then(c, mean, [scaled(-1.0)])
        source = _squared(c, c.real("binary", (source, minus), source.size, function="add"))
    elif before is not None:
        source = before(source)
    if negated:
        source = then(c, source, [scaled(-1.0)])
    step: Step = c.real("reduce", (source,), size, function=function, axes=axes)
    return then(c, step, [*([scaled(-1.0)] if negated else []), *after])
