"""Random networks with inputs and outputs of every kind and rank."""

from collections.abc import Callable
from typing import Any

import numpy as np
from helpers.nodes import move, random_thresholds, random_weight, window

from signbit.format import Input, Node, Output, PackedModel, Signature, ValueType
from signbit.format.bits import pack_bits
from signbit.format.ops import operations
from signbit.format.types import BITS, F32, I32, U8

Make = Callable[[Any, int, ValueType], Node]
SCORES = ("softmax", "log_softmax")


def random_ends(rng, streams: bool = False) -> PackedModel:
    """Some inputs, some nodes that read any of the values, and some of the values as outputs.

    streams: only what streams of bits and integers express.
    """
    inputs = [_input(rng, index, streams) for index in range(int(rng.integers(1, 4)))]
    types = [one.type for one in inputs]
    nodes: list[Node] = []
    while len(nodes) < 10:
        source = int(rng.integers(len(types)))
        made = _node(rng, nodes, types, source, len(inputs), streams)
        if made is not None:
            nodes.append(made)
            taken = [types[index] for index in made.inputs]
            types.append(operations.get(made.op).infer(made.attributes, taken))
    numbers = range(len(inputs), len(types))
    chosen = rng.choice(numbers, int(rng.integers(1, 6)), replace=False).tolist()
    outputs = [
        _output(rng, number, types[number], nodes[number - len(inputs)]) for number in chosen
    ]
    return PackedModel(nodes, Signature(inputs, outputs))


def _input(rng, index: int, streams: bool) -> Input:
    shape = tuple(int(side) for side in rng.integers(1, 6, int(rng.integers(1, 4))))
    shape = (*shape[:-1], int(rng.choice([1, 2, 5, 9, 33])))
    kind = str(rng.choice([U8, BITS] if streams else [U8, BITS, F32]))
    name = ("image", "register", "Image")[index]  # a keyword of C; two of the same letters
    if kind == U8:
        return Input.fixed_point(name, shape, 0.5, -1.0)
    return Input(name, kind, shape)


def _output(rng, number: int, value: ValueType, node: Node) -> Output:
    least = 3 if value.height > 1 else 2 if value.width > 1 else 1
    kind = "numbers"
    if value.kind == F32:
        kind = "classes" if node.op in SCORES else str(rng.choice(["classes", "labels", kind]))
    names = [f"name {c}" for c in range(value.channels)] if rng.random() < 0.3 else []
    return Output(f"out{number}", kind, number, int(rng.integers(least, 4)), names)


def _node(
    rng, nodes: list[Node], types: list[ValueType], source: int, inputs: int, streams: bool
) -> Node | None:
    """A node that reads a value; None where there is none that fits."""
    value = types[source]
    if value.elements > 2000:
        return None
    made: list[Make] = [*_BOTH[value.kind], *([] if streams else _NUMBERS[value.kind])]
    if source >= inputs and nodes[source - inputs].op in SCORES and streams:
        return None
    others = [
        index
        for index, one in enumerate(types)
        if one._replace(channels=1) == value._replace(channels=1)
    ]
    if (not streams or value.kind in (U8, BITS)) and rng.random() < 0.12:
        return Node("concat", (source, *map(int, rng.choice(others, int(rng.integers(1, 3))))))
    if value.height == value.width == 1 and rng.random() < 0.1:
        return Node("flatten", (source,))
    return made[int(rng.integers(len(made)))](rng, source, value)


def _window(rng, value: ValueType) -> dict[str, Any]:
    sides = []
    for side in (value.height, value.width):
        kernel = int(rng.integers(1, min(side, 3) + 1))
        sides.append((kernel, int(rng.integers(1, 3)), *map(int, rng.integers(0, kernel, 2))))
    y, x = sides
    return window((y[0], x[0]), (y[1], x[1]), (y[2], x[2], y[3], x[3]))


def _conv(op: str, **more: Any) -> Make:
    def make(rng, source: int, value: ValueType) -> Node:
        channels = int(rng.choice([1, 3, 8, 11, 40]))
        attributes: dict[str, Any] = {**_window(rng, value), "channels": channels, "groups": 1}
        attributes |= more
        if rng.random() < 0.3:
            attributes |= {"kernel": (value.height, value.width), "padding": (0,) * 4}
        if "padding_value" in more:
            attributes["padding_value"] = int(rng.integers(-1, 2))
        if op == "conv_f32":
            shape = (channels, *attributes["kernel"], value.channels)
            return Node(op, (source,), attributes, {"weight": _numbers(rng, shape)})
        weight = random_weight(rng, channels, attributes["kernel"], value.channels)
        return Node(op, (source,), attributes, weight)

    return make


def _numbers(rng, shape: Any, spread: float = 0.5) -> np.ndarray:
    return rng.normal(0, spread, shape).astype(np.float32)


def _threshold(rng, source: int, value: ValueType) -> Node:
    tensors = random_thresholds(rng, value.channels, 200 if value.kind == U8 else 4)
    if value.kind == F32:
        tensors["threshold"] = _numbers(rng, value.channels)
    return Node("threshold", (source,), {}, tensors)


def _per_channel(op: str, *names: str) -> Make:
    return lambda rng, source, value: Node(
        op, (source,), {}, {name: _numbers(rng, value.channels) for name in names}
    )


def _plain(op: str, **attributes: Any) -> Make:
    return lambda rng, source, value: Node(op, (source,), attributes)


def _pool(rng, source: int, value: ValueType) -> Node:
    return Node("max_pool", (source,), _window(rng, value))


def _mean(rng, source: int, value: ValueType) -> Node:
    pool = {key: _window(rng, value)[key] for key in ("stride",)}
    pool |= {"kernel": (1, 1), "padding": (0,) * 4, "count_padding": True}
    return Node("avg_pool", (source,), pool)


def _flip(rng, source: int, value: ValueType) -> Node:
    return Node("flip", (source,), {}, {"mask": pack_bits(rng.random(value.channels) < 0.5)})


def _mirrored(rng, source: int, value: ValueType) -> Node:
    """The channels in reverse, and a border."""
    row, column = value.width * value.channels, value.channels
    rows = [-1, *range(0, value.height * row, row)]
    columns = [*range(0, row, column), -1]
    return move(source, rows, columns, list(range(column))[::-1], 1.0)


def _sum(rng, source: int, value: ValueType) -> Node:
    return Node("add", (source, source))


_SCORE: list[Make] = [_per_channel("affine", "scale", "bias")]
_BOTH: dict[str, list[Make]] = {
    U8: [_threshold, _conv("conv_u8", multiplier=2, offset=-255)],
    BITS: [_conv("conv_bits", padding_value=0), _flip, _pool],
    I32: [_threshold, *_SCORE],
    F32: [*_SCORE, _plain("softmax"), _plain("log_softmax")],
}
_NUMBERS: dict[str, list[Make]] = {
    U8: [_per_channel("normalize", "scale", "bias"), _plain("flatten"), _mirrored],
    BITS: [_plain("signs"), _plain("flatten"), _mirrored],
    I32: [_pool, _plain("flatten"), _mirrored],
    F32: [
        _threshold,
        _conv("conv_f32"),
        _conv("conv_f32_bits", padding_value=0),
        _per_channel("prelu", "slope"),
        _plain("clamp", low=-1.0, high=3.0),
        _plain("unary", function="tanh"),
        _plain("reduce", function="sum", axes=("width",)),
        _plain("flatten"),
        _sum,
        _pool,
        _mean,
        _mirrored,
    ],
}
