"""Packed networks of other tasks than images with classes: one real layer, known by hand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from signbit.format import Input, Node, Output, PackedModel, Signature

WINDOW = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}


def layer(
    one: Input,
    weight: NDArray,
    output: Output,
    bias: Sequence[float] | None = None,
) -> PackedModel:
    """Each place of the input times a matrix, (out, in), plus a bias; on real numbers.

    An input of u8 counts as scale * code + bias.  output: its node is set here.
    """
    outputs = len(weight)
    nodes, source = [], 0
    if one.kind == "u8":
        tensors = {name: np.array(getattr(one, name), np.float32) for name in ("scale", "bias")}
        nodes.append(Node("normalize", (0,), {}, tensors))
    elif one.kind == "bits":
        nodes.append(Node("signs", (0,)))
    source = len(nodes)
    conv = {**WINDOW, "kernel": (1, 1), "channels": outputs}
    kernel = np.float32(weight).reshape(outputs, 1, 1, -1)
    affine = {
        "scale": np.ones(outputs, np.float32),
        "bias": np.array(np.zeros(outputs) if bias is None else bias, np.float32),
    }
    nodes.append(Node("conv_f32", (source,), conv, {"weight": kernel}))
    nodes.append(Node("affine", (source + 1,), {}, affine))
    given = Output(output.name, output.kind, len(nodes), output.rank, output.names)
    return PackedModel(nodes, Signature((one,), (given,)))


def rows_of_classes(names: Sequence[str] = ("a", "b", "c")) -> PackedModel:
    """Features x, y, z in steps of a half from -8; the class is that of the largest."""
    one = Input.fixed_point("features", (3,), 0.5, -8.0)
    return layer(one, np.eye(3), Output("kind", "classes", 0, 1, names))


def rows_of_labels(names: Sequence[str] = ("wet", "hot")) -> PackedModel:
    """Two numbers, each the score of a label."""
    return layer(Input.numbers("features", (2,)), np.eye(2), Output("tags", "labels", 0, 1, names))


def rows_of_numbers(names: Sequence[str] = ("sum", "difference")) -> PackedModel:
    """Two numbers to their sum and difference."""
    weight = np.array([[1, 1], [1, -1]])
    return layer(Input.numbers("pair", (2,)), weight, Output("both", "numbers", 0, 1, names))


def maps_of_classes(side: int = 4, names: Sequence[str] = ("red", "green", "blue")) -> PackedModel:
    """RGB pixels to the channel that is brightest, at each place."""
    pixels = Input.pixels("pixels", (side, side, 3), [1 / 255] * 3, [0.0] * 3)
    return layer(pixels, np.eye(3), Output("mask", "classes", 0, 3, names))


def sounds_of_classes(length: int, features: int) -> PackedModel:
    """A sequence of features to whether their sum over all is above 0: quiet or loud."""
    one = Input.numbers("sound", (length, features))
    nodes = [
        Node("reduce", (0,), {"axes": ("height", "width", "channels"), "function": "mean"}),
        Node(
            "conv_f32",
            (1,),
            {**WINDOW, "kernel": (1, 1), "channels": 2},
            {"weight": np.array([-1, 1], np.float32).reshape(2, 1, 1, 1)},
        ),
    ]
    output = Output("loudness", "classes", 2, 1, ("quiet", "loud"))
    return PackedModel(nodes, Signature((one,), (output,)))
