"""For each operation of the format, a network of few nodes that has it."""

import numpy as np
from helpers.nodes import (
    first_bits,
    model_of,
    move,
    random_weight,
    viewed,
    window,
)

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits

SIZE, CHANNELS = (3, 2), 5
_POINT = window((1, 1), padding=(0,) * 4) | {"channels": CHANNELS, "groups": 1}


def network_with(op: str) -> PackedModel:
    """Pixels to bits, the operation, scores; the same each time.

    What streams of bits may have stands in a chain that ends in affine and softmax.
    """
    rng = np.random.default_rng(0)
    if op in _ON_BITS or op in ("conv_u8", "conv_bits", "threshold", "affine", *_SCORES):
        return _chain(rng, op)
    nodes = [*first_bits(rng, CHANNELS), _affine(rng, 1)]
    return viewed([*nodes, _OTHERS[op](rng)], SIZE)


def _chain(rng, op: str) -> PackedModel:
    nodes = first_bits(rng, CHANNELS)
    if op in _ON_BITS:
        nodes.append(_ON_BITS[op](rng))
    sides = (1, 1) if op == "flatten" else SIZE
    inputs = {"flatten": CHANNELS * SIZE[0] * SIZE[1], "concat": 2 * CHANNELS}.get(op, CHANNELS)
    linear = window(sides, padding=(0,) * 4) | {"channels": CHANNELS, "groups": 1}
    weight = random_weight(rng, CHANNELS, sides, inputs)
    nodes.append(Node("conv_bits", (len(nodes),), linear | {"padding_value": 0}, weight))
    nodes.append(_affine(rng, len(nodes)))
    if op in _SCORES:
        nodes.append(Node(op, (len(nodes),)))
    return model_of(nodes, SIZE)


def _affine(rng, source: int) -> Node:
    numbers = rng.normal(0, 0.1, (2, CHANNELS)).astype(np.float32)
    return Node("affine", (source,), {}, {"scale": numbers[0], "bias": numbers[1]})


def _real_conv(rng) -> Node:
    weight = rng.normal(0, 1, (CHANNELS, 1, 1, CHANNELS)).astype(np.float32)
    return Node("conv_f32", (3,), _POINT, {"weight": weight})


def _mean(rng) -> Node:
    pool = {"kernel": (2, 2), "stride": (1, 1), "padding": (0,) * 4, "count_padding": True}
    return Node("avg_pool", (3,), pool)


_SCORES = ("softmax", "log_softmax")
_ON_BITS = {
    "flip": lambda rng: Node("flip", (2,), {}, {"mask": pack_bits(rng.random(CHANNELS) < 0.5)}),
    "concat": lambda rng: Node("concat", (2, 2)),
    "flatten": lambda rng: Node("flatten", (2,)),
    "max_pool": lambda rng: Node("max_pool", (2,), window((3, 3))),
}
# Each reads node 2, bits, or node 3, real numbers.
_OTHERS = {
    "add": lambda rng: Node("add", (3, 3)),
    "avg_pool": _mean,
    "binary": lambda rng: Node("binary", (3, 3), {"function": "multiply"}),
    "clamp": lambda rng: Node("clamp", (3,), {"low": -1.0, "high": 1.0}),
    "conv_f32": _real_conv,
    "conv_f32_bits": lambda rng: Node(
        "conv_f32_bits",
        (3,),
        _POINT | {"padding_value": 0},
        random_weight(rng, CHANNELS, (1, 1), CHANNELS),
    ),
    "move": lambda rng: move(2, [10, 0, 20], [5, -1], [4, 3, 2, 1, 0], 1.0),
    "normalize": lambda rng: Node(
        "normalize", (0,), {}, {"scale": np.ones(1, "f4"), "bias": np.ones(1, "f4")}
    ),
    "prelu": lambda rng: Node("prelu", (3,), {}, {"slope": np.full(CHANNELS, 0.1, "f4")}),
    "reduce": lambda rng: Node("reduce", (3,), {"function": "mean", "axes": ("height", "width")}),
    "signs": lambda rng: Node("signs", (2,)),
    "unary": lambda rng: Node("unary", (3,), {"function": "sigmoid"}),
}
