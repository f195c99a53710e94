"""Packed networks whose files are kept, byte by byte, and files that somebody changed."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from helpers.nodes import move

from signbit.format import Input, Node, Output, PackedModel, Preprocessing, Signature
from signbit.format.bits import pack_bits
from signbit.format.digest import PLACEHOLDER, sealed

GOLDEN = Path(__file__).parents[1] / "format" / "golden" / "small.signbit"
DIGEST = re.compile(rb'\\"digest\\": \\"([0-9a-f]{64})\\"')
WINDOW = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}


def small() -> PackedModel:
    """Two layers, made of known bits."""
    first = pack_bits(np.arange(3 * 2 * 2 * 1).reshape(3, 2, 2, 1) % 3 == 0)
    second = pack_bits(np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3) % 2 == 0)
    conv = {**WINDOW, "kernel": (2, 2), "channels": 3, "multiplier": 1, "offset": -128}
    dense = {**WINDOW, "kernel": (2, 2), "channels": 2, "padding_value": 0}
    nodes = [
        Node("conv_u8", (0,), conv, {"weight": first}),
        Node(
            "threshold",
            (1,),
            {},
            {"threshold": np.array([-1, 0, 7], np.int32), "below": np.array([4], np.uint64)},
        ),
        Node("conv_bits", (2,), dense, {"weight": second}),
        Node(
            "affine",
            (3,),
            {},
            {"scale": np.array([0.5, 2], np.float32), "bias": np.array([0, 1], np.float32)},
        ),
        Node("clamp", (4,), {"low": -100.0, "high": float("inf")}),
    ]
    return PackedModel(nodes, Preprocessing([1 / 128], [-1.0], (3, 3), ("no", "yes")), {"a": 1})


def ends() -> PackedModel:
    """Inputs of every kind and rank, outputs of every kind and type."""
    conv = {**WINDOW, "kernel": (1, 1), "channels": 2, "padding_value": 0}
    cut = {"threshold": np.array([7], np.int32), "below": np.array([0], np.uint64)}
    one = {"scale": np.array([1.5, -0.5], np.float32), "bias": np.array([-2, 1], np.float32)}
    nodes = [
        Node("threshold", (0,), {}, cut),
        Node("conv_bits", (2,), conv, {"weight": pack_bits(np.eye(2, 5).reshape(2, 1, 1, 5) < 1)}),
        Node("affine", (4,), {}, one),
        Node("clamp", (1,), {"low": -1.0, "high": 3.0}),
        Node("reduce", (6,), {"axes": ("height", "width", "channels"), "function": "maximum"}),
        Node("concat", (5, 7)),
        Node(
            "affine", (8,), {}, {"scale": np.ones(3, np.float32), "bias": np.zeros(3, np.float32)}
        ),
    ]
    inputs = (
        Input.pixels("image", (2, 2, 1), [1 / 128], [-1.0]),
        Input.numbers("wave", (3, 2)),
        Input.bits("flags", (5,)),
    )
    outputs = (
        Output("answer", "classes", 9, 1, ("a", "b", "c")),
        Output("tags", "labels", 6, 2),
        Output("sums", "numbers", 4),
        Output("bright", "numbers", 3, 3),
    )
    return PackedModel(nodes, Signature(inputs, outputs), {"b": [2]})


def wide() -> PackedModel:
    """Every operation that `small` has not, on a network of branches."""
    real = np.linspace(-1, 1, 3 * 2 * 2 * 1, dtype=np.float32).reshape(3, 2, 2, 1)
    signs = pack_bits(np.arange(4 * 2 * 1 * 3).reshape(4, 2, 1, 3) % 5 < 2)
    bits = pack_bits(np.arange(6 * 2 * 2 * 2).reshape(6, 2, 2, 2) % 3 == 1)
    window = {"stride": (1, 1), "padding": (1, 0, 0, 1), "dilation": (1, 1)}
    pool = {"kernel": (2, 2), "stride": (2, 1), "padding": (0, 1, 1, 0)}
    conv = {**window, "kernel": (2, 2), "channels": 3, "groups": 1}
    tall = {**window, "kernel": (2, 1), "channels": 4, "groups": 1, "padding_value": 1}
    grouped = {**window, "kernel": (2, 2), "channels": 6, "groups": 2, "padding_value": -1}
    ends = {"threshold": np.array([0, 1, -2, 0.5], np.float32), "below": np.array([5], np.uint64)}
    one = {"scale": np.ones(6, np.float32), "bias": np.zeros(6, np.float32)}
    nodes = [
        Node(
            "normalize",
            (0,),
            {},
            {"scale": np.array([0.25], np.float32), "bias": np.array([-3], np.float32)},
        ),
        Node("conv_f32", (1,), conv, {"weight": real}),
        Node("prelu", (2,), {}, {"slope": np.array([0.5, 0, -1], np.float32)}),
        Node("add", (2, 3)),
        Node("conv_f32_bits", (4,), tall, {"weight": signs}),
        Node("threshold", (5,), {}, ends),
        Node("max_pool", (6,), {**pool, "dilation": (1, 1)}),
        Node("flip", (7,), {}, {"mask": np.array([10], np.uint64)}),
        Node("conv_bits", (8,), grouped, {"weight": bits}),
        Node("affine", (9,), {}, one),
        Node("signs", (8,)),
        Node("avg_pool", (10,), {**pool, "count_padding": False}),
        Node("avg_pool", (11,), {**pool, "count_padding": True}),
        Node("flatten", (12,)),
        Node("flatten", (13,)),
        Node("concat", (14, 15)),
        Node("softmax", (16,)),
        Node("log_softmax", (17,)),
    ]
    return PackedModel(nodes, Preprocessing([0.25], [-3.0], (5, 4)))


def version_2() -> PackedModel:
    """Every operation that version 2 of the format brought, and a convolution."""

    def unary(source: int, function: str) -> Node:
        return Node("unary", (source,), {"function": function})

    weight = pack_bits(np.arange(2 * 2 * 1 * 6).reshape(2, 2, 1, 6) % 3 == 0)
    conv = {**WINDOW, "kernel": (2, 1), "channels": 2, "padding_value": 0}
    pixels = {"threshold": np.array([100, -1], np.int32), "below": np.array([1], np.uint64)}
    one = {"scale": np.full(4, 0.5, np.float32), "bias": np.zeros(4, np.float32)}
    everything = ["height", "width", "channels"]
    nodes = [
        # The rows turned about, a border of 7, the channels exchanged.
        move(0, [-1, 12, 6, 0], [0, 2, 4, -1], [1, 0], 7.0),
        Node("threshold", (1,), {}, pixels),
        # Two positions and a border become channels.
        move(2, [0, 8, 16, 24], [0, 4, -1], [0, 1, 2, 3, -1, 0], -1.0),
        Node("conv_bits", (3,), conv, {"weight": weight}),
        move(4, [0, 6], [0, 2, -1], [0, 1, 0, 1], -3.0),
        Node("affine", (5,), {}, one),
        move(6, [0, 12], [8, 4, 0], [3, 2, -1], float("inf")),
        unary(6, "abs"),
        Node("reduce", (8,), {"function": "maximum", "axes": ["height", "width"]}),
        Node("binary", (6, 9), {"function": "multiply"}),
        Node("reduce", (7,), {"function": "maximum", "axes": ["channels"]}),
        Node("binary", (10, 11), {"function": "minimum"}),
        unary(12, "sigmoid"),
        Node("reduce", (13,), {"function": "mean", "axes": ["width"]}),
        Node("binary", (12, 14), {"function": "add"}),
        unary(15, "round"),
        Node("reduce", (16,), {"function": "sum", "axes": everything}),
    ]
    return PackedModel(nodes, Preprocessing([0.5, 1.0], [-1.0, 0.0], (3, 3)))


def moves() -> PackedModel:
    """The part of `version_2` whose numbers every implementation rounds alike."""
    nodes = [
        *version_2().nodes[:7],
        Node("unary", (6,), {"function": "floor"}),
        Node("reduce", (8,), {"function": "maximum", "axes": ("channels",)}),
        Node("binary", (6, 9), {"function": "multiply"}),
        move(10, [0], [0], [23, 20, 13, -1, 9, 8, 4, 3, 0], 0.5),
        move(7, [0], [0], [17, 1, 3, 16]),
        Node("concat", (11, 12)),
    ]
    return PackedModel(nodes, version_2().preprocessing)


def parts(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The header of a file, the JSON of its metadata, and the bytes of its tensors."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["signbit"]), content[8 + length :]


def framed(header: dict[str, Any] | bytes, data: bytes = b"") -> bytes:
    """A file of a header and the bytes of tensors, as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def resealed(content: bytes) -> bytes:
    """The file with the digest that it should have; as it is where it has no field for one."""
    found = DIGEST.search(content)
    if not found:
        return content
    start, end = found.span(1)
    return sealed(content[:start] + PLACEHOLDER.encode() + content[end:], len(content))
