"""Bounds for the effect of rounding on the values of a packed network.

Integers and bits are exact, and so is a number that follows from them by one rounding. Sums of real
numbers are not exact: their terms may be added in any order, with products rounded or fused. The
error of a sum of n terms is at most n * u / (1 - n * u) times the sum of the magnitudes of its
terms, with u = 2^-24 (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2002, section
3.1). From there the bounds follow the values through the graph.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node, PackedModel
from signbit.format.ops.conv import fan_in
from signbit.format.ops.functions import UNARY
from signbit.format.ops.reduce import AXES
from signbit.runtime import reference

Array = NDArray[Any]
Bound = NDArray[np.float64]

_UNIT = 2.0**-24  # the relative error of one rounding to float32
_EXP_AND_LOG = 8 * _UNIT  # the functions of a libm are within 4 units in the last place
_FLUSHED = 2.0**-126  # the loss in a term on a processor without subnormal numbers
_LARGEST = float(np.finfo(np.float32).max)
# For products of bounds, which the derivations leave out.
_SLACK = 1 + 2.0**-10


def rounding_bounds(model: PackedModel, values: Sequence[Array]) -> list[Bound | None]:
    """How far another order of sums may move each value of the network. The inputs come first.

    The bound is None where the value is exact. Otherwise it has the shape of the value, with 0
    where an element is exact, and infinity where there is no bound. Bits are assumed to be the
    golden ones; see `open_bits`.

    values: the values of every node, as `reference.run` returns them.
    """
    found: list[Bound | None] = [None] * len(model.inputs)
    for number, node in model.numbered():
        inputs = [values[source] for source in node.inputs]
        bounds = [found[source] for source in node.inputs]
        starts = node.op in _SOURCES and model.operation(number).last_bits_vary(node)
        if node.op not in _RULES or (not starts and all(bound is None for bound in bounds)):
            found.append(None)
            continue
        moved = [
            np.zeros(x.shape) if bound is None else bound
            for x, bound in zip(inputs, bounds, strict=True)
        ]
        terms = fan_in(node.attributes, model.types[node.inputs[0]]) if "conv" in node.op else 0
        with np.errstate(all="ignore"):
            bound = _RULES[node.op](node, inputs, moved, values[number].astype(np.float64), terms)
        # Where a bound became NaN, for example from 0 times infinity, there is no bound.
        found.append(np.where(np.isnan(bound), np.inf, bound))
    return found


def open_bits(node: Node, x: Array, bound: Bound | None) -> NDArray[np.bool_] | None:
    """The bits of a threshold that depend on rounding; None where no bit can."""
    if bound is None:
        return None
    with np.errstate(all="ignore"):
        distance = np.abs(x.astype(np.float64) - node.tensors["threshold"])
    return (bound > 0) & ~(distance > bound)


def _sum(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    x, change = inputs[0].astype(np.float64), moved[0]
    exact = reference.apply(_wide(node), [x])
    plain = reference.apply(_magnitudes(node), [np.abs(x)])
    changes = reference.apply(_magnitudes(node, padding_value=0), [change])
    bound = _of_sum(terms) * (plain + changes) + terms * _FLUSHED + np.abs(y - exact) + changes
    return _unless_infinite(plain, changes, bound * _SLACK)


def _of_sum(terms: int) -> float:
    return terms * _UNIT / (1 - terms * _UNIT)


def _wide(node: Node) -> Node:
    """The same sums in float64, where a product of two float32 numbers is exact."""
    if node.op == "conv_f32_bits":
        return node
    return replace(node, tensors={"weight": node.tensors["weight"].astype(np.float64)})


def _magnitudes(node: Node, padding_value: int | None = None) -> Node:
    """A node that sums the magnitudes of the terms."""
    if node.op == "conv_f32":
        return replace(node, tensors={"weight": np.abs(node.tensors["weight"].astype(np.float64))})
    if padding_value is None:
        padding_value = abs(node.attributes["padding_value"])
    ones = np.full_like(node.tensors["weight"], np.iinfo(np.uint64).max)
    attributes = {**node.attributes, "padding_value": padding_value}
    return replace(node, attributes=attributes, tensors={"weight": ones})


def _rounded(moved: Bound, y: Array) -> Bound:
    """The bound of a result whose inputs changed by `moved`, and which is rounded on both sides."""
    return np.where(moved == 0, 0, moved + 2 * _UNIT * (np.abs(y) + moved))


def _affine(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    scaled = np.abs(node.tensors["scale"].astype(np.float64)) * moved[0]
    return np.where(moved[0] == 0, 0, _rounded(scaled, y))


def _prelu(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    steepest = np.maximum(np.abs(node.tensors["slope"].astype(np.float64)), 1)
    return np.where(moved[0] == 0, 0, _rounded(steepest * moved[0], y))


def _add(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    return _rounded(moved[0] + moved[1], y)


def _same(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    """The bound of an operation that moves or chooses values. Bounds are moved in the same way."""
    return reference.apply(node, moved)


def _kept(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    return moved[0]


def _avg_pool(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    change = reference.apply(node, moved)
    magnitudes = reference.apply(node, [np.abs(inputs[0].astype(np.float64)) + moved[0]])
    taps = int(np.prod(node.attributes["kernel"]))
    return np.where(change == 0, 0, change + 2 * _of_sum(taps + 1) * magnitudes)


def _shifted(x: Array, moved: Bound) -> tuple[Array, Bound]:
    """x minus the highest of its row, and its bound without the part that the row has in common."""
    shifted = x.astype(np.float64) - x.max(axis=-1, keepdims=True)
    return shifted, _rounded(moved, shifted)


def _softmax(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    _, change = _shifted(inputs[0], moved[0])
    total = (y * np.expm1(change)).sum(axis=-1, keepdims=True)
    library = 2 * (2 * _EXP_AND_LOG + _of_sum(y.shape[-1]) + _UNIT)
    bound = y * np.expm1(change + 2 * total + library) * _SLACK + _FLUSHED
    return np.where(np.isfinite(y), np.minimum(bound, 1), 0)


def _log_softmax(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    shifted, change = _shifted(inputs[0], moved[0])
    log = np.abs(shifted - y)
    library = _EXP_AND_LOG + _of_sum(y.shape[-1]) + _EXP_AND_LOG * log
    # The logarithm of the sum changes by no more than its inputs.
    moved_by = change + change.max(axis=-1, keepdims=True)
    bound = (moved_by + 2 * library + 2 * _UNIT * np.abs(y)) * _SLACK
    return np.where(np.isfinite(y), bound, 0)


def _move(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    return reference.apply(replace(node, attributes={**node.attributes, "fill": 0.0}), moved)


def _unary(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    x, change, name = inputs[0].astype(np.float64), moved[0], node.attributes["function"]
    if name in _LIPSCHITZ:
        bound = change
    else:  # the function is monotonic: y is at its ends where x is at its ends
        ends = [reference.apply(node, [x + way * change]) for way in (-1, 1)]
        bound = np.maximum(*(np.abs(end - y) for end in ends))
        bound = np.where(change == 0, 0, bound)
    if name == "reciprocal":
        bound = np.where(np.abs(x) > change, bound, np.inf)
    # Each side has the error of its library, for as many calls as these functions make.
    library = 0 if UNARY[name] else 4 * _EXP_AND_LOG * np.abs(y) + _FLUSHED
    bound = np.where(change == 0, 0, _rounded(bound, y)) + library
    return np.where((change == 0) & ~np.isfinite(y), 0, bound)


def _binary(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    (left, right), name = moved, node.attributes["function"]
    a, b = (np.abs(x.astype(np.float64)) for x in inputs)
    if name == "multiply":
        return _rounded(a * right + b * left + left * right, y)
    if name == "divide":
        bound = (left + np.abs(y) * right) / (b - right)
        return _rounded(np.where(b > right, bound, np.where(left + right == 0, 0, np.inf)), y)
    if name == "masked":
        kept = np.where(b > 0, left, 0)
        return np.where((b <= right) & (right > 0), a + left, kept)
    return _rounded(left + right, y) if name == "add" else np.maximum(left, right)


def _reduce(node: Node, inputs: Sequence[Array], moved: Sequence[Bound], y: Array, terms: int):
    if node.attributes["function"] == "maximum":
        return reference.apply(node, moved)
    axes = tuple(1 + AXES.index(axis) for axis in node.attributes["axes"])
    plain = np.abs(inputs[0].astype(np.float64)).sum(axis=axes, keepdims=True)
    change = moved[0].sum(axis=axes, keepdims=True)
    count = inputs[0].size // y.size
    # The additions and the division by the count, on both sides.
    bound = change + 2 * _of_sum(count + 1) * (plain + change) + count * _FLUSHED
    if node.attributes["function"] == "mean":
        bound = bound / count
    return _unless_infinite(plain, change, bound * _SLACK)


def _unless_infinite(plain: Bound, change: Bound, bound: Bound) -> Bound:
    """The bound of a sum, from its own value, the change of its terms, and the bound so far.

    Terms that are infinite or NaN give the same sum in any order. Finite terms may overflow in some
    orders only.
    """
    bound = np.where(plain + change < _LARGEST, bound, np.inf)
    return np.where(np.isfinite(plain) | ~np.isfinite(change), bound, 0)


# Functions whose slope is at most 1.
_LIPSCHITZ = ("abs", "cos", "sin")
_Rule = Callable[[Node, Sequence[Array], Sequence[Bound], Array, int], Bound]
# Operations whose result depends on the order of additions or on a library. All others only pass on
# the bounds of their inputs. avg_pool is not in the list, because the order of its sums is fixed.
_SOURCES = ("conv_f32", "conv_f32_bits", "softmax", "log_softmax", "unary", "reduce")
_RULES: dict[str, _Rule] = {
    "conv_f32": _sum,
    "conv_f32_bits": _sum,
    "affine": _affine,
    "clamp": _kept,
    "prelu": _prelu,
    "add": _add,
    "concat": _same,
    "flatten": _same,
    "move": _move,
    "unary": _unary,
    "binary": _binary,
    "reduce": _reduce,
    "max_pool": _same,
    "avg_pool": _avg_pool,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
}
