"""Packed networks of bits with any geometry."""

from functools import cache

import numpy as np
from helpers.nodes import first_bits, model_of, random_thresholds, random_weight, window

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits


@cache
def odd() -> PackedModel:
    """Maps one position wide, strides, dilation, uneven padding, groups, a flip, a flatten."""
    rng = np.random.default_rng(3)
    first = window((3, 1), (2, 1), (1, 0, 0, 0), (2, 1))
    first |= {"channels": 6, "groups": 3, "padding_value": 0}
    second = window((2, 2), (1, 2), (0, 1, 2, 1))
    second |= {"channels": 5, "groups": 1, "padding_value": 1}
    last = {"channels": 3, "groups": 1, "padding_value": 0}
    last |= window((1, 1), padding=(0, 0, 0, 0))
    nodes = [
        *first_bits(rng, 6, 2),
        Node("flip", (2,), {}, {"mask": pack_bits(np.array([1, 0, 0, 1, 1, 0], bool))}),
        Node("conv_bits", (3,), first, random_weight(rng, 6, (3, 1), 2)),
        Node("threshold", (4,), {}, random_thresholds(rng, 6, 4)),
        Node("max_pool", (5,), window((2, 1), (1, 1), (1, 0, 0, 0))),
        Node("conv_bits", (6,), second, random_weight(rng, 5, (2, 2), 6)),
        Node("threshold", (7,), {}, random_thresholds(rng, 5, 9)),
        Node("max_pool", (8,), window((4, 1), padding=(0, 0, 0, 0))),
        Node("flatten", (9,)),
        Node("conv_bits", (10,), last, random_weight(rng, 3, (1, 1), 5)),
        Node("flatten", (11,)),
        affine(12, [0.5, -0.25, 0.0], [1.0, 1e-4, 0.5]),
    ]
    return model_of(nodes, (9, 1), 2)


def _window(rng, size: tuple[int, int], reach: int) -> dict:
    """A window that fits the map, padded on each side by less than it reaches."""
    sides = []
    for side in size:
        dilation = int(rng.integers(1, min(side, 2) + 1))
        kernel = int(rng.integers(1, min((side - 1) // dilation + 1, reach) + 1))
        pads = rng.integers(0, dilation * (kernel - 1) + 1, 2)
        sides.append((kernel, int(rng.integers(1, 4)), dilation, int(pads[0]), int(pads[1])))
    y, x = sides
    return window((y[0], x[0]), (y[1], x[1]), (y[3], x[3], y[4], x[4]), (y[2], x[2]))


def random_network(rng) -> PackedModel:
    """Pixels, a few layers of any geometry, scores."""
    size = (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
    pixels = int(rng.integers(1, 4))
    nodes: list[Node] = []
    for _ in range(rng.integers(1, 5)):
        _, height, width, inputs = types_of(nodes, size, pixels)
        attributes = _window(rng, (height, width), 3)
        if nodes and rng.random() < 0.4:
            nodes.append(Node("max_pool", (len(nodes),), attributes))
            continue
        groups = int(rng.choice([g for g in (1, 2, 3) if inputs % g == 0]))
        channels = groups * int(rng.integers(1, 5))
        attributes |= {"channels": channels, "groups": groups}
        if nodes:
            attributes |= {"padding_value": int(rng.integers(-1, 2))}
        else:
            attributes |= {
                "multiplier": int(rng.integers(1, 256)),
                "offset": int(rng.integers(-999, 999)),
            }
        weight = random_weight(rng, channels, attributes["kernel"], inputs // groups)
        op = "conv_bits" if nodes else "conv_u8"
        spread = 5 if nodes else 9999
        nodes.append(Node(op, (len(nodes),), attributes, weight))
        thresholds = random_thresholds(rng, channels, spread)
        nodes.append(Node("threshold", (len(nodes),), {}, thresholds))
    _, height, width, inputs = types_of(nodes, size, pixels)
    classes = int(rng.integers(1, 6))
    last = window((height, width), padding=(0, 0, 0, 0))
    last |= {"channels": classes, "groups": 1, "padding_value": 0}
    weight = random_weight(rng, classes, (height, width), inputs)
    nodes.append(Node("conv_bits", (len(nodes),), last, weight))
    numbers = rng.standard_normal((2, classes)).tolist()
    return model_of([*nodes, affine(len(nodes), *numbers)], size, pixels)


def types_of(nodes: list[Node], size: tuple[int, int], pixels: int):
    """Of what the last node gives."""
    if not nodes:
        return ("u8", *size, pixels)
    channels = model_of([*nodes, *_tail(len(nodes))], size, pixels).types
    return channels[len(nodes)]


def _tail(source: int) -> list[Node]:
    return [Node("signs", (source,)), Node("flatten", (source + 1,))]


def affine(source: int, scale: list[float], bias: list[float]) -> Node:
    tensors = {"scale": np.array(scale, np.float32), "bias": np.array(bias, np.float32)}
    return Node("affine", (source,), {}, tensors)
