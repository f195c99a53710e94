"""Moves, functions and reductions of the engine against the reference, on random shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.files import version_2
from helpers.nodes import first_bits, images_for, move, random_weight, viewed, window

from signbit.format import Node
from signbit.format.bits import pack_bits
from signbit.format.ops.functions import BINARY, UNARY
from signbit.format.ops.reduce import AXES, FUNCTIONS
from signbit.runtime import reference
from signbit.runtime.engine import Engine, available_isas

KINDS = {"u8": 0, "i32": 1, "bits": 2, "f32": 3}
FILLS = {"u8": [0, 200], "i32": [-(2.0**31), 77], "bits": [-1, 1], "f32": [-0.5, float("inf")]}
CHANNELS = [1, 3, 63, 64, 65, 128, 130]
# Of a map, a row and a point: threads share each in another way.
SIZES = [(5, 7), (1, 9), (1, 1)]


def values(rng, channels: int) -> list[Node]:
    """Nodes that give each of KINDS by its number; pixels and bits lie in a border."""
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    conv: dict[str, Any] = window((1, 1), padding=(2, 1, 0, 3)) | {"channels": 1, "groups": 1}
    conv |= {"multiplier": 1, "offset": 0}
    weight = pack_bits(rng.random((1, 1, 1, channels)) < 0.5)
    return [
        *first_bits(rng, channels, channels),
        Node("affine", (1,), {}, {"scale": ones / 8, "bias": zeros}),
        Node("conv_u8", (0,), conv, {"weight": weight}),
        Node("max_pool", (2,), window((3, 2), padding=(1, 1, 2, 0))),
    ]


def assert_engine_equals_reference(
    nodes, size, pixels, rtol: float = 0, atol: float = 0
) -> np.ndarray:
    """Alone and shared, one image and several: however it is run, it gives the same scores."""
    model = viewed(nodes, size, pixels)
    images = images_for(np.random.default_rng(1), model, 4)
    wanted, first = reference.scores(model, images), None
    for threads in (1, 3):
        engine = Engine(model, threads)
        found = np.concatenate([engine.scores(images[:1]), engine.scores(images[1:])])
        np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol)
        first = found if first is None else first
        np.testing.assert_array_equal(found, first)
    return wanted


def counts(rng, channels: int) -> Node:
    """A convolution of node 6, which counts a bit beyond the channels as well as the others."""
    attributes: dict[str, Any] = window((1, 1), padding=(0,) * 4)
    attributes |= {"channels": 1, "groups": 1, "padding_value": 0}
    return Node("conv_bits", (6,), attributes, random_weight(rng, 1, (1, 1), channels))


def crop(rng, height: int, width: int, channels: int):
    """Any rows and columns, and a stretch of channels."""
    first = int(rng.integers(channels))
    return (
        rng.integers(0, height, 4) * width * channels,
        rng.integers(0, width, 3) * channels,
        np.arange(first, int(rng.integers(first, channels)) + 1),
    )


def whole_pixels(rng, height: int, width: int, channels: int):
    rows, columns, _ = crop(rng, height, width, channels)
    return rows, columns, np.arange(channels)


def words(rng, height: int, width: int, channels: int):
    """From the first of 64 channels on."""
    rows, columns, _ = crop(rng, height, width, channels)
    first = int(rng.integers(-(-channels // 64))) * 64
    return rows, columns, np.arange(first, int(rng.integers(first, channels)) + 1)


def shuffle(rng, height: int, width: int, channels: int):
    rows, columns, _ = crop(rng, height, width, channels)
    return rows, columns, rng.permutation(channels)


def reshape(rng, height: int, width: int, channels: int):
    """From some element on, over the ends of pixels and rows."""
    count = height * width * channels
    first = int(rng.integers(count))
    return [first // 2], [0, first - first // 2], np.arange(count - first)


def anything(rng, height: int, width: int, channels: int):
    count = height * width * channels
    ends = np.sort(rng.integers(0, count, 2))
    lengths = (ends[0], ends[1] - ends[0], count - 1 - ends[1])
    return tuple(rng.integers(0, length + 1, rng.integers(1, 20)) for length in lengths)


WAYS: list[Callable] = [crop, whole_pixels, words, shuffle, reshape, anything]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_move(kind, channels, way):
    rng = np.random.default_rng([channels, WAYS.index(way)])
    for size in SIZES:
        nodes = values(rng, channels)
        places = [np.array(one) for one in way(rng, *size, channels)]
        for fill in FILLS[kind]:
            assert_engine_equals_reference(
                [*nodes, move(KINDS[kind], *places, fill=fill)], size, channels
            )
            if kind == "bits":
                counted = [*nodes, move(2, *places, fill=fill), counts(rng, len(places[2]))]
                assert_engine_equals_reference(counted, size, channels)
            for one in places:  # nothing is filled the first time
                one[rng.random(len(one)) < 0.3] = -1


@pytest.mark.parametrize("isa", available_isas())
def test_every_instruction_set_gives_the_same(isa):
    inexact = values(np.random.default_rng(4), 130)
    inexact.append(Node("unary", (3,), {"function": "tanh"}))
    inexact.append(Node("reduce", (6,), {"function": "mean", "axes": ["height", "width"]}))
    inexact.append(Node("binary", (6, 7), {"function": "multiply"}))
    for model in version_2(), viewed(inexact, (9, 7), 130):
        images = images_for(np.random.default_rng(4), model, 5)
        wanted = Engine(model, isa="scalar").scores(images)
        for threads in (1, 2, 3):
            np.testing.assert_array_equal(Engine(model, threads, isa).scores(images), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_move_that_fills_everything(kind):
    nodes = values(np.random.default_rng(2), 65)
    for places in ([-1], [0], [0]), ([0], [-1, -1], [2]), ([35], [0], [-1] * 70):
        scores = assert_engine_equals_reference(
            [*nodes, move(KINDS[kind], *places, fill=FILLS[kind][1])], (5, 7), 65
        )
        assert (scores == FILLS[kind][1]).all()


# Ends of the range, subnormal numbers, halves, where functions bend.
HARD = [0, -0.0, 1e-45, -1e-45, 1e-38, 1, -1, 0.5, 1.5, -2.5, 3e38, -3e38, 88.8, -88.8, 104, -104]
HARD += [20, 1e5, -1e5, 1e-4, 2**23 + 1, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("function", UNARY)
def test_a_function_of_one_number(function):
    hard = {"scale": np.zeros(len(HARD), np.float32), "bias": np.array(HARD, np.float32)}
    spread = {"scale": np.full(1, 0.37, np.float32), "bias": np.full(1, -47.5, np.float32)}
    node = {"function": function}
    rounding = {} if UNARY[function] else {"rtol": 1e-6, "atol": 1e-37}
    some = [Node("normalize", (0,), {}, spread), Node("unary", (1,), node)]
    assert_engine_equals_reference(some, (16, 17), 1, **rounding)
    numbers = [*first_bits(np.random.default_rng(3), len(HARD)), Node("affine", (1,), {}, hard)]
    wanted = assert_engine_equals_reference(
        [*numbers, Node("unary", (3,), node)], (2, 1), 1, **rounding
    )
    assert np.isnan(wanted[:, -2:]).all()


@pytest.mark.parametrize("channels", [1, 3, 65])
@pytest.mark.parametrize("function", BINARY)
def test_a_function_of_two_numbers(function, channels):
    rng = np.random.default_rng(channels)
    height, width = 4, 3
    for sides in ((1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (0, 0, 1), (1, 0, 0), (0, 0, 0)):
        places = [
            step * np.arange(side if kept else 1)
            for kept, side, step in zip(
                sides, (height, width, channels), (width * channels, channels, 1), strict=True
            )
        ]
        for one in places[:2]:  # NaN from infinity, where it is not the only one
            one[1:2] = -1
        small = [*values(rng, channels), move(3, *places, fill=float("-inf"))]
        small.append(Node("binary", (6, 6), {"function": "multiply"}))
        for pair in (3, 7), (7, 3), (6, 7):
            assert_engine_equals_reference(
                [*small, Node("binary", pair, {"function": function})], (height, width), channels
            )


def test_two_broadcast_values_span_a_map():
    nodes = values(np.random.default_rng(5), 6)
    tall, wide = move(3, [0, 18, 36], [0], [2]), move(3, [0], [0, 6], [0, 1, 2, 3])
    nodes += [tall, wide, Node("binary", (6, 7), {"function": "add"})]
    assert assert_engine_equals_reference(nodes, (4, 3), 6).shape == (4, 3 * 2 * 4)


@pytest.mark.parametrize("channels", [1, 3, 64, 65, 130])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_reduction(function, channels):
    rng = np.random.default_rng(channels)
    rounding = {} if function == "maximum" else {"rtol": 1e-6, "atol": 1e-6}
    for chosen in range(1, 8):
        axes = [axis for place, axis in enumerate(AXES) if chosen >> place & 1]
        node = Node("reduce", (3,), {"function": function, "axes": axes})
        for size in SIZES:
            assert_engine_equals_reference(
                [*values(rng, channels), node], size, channels, **rounding
            )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nan_and_infinity_win_a_reduction(function):
    numbers = np.array([1, np.nan, np.inf, -np.inf], np.float32)
    affine = {"scale": np.zeros(4, np.float32), "bias": numbers}
    nodes = [*first_bits(np.random.default_rng(6), 4), Node("affine", (1,), {}, affine)]
    for axes in (["height"], ["channels"]):
        node = Node("reduce", (3,), {"function": function, "axes": axes})
        assert_engine_equals_reference([*nodes, node], (3, 1), 1)


def test_a_large_mean_loses_nothing():
    """65,536 numbers near 100, whose float32 sum in the order of rows is off in the third digit."""
    unit = {"scale": np.full(1, 2.0**-8, np.float32), "bias": np.full(1, 100, np.float32)}
    node = Node("reduce", (1,), {"function": "mean", "axes": ["height", "width"]})
    model = viewed([Node("normalize", (0,), {}, unit), node], (256, 256))
    images = images_for(np.random.default_rng(7), model, 1)
    exact = 100 + images.astype(np.float64).mean() / 256
    np.testing.assert_allclose(Engine(model).scores(images), exact, rtol=2e-7)


@pytest.mark.parametrize("channels", CHANNELS)
def test_a_threshold_of_pixels(channels):
    rng = np.random.default_rng(channels)
    limits = rng.integers(-1, 257, channels).astype(np.int32)
    ends = np.array([-(2**31), 2**31 - 1, -1, 0, 255, 256], np.int32)
    limits[::5] = ends[np.arange(len(limits[::5])) % len(ends)]
    tensors = {"threshold": limits, "below": pack_bits(rng.random(channels) < 0.5)}
    nodes = [*values(rng, channels), Node("threshold", (0,), {}, tensors)]
    for size in SIZES:
        assert_engine_equals_reference(nodes, size, channels)
