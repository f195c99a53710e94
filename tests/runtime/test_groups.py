"""Samples of a batch that share the weights of linear layers get the results of single samples."""

from typing import Any

import numpy as np
import pytest
from helpers.nodes import (
    first_bits,
    images_for,
    random_thresholds,
    random_weight,
    viewed,
    window,
)

from signbit.format import Node
from signbit.format.bits import pack_bits
from signbit.runtime import reference
from signbit.runtime.engine import Engine, available_isas

COUNTS = (1, 2, 3, 15, 16, 17, 33, 67)


def dense(
    rng, source: int, inputs: tuple[int, int, int], channels: int, op: str = "conv_bits", dilation=1
) -> Node:
    """A layer whose window is the whole map."""
    height, width, fan = inputs
    kernel = ((height - 1) // dilation + 1, (width - 1) // dilation + 1)
    attributes: dict[str, Any] = {"channels": channels, "groups": 1}
    attributes |= window(kernel, padding=(0, 0, 0, 0), dilation=(dilation, dilation))
    if op == "conv_u8":
        attributes |= {"multiplier": 3, "offset": -255}
    elif op.endswith("bits"):
        attributes |= {"padding_value": 0}
    weight = random_weight(rng, channels, kernel, fan)
    if op == "conv_f32":
        weight = {"weight": rng.normal(size=(channels, *kernel, fan)).astype("f4")}
    return Node(op, (source,), attributes, weight)


def threshold(rng, source: int, channels: int, spread: int) -> Node:
    return Node("threshold", (source,), {}, random_thresholds(rng, channels, spread))


def real_threshold(rng, source: int, channels: int) -> Node:
    values = rng.normal(size=channels).astype("f4")
    below = pack_bits(rng.random(channels) < 0.5)
    return Node("threshold", (source,), {}, {"threshold": values, "below": below})


def affine(rng, source: int, channels: int) -> Node:
    numbers = {name: rng.normal(size=channels).astype("f4") for name in ("scale", "bias")}
    return Node("affine", (source,), {}, numbers)


def normalized(channels: int) -> Node:
    tensors = {"scale": np.full(channels, 1 / 64, "f4"), "bias": np.full(channels, -2, "f4")}
    return Node("normalize", (0,), {}, tensors)


def pixels_to_bits(rng):
    """Three layers of bits, whose last words are not full."""
    nodes = [
        dense(rng, 0, (5, 7, 3), 333, "conv_u8"),
        threshold(rng, 1, 333, 9000),
        dense(rng, 2, (1, 1, 333), 1500),
        threshold(rng, 3, 1500, 60),
        dense(rng, 4, (1, 1, 1500), 65),
        threshold(rng, 5, 65, 120),
    ]
    return viewed(nodes, (5, 7), 3)


def pixels_to_sums(rng):
    return viewed([dense(rng, 0, (9, 11, 2), 177, "conv_u8", dilation=2)], (9, 11), 2)


def wide_pixels(rng):
    return viewed([dense(rng, 0, (2, 3, 301), 300, "conv_u8")], (2, 3), 301)


def bits_of_a_map(rng, channels: int, dilation: int):
    inputs = (5, 5, channels)
    return [*first_bits(rng, channels), dense(rng, 2, inputs, 450, dilation=dilation)]


def narrow_map(rng):
    """Taps whose words are mostly empty."""
    return viewed([*bits_of_a_map(rng, 21, 1), threshold(rng, 3, 450, 60)], (5, 5))


def many_terms(rng):
    """More than the counts of some kernels hold."""
    nodes = [*first_bits(rng, 513), dense(rng, 2, (8, 8, 513), 40)]
    return viewed(nodes, (8, 8))


def dilated_map(rng):
    return viewed(bits_of_a_map(rng, 130, 2), (5, 5))


def reals(rng):
    """Two layers whose real results are added, read again and compared."""
    nodes = [
        *first_bits(rng, 700),
        dense(rng, 2, (1, 2, 700), 500),
        affine(rng, 3, 500),
        dense(rng, 2, (1, 2, 700), 500),
        affine(rng, 5, 500),
        Node("prelu", (6,), {}, {"slope": rng.normal(size=500).astype("f4")}),
        Node("add", (4, 7)),
        real_threshold(rng, 8, 500),
        dense(rng, 9, (1, 1, 500), 500),
        affine(rng, 10, 500),
        Node("add", (8, 11)),
    ]
    return viewed(nodes, (1, 2))


def real_weights(rng):
    nodes = [
        normalized(5),
        dense(rng, 1, (4, 3, 5), 300, "conv_f32"),
        Node("clamp", (2,), {"low": -1.0, "high": 1.0}),
        dense(rng, 3, (1, 1, 300), 70, "conv_f32"),
        real_threshold(rng, 4, 70),
        Node("signs", (5,)),
        dense(rng, 6, (1, 1, 70), 3000, "conv_f32_bits"),
    ]
    return viewed(nodes, (4, 3), 5)


def after_a_map(rng):
    """A linear layer between two that samples do not share: of a map, and with padding."""
    conv = window() | {"channels": 33, "groups": 1, "padding_value": 0}
    padded = window((3, 3), (2, 2), (1, 1, 1, 1)) | {"channels": 90, "groups": 1}
    nodes = [
        *first_bits(rng, 40),
        Node("conv_bits", (2,), conv, random_weight(rng, 33, (3, 3), 40)),
        threshold(rng, 3, 33, 40),
        dense(rng, 4, (4, 4, 33), 700),
        threshold(rng, 5, 700, 60),
        Node("conv_bits", (6,), padded | {"padding_value": 1}, random_weight(rng, 90, (3, 3), 700)),
        affine(rng, 7, 90),
    ]
    return viewed(nodes, (4, 4))


NETWORKS = (
    *(pixels_to_bits, pixels_to_sums, wide_pixels, narrow_map, many_terms),
    *(dilated_map, reals, real_weights, after_a_map),
)


@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("isa", available_isas())
def test_batches_of_any_size_give_the_results_of_single_samples(make, isa):
    rng = np.random.default_rng(NETWORKS.index(make))
    model = make(rng)
    x = images_for(rng, model, max(COUNTS))
    scalar = Engine(model, isa="scalar")
    wanted = np.concatenate([scalar.scores(one[None]) for one in x])
    np.testing.assert_allclose(wanted[:9], reference.scores(model, x[:9]), rtol=1e-4, atol=1e-3)
    for threads in (1, 2, 3):
        engine = Engine(model, threads, isa)
        for count in COUNTS:
            np.testing.assert_array_equal(engine.scores(x[-count:]), wanted[-count:])
