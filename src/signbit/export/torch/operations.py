"""The source code of each node of a packed network in a torch module."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from signbit.export._bounds import (
    HALVES_END,
    below_signs,
    largest_sums,
    largest_term,
    mask_signs,
    split_threshold,
)
from signbit.format import Node, PackedModel
from signbit.format.ops.conv import fan_in
from signbit.format.parameters import weight_signs
from signbit.format.types import I32, U8


@dataclass(frozen=True)
class Line:
    """The source code of a node.

    layer: the layer that __init__ assigns to self.nNN; None for a function.
    call: the expression in forward; `{self}` stands for self.nNN.
    state: the entries of the state dict under nNN.
    """

    call: str
    layer: str | None = None
    state: Mapping[str, NDArray] = field(default_factory=dict)


_SPREAD_OF_CODES = math.sqrt((256**2 - 1) / 12)


def lines(model: PackedModel) -> list[Line]:
    """The line of each node."""
    writer = _Writer(model)
    return [writer.line(number) for number, _ in model.numbered()]


class _Writer:
    """Writes the line of a node."""

    def __init__(self, model: PackedModel):
        self.model, self.bounds = model, largest_sums(model)
        self.spreads = self._spreads()

    def line(self, number: int) -> Line:
        """The line of the node with that number."""
        node = self.model.node(number)
        inputs = [f"x[{source}]" for source in node.inputs]
        return _WRITE[node.op](self, number, node, *inputs)

    def channels(self, node: Node) -> int:
        """The number of channels that the node reads."""
        return self.model.types[node.inputs[0]].channels

    def _spreads(self) -> list[float]:
        """For each value, the standard deviation of its sums of random bits or codes; else 1."""
        spreads = [_SPREAD_OF_CODES if one.kind == U8 else 1.0 for one in self.model.inputs]
        for node in self.model.nodes:
            spread = 1.0
            if node.op in ("conv_bits", "conv_u8"):
                terms = fan_in(node.attributes, self.model.types[node.inputs[0]])
                spread = math.sqrt(terms) * largest_term(node)
            elif node.op in ("max_pool", "concat", "flatten", "move"):
                spread = max(spreads[source] for source in node.inputs)
            spreads.append(spread)
        return spreads


def _conv_u8(to: _Writer, number: int, node: Node, x: str) -> Line:
    multiplier, offset = node.attributes["multiplier"], node.attributes["offset"]
    stands_for = x if multiplier == 1 else f"{multiplier} * {x}"
    if offset:
        stands_for += f" {'+' if offset > 0 else '-'} {abs(offset)}"
    return _binary_conv(to, number, node, stands_for)


def _binary_conv(to: _Writer, number: int, node: Node, x: str) -> Line:
    wide = to.bounds[number] >= HALVES_END
    return _conv(to, node, x, "BinaryConv2d", weight_signs(to.model, node), ", wide=True" * wide)


def _conv_f32(to: _Writer, number: int, node: Node, x: str) -> Line:
    weight = node.tensors["weight"].transpose(0, 3, 1, 2)
    return _conv(to, node, x, "nn.Conv2d", weight, ", bias=False")


def _conv(to: _Writer, node: Node, x: str, name: str, weight: NDArray, more: str) -> Line:
    a, arguments = node.attributes, ""
    top, left, bottom, right = a["padding"]
    value = a.get("padding_value", 0)
    for key, neutral in (("stride", (1, 1)), ("dilation", (1, 1)), ("groups", 1)):
        if a[key] != neutral:
            arguments += f", {key}={a[key]}"
    if value or (top, left) != (bottom, right):
        x = f"F.pad({x}, {(left, right, top, bottom)}, value={float(value)})"
    elif top or left:
        arguments += f", padding={(top, left)}"
    layer = f"{name}({to.channels(node)}, {a['channels']}, {a['kernel']}{arguments}{more})"
    return Line(f"{{self}}({x})", layer, {"weight": weight})


def _threshold(to: _Writer, number: int, node: Node, x: str) -> Line:
    source, channels = node.inputs[0], to.channels(node)
    if to.model.types[source].kind in (U8, I32):
        direction, cut = split_threshold(node, channels, to.bounds[source])
        threshold = direction * cut
    else:
        direction, threshold = below_signs(node, channels), node.tensors["threshold"]
    wide = to.bounds[source] >= HALVES_END
    more = ", torch.float64" if wide else ""
    return Line(
        f"{{self}}({x})",
        f"Threshold({channels}, {to.spreads[source]:.4g}{more})",
        {
            "threshold": _per_channel(threshold, np.float64 if wide else np.float32),
            "direction": _per_channel(direction),
        },
    )


def _flip(to: _Writer, number: int, node: Node, x: str) -> Line:
    sign = mask_signs(node.tensors["mask"], to.channels(node))
    return Line(f"{{self}}({x})", f"Flip({len(sign)})", {"sign": _per_channel(sign)})


def _scaled(name: str) -> Callable[..., Line]:
    def write(to: _Writer, number: int, node: Node, x: str) -> Line:
        tensors = {key: _per_channel(node.tensors[key]) for key in ("scale", "bias")}
        return Line(f"{{self}}({x})", f"{name}({to.channels(node)})", tensors)

    return write


def _prelu(to: _Writer, number: int, node: Node, x: str) -> Line:
    slope = node.tensors["slope"]
    return Line(f"{{self}}({x})", f"nn.PReLU({len(slope)})", {"weight": slope})


def _clamp(to: _Writer, number: int, node: Node, x: str) -> Line:
    low, high = node.attributes["low"], node.attributes["high"]
    ends = [
        f"{name}={end!r}" if math.isfinite(end) else f"{name}=float('{end}')"
        for name, end, open_end in (("min", low, -math.inf), ("max", high, math.inf))
        if end != open_end
    ]
    return Line(f"{x}.clamp({', '.join(ends)})" if ends else x)


def _pool(to: _Writer, number: int, node: Node, x: str) -> Line:
    a = node.attributes
    top, left, bottom, right = a["padding"]
    arguments = f"{x}, {a['kernel']}, {a['stride']}"
    pads = (left, right, top, bottom)
    if not any(pads):
        more = "" if a.get("dilation", (1, 1)) == (1, 1) else f", dilation={a['dilation']}"
        return Line(f"F.{node.op}2d({arguments}{more})")
    last = a["dilation"] if node.op == "max_pool" else a["count_padding"]
    return Line(f"{node.op}({arguments}, {pads}, {last})")


def _move(to: _Writer, number: int, node: Node, x: str) -> Line:
    height, width, channels = node.attributes["size"]
    fill = float(node.attributes["fill"])
    written = repr(fill) if math.isfinite(fill) else f"float('{fill}')"
    return Line(f"{{self}}({x})", f"Move({height}, {width}, {channels}, {written})", node.tensors)


_FUNCTIONS = {
    "elu": "F.elu({0})",
    "sign": "sign({0})",
    "softplus": "F.softplus({0})",
    "add": "{0} + {1}",
    "divide": "{0} / {1}",
    "masked": "torch.where(({1} < 0) | ({1} > 0), {0}, 0.0)",
    "maximum": "torch.maximum({0}, {1})",
    "minimum": "torch.minimum({0}, {1})",
    "multiply": "{0} * {1}",
}


def _function(to: _Writer, number: int, node: Node, *inputs: str) -> Line:
    name = node.attributes["function"]
    return Line(_FUNCTIONS.get(name, f"{{0}}.{name}()").format(*inputs))


def _reduce(to: _Writer, number: int, node: Node, x: str) -> Line:
    axes = {"channels": 1, "height": 2, "width": 3}
    dims = tuple(axes[axis] for axis in node.attributes["axes"])
    method = {"maximum": "amax"}.get(node.attributes["function"], node.attributes["function"])
    return Line(f"{x}.{method}({dims}, keepdim=True)")


def _call(form: str) -> Callable[..., Line]:
    return lambda to, number, node, *inputs: Line(form.format(*inputs, inputs=", ".join(inputs)))


def _per_channel(values: NDArray, dtype: type = np.float32) -> NDArray:
    return values.astype(dtype).reshape(-1, 1, 1)


_WRITE: dict[str, Callable[..., Line]] = {
    "conv_bits": _binary_conv,
    "conv_u8": _conv_u8,
    "conv_f32_bits": _binary_conv,
    "conv_f32": _conv_f32,
    "normalize": _scaled("Normalize"),
    "affine": _scaled("Affine"),
    "threshold": _threshold,
    "flip": _flip,
    "signs": _call("{0}"),
    "clamp": _clamp,
    "prelu": _prelu,
    "add": _call("{0} + {1}"),
    "concat": _call("torch.cat([{inputs}], 1)"),
    "flatten": _call("{0}.reshape(len({0}), -1, 1, 1)"),
    "move": _move,
    "unary": _function,
    "binary": _function,
    "reduce": _reduce,
    "max_pool": _pool,
    "avg_pool": _pool,
    "softmax": _call("{0}.softmax(1)"),
    "log_softmax": _call("{0}.log_softmax(1)"),
}
OPERATIONS = tuple(_WRITE)
