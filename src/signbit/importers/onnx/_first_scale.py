"""A product and a sum right after an input of pixels: the scale and bias of the input.

A binary layer that reads pixels can compute in integers if the network says scale and bias with its
input. In a file, they are two operators.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import torch
from onnx import AttributeProto, TensorProto
from torch import Tensor

from signbit.format.types import U8
from signbit.importers.onnx._file import Content, Node
from signbit.importers.onnx._inputs import Entry, scaled

# Operators that change no number. After those that mix channels and positions, only a scale that is
# the same for all channels can be read.
_KEEPS_CHANNELS = ("Identity", "Cast")
_KEEPS_NUMBERS = (*_KEEPS_CHANNELS, "Transpose", "Unsqueeze", "Squeeze", "Flatten", "Reshape")


def with_first_scale(content: Content, entry: Entry) -> tuple[Content, Entry]:
    """The file without such operators, and the input with their numbers.

    Torch computes scale * pixel + bias in float32, as the two operators do.
    """
    if entry.input.kind != U8 or set(entry.input.scale) != {1.0} or set(entry.input.bias) != {0.0}:
        return content, entry
    found: dict[str, Tensor] = {}
    dropped: dict[int, str] = {}
    keeps_channels = not entry.is_last
    for value, node in _chain(content, entry.value.name):
        if node.kind in _KEEPS_NUMBERS:
            in_order = node.kind in _KEEPS_CHANNELS or (entry.is_last and _to_channels_first(node))
            keeps_channels = in_order and (keeps_channels or node.kind == "Transpose")
            continue
        numbers = _per_channel(_operand(content, node, value), entry, keeps_channels)
        if numbers is None or (node.kind == "Mul" and "Mul" in found):
            break
        found[node.kind], dropped[id(node)] = numbers, value
        if node.kind == "Add":
            break
    if not found:
        return content, entry
    channels = entry.input.shape[-1]
    scale = found.get("Mul", torch.ones(channels)).tolist()
    bias = found.get("Add", torch.zeros(channels)).tolist()
    nodes = [
        replace(node, kind="Identity", inputs=[dropped[id(node)]]) if id(node) in dropped else node
        for node in content.nodes
    ]
    return replace(content, nodes=nodes), scaled(entry, scale, bias)


def _chain(content: Content, value: str) -> Sequence[tuple[str, Node]]:
    """The operators after an input, while each is the only one that reads the value before."""
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in content.nodes:
        for name in set(node.inputs):
            readers[name].append(node)
    outputs = {one.name for one in content.outputs}
    found: list[tuple[str, Node]] = []
    while len(readers[value]) == 1 and value not in outputs:
        (node,) = readers[value]
        if node.domain or node.kind not in (*_KEEPS_NUMBERS, "Mul", "Add"):
            break
        if node.kind == "Cast" and _attribute(node, "to").i != TensorProto.FLOAT:
            break
        found.append((value, node))
        value = node.outputs[0]
    return found


def _to_channels_first(node: Node) -> bool:
    return node.kind == "Transpose" and list(_attribute(node, "perm").ints) == [0, 3, 1, 2]


def _attribute(node: Node, name: str) -> AttributeProto:
    return node.attributes.get(name, AttributeProto())


def _operand(content: Content, node: Node, value: str) -> Tensor | None:
    """The constant of an operator with two inputs."""
    others = [name for name in node.inputs if name != value]
    constant = content.constants.get(others[0]) if len(others) == 1 else None
    if constant is None or constant.dtype != torch.float32:
        return None
    return constant if bool(constant.isfinite().all()) else None


def _per_channel(constant: Tensor | None, entry: Entry, keeps_channels: bool) -> Tensor | None:
    """A number for each channel; None where the constant is something else."""
    channels, axes = entry.input.shape[-1], len(entry.value.sizes)
    if constant is None or constant.dim() > axes or not (keeps_channels or constant.dim() <= 1):
        return None
    if constant.numel() == 1:
        return constant.reshape(1).expand(channels)
    at = constant.dim() - axes + 1
    fits = keeps_channels and at >= 0 and constant.shape[at] == constant.numel() == channels
    return constant.reshape(-1) if fits else None
