"""Random nodes and networks for the tests of the engine."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.bits import pack_bits


def window(kernel=(3, 3), stride=(1, 1), padding=(1, 1, 1, 1), dilation=(1, 1)) -> dict[str, Any]:
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}


def random_weight(rng, channels: int, kernel: Sequence[int], fan: int) -> dict[str, Any]:
    return {"weight": pack_bits(rng.random((channels, *kernel, fan)) < 0.5)}


def random_thresholds(rng, channels: int, spread: int) -> dict[str, Any]:
    """Most within the sums that occur, some at the very ends of int32."""
    values = rng.integers(-spread, spread + 1, channels).astype(np.int32)
    ends = rng.random(channels)
    values[ends < 0.1] = np.iinfo(np.int32).min
    values[ends > 0.9] = np.iinfo(np.int32).max
    return {"threshold": values, "below": pack_bits(rng.random(channels) < 0.4)}


def move(source: int, rows, columns, channels, fill: float = 0.0) -> Node:
    """A `move`, whose size is that of the three lists of places."""
    places = {"rows": rows, "columns": columns, "channels": channels}
    tensors = {name: np.asarray(values, np.int32) for name, values in places.items()}
    return Node(
        "move", (source,), {"size": tuple(map(len, places.values())), "fill": fill}, tensors
    )


def first_bits(rng, channels: int, pixels: int = 1) -> list[Node]:
    """Random bits from pixels: nodes 1 and 2."""
    conv = window((1, 1), padding=(0, 0, 0, 0))
    conv |= {"channels": channels, "groups": 1, "multiplier": 2, "offset": -255}
    return [
        Node("conv_u8", (0,), conv, random_weight(rng, channels, (1, 1), pixels)),
        Node("threshold", (1,), {}, random_thresholds(rng, channels, 200)),
    ]


def to_scores(nodes: list[Node], source: int, size: tuple[int, int, int], kind: str) -> list[Node]:
    """Nodes that turn any value into a row of scores, so that it is looked at as a whole."""
    nodes = list(nodes)
    if kind == "bits":
        nodes.append(Node("signs", (source,)))
        source = len(nodes)
    elif kind in ("u8", "i32"):
        op = "normalize" if kind == "u8" else "affine"
        nodes.append(Node(op, (source,), {}, _unit(size[2])))
        source = len(nodes)
    nodes.append(Node("flatten", (source,)))
    return nodes


def model_of(nodes: list[Node], size: tuple[int, int], pixels: int = 1) -> PackedModel:
    return PackedModel(nodes, Preprocessing([1 / 128] * pixels, [-1.0] * pixels, size))


def viewed(nodes: list[Node], size: tuple[int, int], pixels: int = 1) -> PackedModel:
    """A model whose scores are all elements of the last node's value."""
    filler = [Node("normalize", (0,), {}, _unit(pixels)), Node("flatten", (len(nodes) + 1,))]
    types = model_of([*nodes, *filler], size, pixels).types
    last = types[len(nodes)]
    return model_of(to_scores(nodes, len(nodes), last[1:], last.kind), size, pixels)


def _unit(channels: int) -> dict[str, Any]:
    return {"scale": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}


def images_for(rng, model: PackedModel, count: int) -> np.ndarray:
    shape = (count, *model.preprocessing.size, model.preprocessing.channels)
    return rng.integers(0, 256, shape).astype(np.uint8)
