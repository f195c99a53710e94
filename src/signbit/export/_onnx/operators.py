"""Each operation of a packed network as operators of ONNX."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._bounds import (
    HALVES_END,
    below_signs,
    largest_term,
    mask_signs,
    split_threshold,
)
from signbit.export._onnx.functions import binary, reduce, unary
from signbit.export._onnx.move import move
from signbit.format import Node
from signbit.format.parameters import weight_signs
from signbit.format.types import I32, U8

if TYPE_CHECKING:
    from signbit.export._onnx.writer import OnnxWriter

Array = NDArray[Any]


def _conv_u8(to: "OnnxWriter", node: Node, x: str) -> str:
    for op, key, neutral in (("Mul", "multiplier", 1), ("Add", "offset", 0)):
        value = node.attributes[key]
        if value != neutral:
            x = to.graph.add(op, x, to.graph.constant(key, np.array(value, np.float32)))
    return _integer_sums(to, node, x)


def _integer_sums(to: "OnnxWriter", node: Node, x: str) -> str:
    """A convolution with exact sums. Where they grow too large, parts are added in float64."""
    from onnx import TensorProto

    weight = weight_signs(to.model, node)
    if not to.is_wide(to.number):
        return _correlate(to, node, x, weight, to.signs)
    total = ""
    for part in _parts(weight, (HALVES_END - 1) // largest_term(node)):
        sums = to.graph.add("Cast", _correlate(to, node, x, part, to.reals), to=TensorProto.DOUBLE)
        total = to.graph.add("Add", total, sums) if total else sums
    return total


def _parts(weight: Array, terms: int) -> list[Array]:
    """Split a weight into parts that add up to it.

    Each part has at most `terms` terms of each sum, and zeros elsewhere.
    """
    rows = weight.reshape(len(weight), -1)
    parts = []
    for start in range(0, rows.shape[1], terms):
        part = np.zeros_like(rows)
        part[:, start : start + terms] = rows[:, start : start + terms]
        parts.append(part.reshape(weight.shape))
    return parts


def _conv_f32_bits(to: "OnnxWriter", node: Node, x: str) -> str:
    return _correlate(to, node, x, weight_signs(to.model, node), to.signs)


def _conv_f32(to: "OnnxWriter", node: Node, x: str) -> str:
    return _correlate(to, node, x, node.tensors["weight"].transpose(0, 3, 1, 2), to.reals)


def _correlate(
    to: "OnnxWriter", node: Node, x: str, weight: Array, constant: Callable[[Array], str]
) -> str:
    """MatMul where the kernel is the whole map, else Conv."""
    if to.model.is_linear(node):
        row = x if to.is_row(node.inputs[0]) else to.graph.add("Flatten", x, axis=1)
        return to.graph.add("MatMul", row, constant(weight.reshape(len(weight), -1).T))
    window = _window(node)
    x, border = to.as_map(node.inputs[0], x), node.attributes.get("padding_value", 0)
    if border and any(window["pads"]):  # Conv itself pads only with zeros
        top, left, bottom, right = window["pads"]
        pads = to.graph.constant("pads", np.array([0, 0, top, left, 0, 0, bottom, right]))
        value = to.graph.constant("border", np.array(border, np.float32))
        x, window["pads"] = to.graph.add("Pad", x, pads, value, mode="constant"), [0] * 4
    groups = node.attributes["groups"]
    return to.as_value(to.graph.add("Conv", x, constant(weight), group=groups, **window))


def _window(node: Node) -> dict[str, Any]:
    names = {
        "kernel_shape": "kernel",
        "strides": "stride",
        "pads": "padding",
        "dilations": "dilation",
    }
    return {to: list(node.attributes[key]) for to, key in names.items() if key in node.attributes}


def _max_pool(to: "OnnxWriter", node: Node, x: str) -> str:
    window = _window(node)
    if window["dilations"] == [1, 1]:
        del window["dilations"]  # some readers do not know the attribute
    return to.as_value(to.graph.add("MaxPool", to.as_map(node.inputs[0], x), **window))


def _avg_pool(to: "OnnxWriter", node: Node, x: str) -> str:
    count = int(node.attributes["count_padding"])
    x = to.as_map(node.inputs[0], x)
    return to.as_value(to.graph.add("AveragePool", x, count_include_pad=count, **_window(node)))


def _threshold(to: "OnnxWriter", node: Node, x: str) -> str:
    source = node.inputs[0]
    channels, is_integer = to.model.types[source].channels, to.model.types[source].kind in (U8, I32)
    if is_integer:
        sign, cut = split_threshold(node, channels, to.bounds[source])
    else:
        sign = below_signs(node, channels)
        cut = sign * node.tensors["threshold"]
    x = _times_signs(to, node, x, sign)
    return to.dialect.sign(to, node, x, cut, is_integer)


def _flip(to: "OnnxWriter", node: Node, x: str) -> str:
    sign = mask_signs(node.tensors["mask"], to.model.types[node.inputs[0]].channels)
    return _times_signs(to, node, x, sign)


def _times_signs(to: "OnnxWriter", node: Node, x: str, sign: Array) -> str:
    if (sign > 0).all():
        return x
    return to.graph.add("Mul", x, to.per_channel(node, "sign", sign))


def _normalize(to: "OnnxWriter", node: Node, x: str) -> str:
    # An `affine` is rounded once, this twice. The names of the constants tell them apart.
    x = to.graph.add("Mul", x, to.per_channel(node, "factor", node.tensors["scale"]))
    return to.graph.add("Add", x, to.per_channel(node, "offset", node.tensors["bias"]))


def _affine(to: "OnnxWriter", node: Node, x: str) -> str:
    from onnx import TensorProto

    source = node.inputs[0]
    if to.is_wide(source):
        x = to.graph.add("Cast", x, to=TensorProto.FLOAT)
    elif to.model.types[source].kind == I32:
        x = to.dialect.whole(to.graph, x)
    scale = to.per_channel(node, "scale", node.tensors["scale"], np.float32)
    bias = to.per_channel(node, "bias", node.tensors["bias"], np.float32)
    return to.graph.add("Add", to.graph.add("Mul", x, scale), bias)


def _clamp(to: "OnnxWriter", node: Node, x: str) -> str:
    low, high = node.attributes["low"], node.attributes["high"]
    if (low, high) == (0, np.inf):
        return to.graph.add("Relu", x)
    # Infinite ends are written too: runtimes use the largest number for an end that is left out.
    ends = [
        to.graph.constant(name, np.array(end, np.float32))
        for name, end in (("low", low), ("high", high))
    ]
    return to.graph.add("Clip", x, *ends)


def _prelu(to: "OnnxWriter", node: Node, x: str) -> str:
    return to.graph.add("PRelu", x, to.per_channel(node, "slope", node.tensors["slope"]))


def _concat(to: "OnnxWriter", node: Node, *inputs: str) -> str:
    from onnx import TensorProto

    parts = list(inputs)
    if to.is_wide(to.number):
        parts = [to.graph.add("Cast", part, to=TensorProto.DOUBLE) for part in parts]
    return to.graph.add("Concat", *parts, axis=1)


def _flatten(to: "OnnxWriter", node: Node, x: str) -> str:
    return x if to.is_row(node.inputs[0]) else to.graph.add("Flatten", x, axis=1)


def _same(to: "OnnxWriter", node: Node, x: str) -> str:
    return x


def _plain(op: str, **attributes: Any) -> Callable[..., str]:
    return lambda to, node, *inputs: to.graph.add(op, *inputs, **attributes)


OPERATORS: dict[str, Callable[..., str]] = {
    "conv_bits": _integer_sums,
    "conv_u8": _conv_u8,
    "conv_f32_bits": _conv_f32_bits,
    "conv_f32": _conv_f32,
    "normalize": _normalize,
    "affine": _affine,
    "threshold": _threshold,
    "flip": _flip,
    "signs": _same,
    "clamp": _clamp,
    "prelu": _prelu,
    "add": _plain("Add"),
    "concat": _concat,
    "flatten": _flatten,
    "move": move,
    "unary": unary,
    "binary": binary,
    "reduce": reduce,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "softmax": _plain("Softmax", axis=1),
    "log_softmax": _plain("LogSoftmax", axis=1),
}
