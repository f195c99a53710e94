"""Small packed networks that use every operation, each at its limits."""

from typing import Any

import numpy as np
from helpers.nodes import first_bits, move, random_thresholds, random_weight, viewed, window

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits
from signbit.format.ops.functions import BINARY, UNARY
from signbit.format.ops.reduce import FUNCTIONS

NAMES = (
    "pixels_1x1",
    "flips",
    "uneven_padding",
    "padded_row",
    "pooled_sums",
    "wide_sums",
    "real_thresholds",
    "real_convolutions",
    "pooled_reals",
    "elementwise",
    "infinite_clamps",
    "pixel_bits",
    "moved_bits",
    "moved_numbers",
    "functions",
    "reductions",
)


def small(name: str) -> PackedModel:
    """One of NAMES, the same each time; its scores are all elements of its last value.

    wide_sums: sums, and what is filled in, that float32 cannot hold; all others can be in any tool.
    real_thresholds: real numbers that equal the threshold, NaN, infinite thresholds.
    infinite_clamps: scores that are infinite.
    pixel_bits: thresholds of pixels, also of moved ones, at the ends of what a byte holds.
    functions: every function of one number and of two, on NaN and infinities too.
    """
    return globals()[f"_{name}"](np.random.default_rng(NAMES.index(name)))


def _conv(rng, source: int, fan: int, channels: int, op: str = "conv_bits", **more: Any) -> Node:
    attributes: dict[str, Any] = window() | {"channels": channels, "groups": 1} | more
    weight = random_weight(rng, channels, attributes["kernel"], fan // attributes["groups"])
    return Node(op, (source,), attributes, weight)


def _scale(rng, source: int, channels: int, spread: float = 0.1) -> Node:
    tensors = {
        name: rng.normal(0, spread, channels).astype(np.float32) for name in ("scale", "bias")
    }
    return Node("affine", (source,), {}, tensors)


def _pixels_1x1(rng) -> PackedModel:
    return viewed(first_bits(rng, 9, 5), (1, 1), 5)


def _flips(rng) -> PackedModel:
    nodes = first_bits(rng, 70)
    nodes.append(Node("flip", (2,), {}, {"mask": pack_bits(rng.random(70) < 0.5)}))
    nodes.append(Node("flatten", (3,)))
    nodes.append(Node("flatten", (2,)))
    nodes.append(Node("concat", (4, 5)))
    return viewed(nodes, (3, 2))


def _uneven_padding(rng) -> PackedModel:
    nodes = first_bits(rng, 6, 3)
    more = {"kernel": (3, 2), "padding": (1, 0, 2, 1), "padding_value": 1, "groups": 2}
    nodes.append(_conv(rng, 2, 6, 4, **more))
    nodes.append(Node("threshold", (3,), {}, random_thresholds(rng, 4, 9)))
    more = {"padding": (0, 2, 3, 1), "padding_value": 0, "dilation": (2, 1), "stride": (2, 3)}
    nodes.append(_conv(rng, 4, 4, 5, **more))
    more = {"multiplier": 255, "offset": -65535, "padding": (2, 0, 0, 1)}
    nodes.append(_conv(rng, 0, 3, 5, "conv_u8", **more))
    nodes.append(Node("flatten", (5,)))
    nodes.append(Node("flatten", (6,)))
    nodes.append(Node("concat", (7, 8)))
    return viewed(nodes, (6, 5), 3)


def _padded_row(rng) -> PackedModel:
    """A convolution with a border on a 1x1 map, groups on one, pooling of one."""
    nodes = first_bits(rng, 8)
    nodes.append(Node("max_pool", (2,), window((1, 1), padding=(0,) * 4)))
    nodes.append(_conv(rng, 3, 8, 8, padding_value=-1))
    nodes.append(Node("threshold", (4,), {}, random_thresholds(rng, 8, 20)))
    row = {"kernel": (1, 1), "padding": (0,) * 4, "padding_value": 0, "groups": 2}
    nodes.append(_conv(rng, 5, 8, 6, **row))
    return viewed(nodes, (1, 1))


def _pooled_sums(rng) -> PackedModel:
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 7, padding_value=0)]
    pool = window((3, 2), (2, 1), (1, 0, 1, 1))
    nodes.append(Node("max_pool", (3,), pool))
    nodes.append(Node("threshold", (4,), {}, random_thresholds(rng, 7, 10)))
    nodes.append(Node("max_pool", (5,), window((2, 2), padding=(0,) * 4, dilation=(2, 1))))
    return viewed(nodes, (7, 5))


def _wide_sums(rng) -> PackedModel:
    wide = {"kernel": (9, 9), "padding": (0, 1, 0, 0), "multiplier": 255, "offset": 65535}
    nodes = [_conv(rng, 0, 1, 6, "conv_u8", **wide)]
    nodes.append(_conv(rng, 0, 1, 3, "conv_u8", **wide | {"multiplier": 1, "offset": -128}))
    nodes.append(Node("concat", (1, 2)))
    nodes.append(Node("max_pool", (3,), window((2, 2), padding=(0,) * 4)))
    sums = random_thresholds(rng, 9, 1 << 20)
    sums["threshold"][0] = 1 << 23
    nodes.append(Node("threshold", (4,), {}, sums))
    nodes.append(_scale(rng, 4, 9, 1e-3))
    nodes.append(Node("signs", (5,)))
    nodes.append(Node("add", (6, 7)))
    nodes.append(move(4, [-1, 18], [9, 0], range(9), float(1 << 24)))
    nodes.append(_scale(rng, 9, 9, 1e-3))
    nodes.append(Node("concat", (8, 10)))
    return viewed(nodes, (11, 10))


def _real_thresholds(rng) -> PackedModel:
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 64, padding_value=0)]
    scale, bias = np.ones(64, np.float32), np.zeros(64, np.float32)
    scale[0], bias[1], bias[2], bias[3] = np.nan, np.nan, np.inf, -np.inf
    nodes.append(Node("affine", (3,), {}, {"scale": scale, "bias": bias}))
    threshold = rng.integers(-6, 7, 64).astype(np.float32)
    threshold[2:8] = [np.inf, -np.inf, np.inf, -np.inf, np.inf, -np.inf]
    threshold[8] = 3e38
    below = pack_bits(np.arange(64) % 4 > 1)
    nodes.append(Node("threshold", (4,), {}, {"threshold": threshold, "below": below}))
    return viewed(nodes, (4, 4))


def _real_convolutions(rng) -> PackedModel:
    unit = {"scale": np.array([0.01, 0.02], "f4"), "bias": np.array([-1, -2], "f4")}
    nodes = [Node("normalize", (0,), {}, unit)]
    weight = rng.normal(0, 0.3, (4, 3, 3, 1)).astype(np.float32)
    attributes = window(padding=(1, 0, 0, 2)) | {"channels": 4, "groups": 2}
    nodes.append(Node("conv_f32", (1,), attributes, {"weight": weight}))
    nodes.append(_conv(rng, 2, 4, 5, "conv_f32_bits", padding_value=1))
    nodes.append(_conv(rng, 3, 5, 3, "conv_f32_bits", padding_value=0, stride=(2, 2)))
    return viewed(nodes, (5, 6), 2)


def _pooled_reals(rng) -> PackedModel:
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 6, padding_value=0), _scale(rng, 3, 6)]
    pool = {"kernel": (3, 3), "stride": (2, 2), "padding": (2, 1, 1, 2)}
    nodes.append(Node("avg_pool", (4,), pool | {"count_padding": False}))
    nodes.append(Node("avg_pool", (4,), pool | {"count_padding": True}))
    nodes.append(Node("max_pool", (4,), pool | {"dilation": (1, 1)}))
    nodes.append(Node("concat", (5, 6, 7)))
    return viewed(nodes, (6, 5))


def _elementwise(rng) -> PackedModel:
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 6, padding_value=0), _scale(rng, 3, 6, 1)]
    slope = rng.normal(0, 1, 6).astype(np.float32)
    nodes.append(Node("prelu", (4,), {}, {"slope": slope}))
    nodes.append(Node("clamp", (5,), {"low": -1.5, "high": float("inf")}))
    nodes.append(Node("clamp", (5,), {"low": float("-inf"), "high": 0.5}))
    nodes.append(Node("clamp", (5,), {"low": float("-inf"), "high": float("inf")}))
    nodes.append(Node("add", (6, 7)))
    nodes.append(Node("add", (8, 9)))
    nodes.append(Node("softmax", (10,)))
    nodes.append(Node("log_softmax", (10,)))
    nodes.append(Node("concat", (11, 12)))
    return viewed(nodes, (3, 4))


def _infinite_clamps(rng) -> PackedModel:
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 6, padding_value=0), _scale(rng, 3, 6, 1)]
    for infinite in (float("inf"), float("-inf")):
        nodes.append(Node("clamp", (4,), {"low": infinite, "high": infinite}))
    nodes.append(Node("concat", (4, 5, 6)))
    return viewed(nodes, (3, 4))


def _pixel_bits(rng) -> PackedModel:
    """The pixels themselves, and turned about with a border, as bits of a linear layer.

    As many as it takes for some of the random ones to equal each limit.
    """
    limits = np.array([100, -1, 255, 0, 256, -(2**31), 2**31 - 1, 128, 127], np.int32)
    below = pack_bits(np.arange(9) % 2 == 1)
    nodes = [
        Node("threshold", (0,), {}, {"threshold": limits, "below": below}),
        move(0, [-1, 216, 108, 0], [18, 9, 0, -1], np.arange(9)[::-1], 77.0),
        Node("threshold", (2,), {}, {"threshold": limits[::-1].copy(), "below": below}),
        Node("flatten", (1,)),
        _conv(rng, 4, 144 * 9, 5, kernel=(1, 1), padding=(0,) * 4, padding_value=0),
        _conv(rng, 3, 9, 5, kernel=(4, 4), padding=(0,) * 4, padding_value=0),
        Node("concat", (5, 6)),
    ]
    return viewed(nodes, (12, 12), 9)


def _moved_bits(rng) -> PackedModel:
    """Slices within words and over them, turned, repeated, rolled, stretched, shuffled, at random.

    The input is 4x3x70 bits: a step of 210 is a row, of 70 a column.
    """
    rows, columns, all_ = [0, 210, 420, 630], [0, 70, 140], np.arange(70)
    nodes = [
        *first_bits(rng, 70),
        move(2, rows[1:3], columns, all_[3:40], -1.0),
        move(2, [-1, *rows, -1], [-1, *columns, -1, -1], all_, 1.0),
        move(2, rows[::-1], np.repeat(columns, 2), np.roll(all_, 5), 1.0),
        move(2, [0, -1, 210, -1, 420], [140, 0, 70], all_.reshape(2, 35).T.ravel(), -1.0),
        move(2, [0, 420], [0], np.arange(420), -1.0),
        move(2, rows, columns, [69, 3, -1, 4, 4, 64, 0], 1.0),
        move(2, [0], [0], [-1, -1], 1.0),
        *(Node("flatten", (source,)) for source in range(3, 10)),
    ]
    nodes.append(Node("concat", tuple(range(10, 17))))
    return viewed(nodes, (4, 3))


def _moved_numbers(rng) -> PackedModel:
    """Sums and real numbers: a permutation, a border, windows of the whole, columns at random."""
    nodes = [*first_bits(rng, 8), _conv(rng, 2, 8, 6, padding_value=0), _scale(rng, 3, 6, 1)]
    nodes += [
        move(3, [0, 1, 2, 3, 4, 5], [0, 6, 12], [0, 18, 36, 54], -9.0),
        move(3, [-1, 0, 18, 36, 54], [6, -1], [0, 1, 2, 3, 4, 5], 999.0),
        move(4, [18, 0], [0], np.arange(18), 0.0),
        move(4, [0, 54], [12, 0, 6, 6, -1], [5, 0, 3], float("-inf")),
        Node("threshold", (6,), {}, random_thresholds(rng, 6, 10)),
        Node("signs", (9,)),
    ]
    sources = []
    for source, channels in ((5, 4), (6, 6)):
        nodes.append(_scale(rng, source, channels))
        sources.append(len(nodes))
    for source in (*sources, 7, 8, 10):
        nodes.append(Node("flatten", (source,)))
    nodes.append(Node("concat", tuple(range(len(nodes) - 4, len(nodes) + 1))))
    return viewed(nodes, (4, 3))


def _odd_numbers(rng) -> list[Node]:
    """Node 4: real numbers, some of them NaN or infinite."""
    scale = _scale(rng, 3, 6, 1)
    scale.tensors["bias"][:3] = np.nan, np.inf, -np.inf
    return [*first_bits(rng, 8), _conv(rng, 2, 8, 6, padding_value=0), scale]


def _functions(rng) -> PackedModel:
    nodes = _odd_numbers(rng)
    nodes.append(move(4, [0], [6], [5, 4, 3, 2, 1, 0]))
    nodes.append(move(4, [0, 18, 36, 54], [0], [0]))
    for function in UNARY:
        nodes.append(Node("unary", (4,), {"function": function}))
    for function in BINARY:
        nodes.append(Node("binary", (4, 5), {"function": function}))
        nodes.append(Node("binary", (6, 5), {"function": function}))
    nodes.append(Node("clamp", (5,), {"low": 0.0, "high": 1.0}))
    nodes.append(Node("binary", (4, len(nodes)), {"function": "masked"}))
    for source in range(7, len(nodes) + 1):
        nodes.append(Node("flatten", (source,)))
    first = next(n for n, node in enumerate(nodes, 1) if node.op == "flatten")
    nodes.append(Node("concat", tuple(range(first, len(nodes) + 1))))
    return viewed(nodes, (4, 3))


def _reductions(rng) -> PackedModel:
    nodes = _odd_numbers(rng)
    nodes.append(_scale(rng, 3, 6, 1))
    nodes.append(Node("reduce", (5,), {"function": "mean", "axes": ("height", "width")}))
    sides = ("height", "width", "channels")
    for function in FUNCTIONS:
        for axes in [(side,) for side in sides] + [sides[:2], sides[1:], sides]:
            nodes.append(Node("reduce", (5,), {"function": function, "axes": axes}))
        nodes.append(Node("reduce", (4,), {"function": function, "axes": sides[:2]}))
        for axes in (sides[:1], sides[2:]):
            nodes.append(Node("reduce", (6,), {"function": function, "axes": axes}))
    for source in range(7, len(nodes) + 1):
        nodes.append(Node("flatten", (source,)))
    first = next(n for n, node in enumerate(nodes, 1) if node.op == "flatten")
    nodes.append(Node("concat", tuple(range(first, len(nodes) + 1))))
    return viewed(nodes, (4, 3))
