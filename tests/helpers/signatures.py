"""Small packed networks whose inputs and outputs are of every kind, type and rank."""

from functools import cache
from typing import Any

import numpy as np
from helpers.files import ends
from helpers.nodes import move, random_thresholds, random_weight, window

from signbit.format import Input, Node, Output, PackedModel, Signature


@cache
def network(name: str) -> PackedModel:
    """One of NAMES, the same each time.

    numbers: float32 features to scores of classes.
    bits: bits of two words to scores of classes.
    fixed_point: codes with a step to scores of labels.
    two_inputs: a map of pixels and a row of numbers.
    inner: a map of numbers; an inner node is an output too.
    sums_and_bits: a map of bits; the outputs are int32 sums and bits, of rank 1 and 3.
    sequence: numbers of rank 2, outputs of rank 2; one of them is of length 1.
    class_map: an image to a class for each of its places.
    points: maps of 1x1 and sequences of length 1, as inputs and as outputs.
    codes: codes of rank 2, which are an output too.
    odd_names: names that languages and libraries keep for themselves.
    ends: three inputs and four outputs.
    """
    return _NETWORKS[name](np.random.default_rng(sorted(_NETWORKS).index(name)))


def _conv(rng, source: int, fan: int, channels: int, kernel=(1, 1), **more: Any) -> Node:
    """Binary weights, on bits where `more` says nothing of codes."""
    attributes = window(kernel, padding=(0,) * 4) | {"channels": channels, "groups": 1} | more
    op = "conv_u8" if "multiplier" in more else "conv_bits"
    if op == "conv_bits":
        attributes = {"padding_value": 0} | attributes
    return Node(op, (source,), attributes, random_weight(rng, channels, kernel, fan))


def _codes(rng, source: int, fan: int, channels: int, kernel=(1, 1), **more: Any) -> Node:
    return _conv(rng, source, fan, channels, kernel, multiplier=2, offset=-255, **more)


def _numbers(rng, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.5, shape).astype(np.float32)


def _affine(rng, source: int, channels: int) -> Node:
    tensors = {"scale": _numbers(rng, channels), "bias": _numbers(rng, channels)}
    return Node("affine", (source,), {}, tensors)


def _threshold(rng, source: int, channels: int, spread: int = 4) -> Node:
    return Node("threshold", (source,), {}, random_thresholds(rng, channels, spread))


def _real_threshold(rng, source: int, channels: int) -> Node:
    tensors = random_thresholds(rng, channels, 1) | {"threshold": _numbers(rng, channels)}
    return Node("threshold", (source,), {}, tensors)


def _network(inputs: list[Input], nodes: list[Node], outputs: list[Output]) -> PackedModel:
    return PackedModel(nodes, Signature(inputs, outputs))


def _of_numbers(rng) -> PackedModel:
    nodes = [_real_threshold(rng, 0, 6), _conv(rng, 1, 6, 4), _affine(rng, 2, 4)]
    return _network(
        [Input.numbers("features", (6,))],
        [*nodes, Node("log_softmax", (3,))],
        [Output("answer", "classes", 4, 1, ("a", "b", "c", "d"))],
    )


def _of_bits(rng) -> PackedModel:
    nodes = [_conv(rng, 0, 70, 9), _threshold(rng, 1, 9), _conv(rng, 2, 9, 3), _affine(rng, 3, 3)]
    return _network([Input.bits("flags", (70,))], nodes, [Output("answer", "classes", 4)])


def _fixed_point(rng) -> PackedModel:
    nodes = [_codes(rng, 0, 5, 8), _threshold(rng, 1, 8, 200), _conv(rng, 2, 8, 3)]
    return _network(
        [Input.fixed_point("levels", (5,), 0.25, -32.0)],
        [*nodes, _affine(rng, 3, 3)],
        [Output("tags", "labels", 4, 1, ("wet", "cold", "dark"))],
    )


def _two_inputs(rng) -> PackedModel:
    nodes = [
        _codes(rng, 0, 1, 4, (4, 3)),
        _affine(rng, 2, 4),
        _real_threshold(rng, 1, 3),
        _conv(rng, 4, 3, 2),
        _affine(rng, 5, 2),
        Node("concat", (3, 6)),
    ]
    inputs = [Input.pixels("image", (4, 3, 1), [1 / 255], [0.0]), Input.numbers("wave", (3,))]
    return _network(inputs, nodes, [Output("scores", "classes", 7)])


def _inner(rng) -> PackedModel:
    conv = window() | {"channels": 5, "groups": 1}
    nodes = [
        Node("conv_f32", (0,), conv, {"weight": _numbers(rng, 5, 3, 3, 2)}),
        _real_threshold(rng, 1, 5),
        _conv(rng, 2, 5, 4, (4, 4)),
        _affine(rng, 3, 4),
    ]
    outputs = [Output("scores", "classes", 4), Output("features", "numbers", 1, 3)]
    return _network([Input.numbers("field", (4, 4, 2))], nodes, outputs)


def _sums_and_bits(rng) -> PackedModel:
    nodes = [
        _conv(rng, 0, 4, 33, (2, 2)),
        _threshold(rng, 1, 33),
        _conv(rng, 2, 33, 3, (2, 2)),
        _threshold(rng, 3, 3),
    ]
    outputs = [
        Output("last_bits", "numbers", 4),
        Output("sums", "numbers", 1, 3),
        Output("first_bits", "numbers", 2, 3),
        Output("last_sums", "numbers", 3),
    ]
    return _network([Input.bits("plane", (3, 3, 4))], nodes, outputs)


def _sequence(rng) -> PackedModel:
    nodes = [
        _real_threshold(rng, 0, 3),
        _conv(rng, 1, 3, 6, (1, 3), padding=(0, 1, 0, 1)),
        _affine(rng, 2, 6),
        Node("reduce", (3,), {"function": "maximum", "axes": ("width",)}),
    ]
    outputs = [Output("tags", "labels", 3, 2), Output("highest", "numbers", 4, 2)]
    return _network([Input.numbers("wave", (7, 3))], nodes, outputs)


def _class_map(rng) -> PackedModel:
    nodes = [
        _codes(rng, 0, 3, 8, (3, 3), padding=(1, 1, 1, 1)),
        _threshold(rng, 1, 8, 400),
        _conv(rng, 2, 8, 4, (3, 3), padding=(1, 1, 1, 1), padding_value=-1),
        _affine(rng, 3, 4),
        Node("log_softmax", (4,)),
    ]
    pixels = Input.pixels("image", (5, 4, 3), [1 / 255] * 3, [0.0] * 3)
    names = ("road", "sky", "tree", "wall")
    return _network([pixels], nodes, [Output("ground", "classes", 5, 3, names)])


def _points(rng) -> PackedModel:
    nodes = [
        _real_threshold(rng, 0, 3),
        _threshold(rng, 1, 2, 200),
        Node("concat", (3, 4, 2)),
        _conv(rng, 5, 9, 5),
        _affine(rng, 6, 5),
    ]
    inputs = [
        Input.numbers("wave", (1, 3)),
        Input.pixels("image", (1, 1, 2), [1.0], [0.0]),
        Input.bits("flags", (1, 1, 4)),
    ]
    outputs = [
        Output("scores", "classes", 7, 3),
        Output("sums", "numbers", 6, 2),
        Output("parts", "numbers", 5, 3),
    ]
    return _network(inputs, nodes, outputs)


def _of_codes(rng) -> PackedModel:
    nodes = [move(0, [0], [8, 4, 0, -1], [2, 1, 0], 7.0), _threshold(rng, 1, 3, 200)]
    outputs = [Output("turned", "numbers", 1, 2), Output("high", "numbers", 2, 2)]
    return _network([Input.fixed_point("steps", (3, 4), 0.5)], nodes, outputs)


def _odd_names(rng) -> PackedModel:
    nodes = [
        _threshold(rng, 0, 2, 200),
        _real_threshold(rng, 1, 3),
        Node("concat", (3, 4, 2)),
        _conv(rng, 5, 9, 3),
        _affine(rng, 6, 3),
    ]
    inputs = [
        Input.fixed_point("file", (2,), 1.0),
        Input.numbers("self", (3,)),
        Input.bits("end", (4,)),
    ]
    outputs = [
        Output("class", "classes", 7),
        Output("x", "numbers", 6),
        Output("golden", "numbers", 5),
    ]
    return _network(inputs, nodes, outputs)


_NETWORKS = {
    "numbers": _of_numbers,
    "bits": _of_bits,
    "fixed_point": _fixed_point,
    "two_inputs": _two_inputs,
    "inner": _inner,
    "sums_and_bits": _sums_and_bits,
    "sequence": _sequence,
    "class_map": _class_map,
    "points": _points,
    "codes": _of_codes,
    "odd_names": _odd_names,
    "ends": lambda rng: ends(),
}
NAMES = tuple(_NETWORKS)

# Of networks, golden arrays of inputs and outputs of every kind.
GOLDEN = [
    *(("two_inputs", key) for key in ("image", "wave", "scores")),
    *(("sums_and_bits", key) for key in ("plane", "sums", "first_bits")),
]
