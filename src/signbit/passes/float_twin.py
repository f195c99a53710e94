"""A network of real numbers with the shapes of a packed one, to compare speed with."""

import math
from collections.abc import Callable

import numpy as np

from signbit.format import Input, Node, PackedModel
from signbit.format.bits import unpack_bits
from signbit.format.types import BITS, F32

_WINDOW = ("kernel", "stride", "padding", "dilation", "channels", "groups")


def float_twin(model: PackedModel) -> PackedModel:
    """A network of float32 numbers only. Its layers have the same shapes, but not the same scores.

    Convolutions of bits or pixels become real ones. Thresholds become Hardtanh, because batch norm
    would cost more. Operations that only invert or convert bits vanish, except where an output
    needs a node of its own.
    """
    given = {output.node for output in model.outputs}
    nodes: list[Node] = []
    place = {}
    for number, one in enumerate(model.inputs):
        place[number] = number
        if one.kind != F32:
            nodes.append(_real_input(one, number))
            place[number] = len(model.inputs) + len(nodes) - 1
    for number, node in model.numbered():
        inputs = tuple(place[source] for source in node.inputs)
        if node.op in _VANISH and number not in given:
            place[number] = inputs[0]
            continue
        twin = _TWINS.get(node.op, _same)(model, node)
        nodes.append(Node(twin.op, inputs, twin.attributes, twin.tensors))
        place[number] = len(model.inputs) + len(nodes) - 1
    return PackedModel(nodes, model.signature.moved(place), model.info, limited=False)


def _real_input(one: Input, number: int) -> Node:
    if one.kind == BITS:
        return Node("signs", (number,))
    channels = np.ones(one.shape[-1], np.float32)
    return Node("normalize", (number,), {}, {"scale": channels / 255, "bias": 0 * channels})


def _same(model: PackedModel, node: Node) -> Node:
    return node


def _identity(model: PackedModel, node: Node) -> Node:
    return Node("clamp", (), {"low": -math.inf, "high": math.inf})


def _convolution(model: PackedModel, node: Node) -> Node:
    attributes = {name: node.attributes[name] for name in _WINDOW}
    weight = node.tensors["weight"]
    if node.op != "conv_f32":
        channels = model.types[node.inputs[0]].channels // attributes["groups"]
        weight = np.where(unpack_bits(weight, channels), 1, -1)
    # Numbers have a similar size in every layer, because runtimes that quantize measure them.
    scaled = weight / math.sqrt(math.prod(weight.shape[1:]))
    return Node("conv_f32", (), attributes, {"weight": scaled.astype(np.float32)})


def _hardtanh(model: PackedModel, node: Node) -> Node:
    return Node("clamp", (), {"low": -1.0, "high": 1.0})


_VANISH = ("normalize", "flip", "signs")
_TWINS: dict[str, Callable[[PackedModel, Node], Node]] = {
    **dict.fromkeys(("conv_bits", "conv_u8", "conv_f32_bits", "conv_f32"), _convolution),
    **dict.fromkeys(_VANISH, _identity),
    "threshold": _hardtanh,
}
