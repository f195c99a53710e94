"""The packed network in NumPy, one plain function per operation. All else must equal it.

Bits are bool arrays (True is +1); every value is (N, H, W, C).
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import Input, Node, Output, PackedModel
from signbit.format.bits import unpack_bits
from signbit.format.ops.conv import largest_pixel
from signbit.format.ops.move import move_places
from signbit.runtime import _reference_numbers as numbers
from signbit.runtime._reference_numbers import signs
from signbit.runtime.samples import Samples, as_bools, checked_inputs, value_shape

Array = NDArray[Any]


def run(model: PackedModel, inputs: Samples) -> list[Array]:
    """All values of the graph for some samples. The inputs come first.

    inputs: as the engine accepts them, channels last.

    Returns: an array for each value, (N, height, width, channels). Bits are bool, True for +1.

    Raises: as `Engine.__call__`.
    """
    arrays = checked_inputs(model, inputs)
    values = [_as_map(one, array) for one, array in zip(model.inputs, arrays, strict=True)]
    for node in model.nodes:
        values.append(apply(node, [values[index] for index in node.inputs]))
    return values


def outputs(model: PackedModel, inputs: Samples) -> dict[str, Array]:
    """The arrays of all outputs by their names, channels last. Bits are bool."""
    values = run(model, inputs)
    return {one.name: output_array(model, one, values[one.node]) for one in model.outputs}


def output_array(model: PackedModel, output: Output, value: Array) -> Array:
    """A value of the graph, (N, H, W, C), as the array of an output."""
    return value.reshape(len(value), *value_shape(model.types[output.node], output.rank))


def scores(model: PackedModel, inputs: Samples) -> Array:
    """The array of the first output."""
    return next(iter(outputs(model, inputs).values()))


def _as_map(one: Input, array: Array) -> Array:
    _, height, width, channels = one.type
    return as_bools(one, array).reshape(len(array), height, width, channels)


def apply(node: Node, inputs: Sequence[Array]) -> Array:
    """The value of one node, from the values of its inputs."""
    return OPERATIONS[node.op](node, *inputs)


def _pad(x: Array, padding: Sequence[int], value: Any) -> Array:
    top, left, bottom, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _taps(x: Array, node: Node) -> Iterator[tuple[int, int, Array]]:
    """For each tap, its row and column in the window, and the elements under it in all windows.

    Shape: (N, H, W, C) to one view (N, H', W', C) per position of the kernel.
    """
    (kh, kw), (sh, sw) = node.attributes["kernel"], node.attributes["stride"]
    dh, dw = node.attributes.get("dilation", (1, 1))
    rows, columns = x.shape[1] - dh * (kh - 1), x.shape[2] - dw * (kw - 1)
    for i in range(kh):
        for j in range(kw):
            yield i, j, x[:, i * dh : i * dh + rows : sh, j * dw : j * dw + columns : sw]


def _correlate(node: Node, x: Array, weight: Array) -> Array:
    """Sums over each window and the channels of each group, one tap after the other."""
    groups, channels = node.attributes["groups"], len(weight)
    weight = weight.reshape(groups, channels // groups, *weight.shape[1:])
    total: Any = 0
    for i, j, tap in _taps(x, node):
        *map_shape, inputs = tap.shape
        parts = tap.reshape(math.prod(map_shape), groups, inputs // groups).swapaxes(0, 1)
        # A sum that overflows is infinite or NaN, as in torch and in the engine.
        with np.errstate(over="ignore", invalid="ignore"):
            total = total + parts @ weight[:, :, i, j].swapaxes(1, 2)
    return total.swapaxes(0, 1).reshape(*map_shape, channels)


def _weight_signs(node: Node, channels: int) -> Array:
    return signs(unpack_bits(node.tensors["weight"], channels // node.attributes["groups"]))


def _conv_bits(node: Node, x: Array) -> Array:
    padded = _pad(signs(x), node.attributes["padding"], node.attributes["padding_value"])
    return _whole_sums(node, padded, _weight_signs(node, x.shape[-1]), largest=1)


def _conv_u8(node: Node, x: Array) -> Array:
    multiplier, offset = node.attributes["multiplier"], node.attributes["offset"]
    padded = _pad(x.astype(np.int32) * multiplier + offset, node.attributes["padding"], 0)
    weight = _weight_signs(node, x.shape[-1])
    return _whole_sums(node, padded, weight, largest_pixel(multiplier, offset))


def _whole_sums(node: Node, x: Array, weight: Array, largest: int) -> Array:
    """Sums of whole numbers. A float type that can hold them lets BLAS compute the products."""
    exact = math.prod(weight.shape[1:]) * largest <= 1 << 24
    dtype = np.float32 if exact else np.float64
    return _correlate(node, x.astype(dtype), weight.astype(dtype)).astype(np.int32)


def _conv_f32_bits(node: Node, x: Array) -> Array:
    padded = _pad(x, node.attributes["padding"], node.attributes["padding_value"])
    return _correlate(node, padded, _weight_signs(node, x.shape[-1]).astype(np.float32))


def _conv_f32(node: Node, x: Array) -> Array:
    return _correlate(node, _pad(x, node.attributes["padding"], 0), node.tensors["weight"])


def _concat(node: Node, *inputs: Array) -> Array:
    return np.concatenate(inputs, axis=-1)


def _flatten(node: Node, x: Array) -> Array:
    return x.transpose(0, 3, 1, 2).reshape(len(x), 1, 1, -1)


def _move(node: Node, x: Array) -> Array:
    places, filled = move_places(node)
    number = float(node.attributes["fill"])
    fill = number > 0 if x.dtype == bool else x.dtype.type(number)
    return np.where(filled, fill, x.reshape(len(x), -1)[:, places])


def _max_pool(node: Node, x: Array) -> Array:
    lowest = {"b": False, "i": np.iinfo(np.int32).min, "f": -np.inf}[x.dtype.kind]
    padded = _pad(x, node.attributes["padding"], lowest)
    return functools.reduce(np.maximum, (tap for _, _, tap in _taps(padded, node)))


def _avg_pool(node: Node, x: Array) -> Array:
    padding = node.attributes["padding"]
    total = _window_sum(_pad(x, padding, 0), node)
    if node.attributes["count_padding"]:
        return total / np.float32(math.prod(node.attributes["kernel"]))
    return total / _window_sum(_pad(np.ones_like(x[:1, :, :, :1]), padding, 0), node)


def _window_sum(x: Array, node: Node) -> Array:
    """The sum of each window in float32, one tap after the other."""
    total: Any = np.float32(0)
    for _, _, tap in _taps(x, node):
        total = total + tap
    return total


OPERATIONS: dict[str, Callable[..., Array]] = {
    "conv_bits": _conv_bits,
    "conv_u8": _conv_u8,
    "conv_f32_bits": _conv_f32_bits,
    "conv_f32": _conv_f32,
    "concat": _concat,
    "flatten": _flatten,
    "move": _move,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    **numbers.OPERATIONS,
}
