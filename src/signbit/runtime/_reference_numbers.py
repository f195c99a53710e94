"""Operations of the reference that work on each number by itself, or reduce numbers to one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Node
from signbit.format.bits import unpack_bits
from signbit.format.ops.reduce import AXES

Array = NDArray[Any]


def signs(bits: Array) -> Array:
    """-1 and +1, as int8."""
    # Where bits follow no pattern, np.where takes 60 times as long.
    return bits.view(np.int8) * np.int8(2) - np.int8(1)


def _normalize(node: Node, x: Array) -> Array:
    return x.astype(np.float32) * node.tensors["scale"] + node.tensors["bias"]


def _affine(node: Node, x: Array) -> Array:
    return fused_multiply_add(x.astype(np.float32), node.tensors["scale"], node.tensors["bias"])


_LOW_BITS = (1 << 28) - 1


def fused_multiply_add(x: Array, scale: Array, bias: Array) -> Array:
    """x * scale + bias in float32 with a single rounding.

    The product is exact in float64, and the sum is rounded in float64. A second rounding, to
    float32, can differ from a single rounding only where the first ends on a tie of the second.
    There the sum is rounded to odd (Boldo and Melquiond, 2008), so it ends next to the tie.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        product, addend = x.astype(np.float64) * scale, bias.astype(np.float64)
        total = product + addend
        rounded = total.astype(np.float32)
        # Ties of float32 end in these zeros, also ties between its smallest numbers.
        ties = (total.view(np.int64) & _LOW_BITS) == 0
        if ties.any():
            parts = (product[ties], np.broadcast_to(addend, total.shape)[ties], total[ties])
            rounded[ties] = _to_odd(*parts).astype(np.float32)
        return rounded


def _to_odd(product: Array, addend: Array, total: Array) -> Array:
    """Float64 sums, rounded to odd where they are not exact."""
    part = total - product
    error = (product - (total - part)) + (addend - part)
    even = (total.view(np.int64) & 1) == 0
    inexact = np.isfinite(total) & (error != 0) & even
    towards = np.where(error > 0, np.inf, -np.inf)
    return np.where(inexact, np.nextafter(total, towards), total)


def _threshold(node: Node, x: Array) -> Array:
    threshold = node.tensors["threshold"]
    below = unpack_bits(node.tensors["below"], x.shape[-1])
    return np.where(below, x < threshold, x > threshold)


def _flip(node: Node, x: Array) -> Array:
    return x ^ unpack_bits(node.tensors["mask"], x.shape[-1])


def _to_real(node: Node, x: Array) -> Array:
    return signs(x).astype(np.float32)


def _clamp(node: Node, x: Array) -> Array:
    return np.clip(x, np.float32(node.attributes["low"]), np.float32(node.attributes["high"]))


def _prelu(node: Node, x: Array) -> Array:
    return np.where(x > 0, x, node.tensors["slope"] * x)


def _add(node: Node, x: Array, y: Array) -> Array:
    return x + y


def _softmax(node: Node, x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _log_softmax(node: Node, x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


_erf = np.frompyfunc(math.erf, 1, 1)
UNARY: dict[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "cos": np.cos,
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "erf": lambda x: np.asarray(_erf(x), np.float32),
    "exp": np.exp,
    "floor": np.floor,
    "log": np.log,
    "reciprocal": lambda x: np.float32(1) / x,
    "round": np.rint,
    "sigmoid": lambda x: np.float32(1) / (np.float32(1) + np.exp(-x)),
    "sign": np.sign,
    "sin": np.sin,
    "softplus": lambda x: np.maximum(x, np.float32(0)) + np.log1p(np.exp(-np.abs(x))),
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "divide": np.divide,
    "masked": lambda x, y: np.where((y < 0) | (y > 0), x, np.float32(0)),
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
}


def _unary(node: Node, x: Array) -> Array:
    with np.errstate(all="ignore"):
        return UNARY[node.attributes["function"]](x)


def _binary(node: Node, x: Array, y: Array) -> Array:
    with np.errstate(all="ignore"):
        return BINARY[node.attributes["function"]](x, y)


def _reduce(node: Node, x: Array) -> Array:
    axes = tuple(1 + AXES.index(axis) for axis in node.attributes["axes"])
    if node.attributes["function"] == "maximum":
        return x.max(axis=axes, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore"):
        total = x.sum(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    count = math.prod(x.shape[axis] for axis in axes)
    return total / np.float32(count) if node.attributes["function"] == "mean" else total


OPERATIONS: dict[str, Callable[..., Array]] = {
    "normalize": _normalize,
    "affine": _affine,
    "threshold": _threshold,
    "flip": _flip,
    "signs": _to_real,
    "clamp": _clamp,
    "prelu": _prelu,
    "add": _add,
    "unary": _unary,
    "binary": _binary,
    "reduce": _reduce,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
}
