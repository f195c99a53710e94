"""The other operations of the engine against the reference."""

from typing import Any

import numpy as np
import pytest
from helpers.nodes import first_bits, images_for, model_of, random_thresholds, viewed, window

from signbit.format import Node
from signbit.format.bits import pack_bits
from signbit.format.ops import operations
from signbit.runtime import _engine, reference
from signbit.runtime.engine import Engine, available_isas

CHANNELS = [1, 3, 64, 65]


def normalized(rng, pixels: int) -> list[Node]:
    scale = rng.normal(size=pixels).astype(np.float32)
    return [Node("normalize", (0,), {}, {"scale": scale, "bias": scale[::-1].copy()})]


def affine(rng, source: int, channels: int) -> Node:
    scale, bias = rng.normal(size=(2, channels)).astype(np.float32)
    return Node("affine", (source,), {}, {"scale": scale, "bias": bias})


def both(nodes, size, pixels=1, images=3):
    """What engine and reference give for the value of the last node."""
    model = viewed(nodes, size, pixels)
    x = images_for(np.random.default_rng(1), model, images)
    return Engine(model).scores(x), reference.scores(model, x)


def assert_exact(nodes, size, pixels=1):
    found, wanted = both(nodes, size, pixels)
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 1


@pytest.mark.parametrize("channels", CHANNELS)
def test_real_numbers_elementwise(channels):
    rng = np.random.default_rng(channels)
    nodes = [*normalized(rng, channels), affine(rng, 1, channels)]
    slope = rng.normal(size=channels).astype(np.float32)
    nodes.append(Node("prelu", (2,), {}, {"slope": slope}))
    nodes.append(Node("add", (3, 1)))
    nodes.append(Node("clamp", (4,), {"low": -100.0, "high": float("inf")}))
    assert_exact(nodes, (3, 5), channels)


@pytest.mark.parametrize("channels", CHANNELS)
def test_affine_of_sums_is_rounded_once(channels):
    rng = np.random.default_rng(channels)
    nodes = first_bits(rng, channels)
    conv = window() | {"channels": channels, "groups": 1, "padding_value": 0}
    weight = pack_bits(rng.random((channels, 3, 3, channels)) < 0.5)
    nodes += [Node("conv_bits", (2,), conv, {"weight": weight}), affine(rng, 3, channels)]
    assert_exact(nodes, (4, 5))


@pytest.mark.parametrize("channels", CHANNELS)
def test_thresholds_of_real_numbers_and_flips(channels):
    rng = np.random.default_rng(channels)
    threshold = random_thresholds(rng, channels, 50)
    threshold["threshold"] = threshold["threshold"].astype(np.float32)
    threshold["threshold"][0] = np.inf
    mask = pack_bits(rng.random(channels) < 0.5)
    nodes = [*normalized(rng, channels), Node("threshold", (1,), {}, threshold)]
    nodes.append(Node("flip", (2,), {}, {"mask": mask}))
    found, wanted = both(nodes, (9, 9), channels)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kind", ["bits", "i32", "f32"])
@pytest.mark.parametrize(
    "shape",
    [
        {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0, 0, 0)},
        {"kernel": (3, 2), "stride": (1, 2), "padding": (1, 0, 2, 1)},
        {"kernel": (2, 3), "dilation": (2, 1), "padding": (1, 1, 0, 0)},
    ],
    ids=["halves", "uneven", "dilated"],
)
def test_max_pool(kind, shape):
    rng = np.random.default_rng(4)
    nodes = first_bits(rng, 70)
    source = {"i32": 1, "bits": 2, "f32": 3}[kind]
    nodes.append(affine(rng, 1, 70))
    nodes.append(Node("max_pool", (source,), window(**shape)))
    assert_exact(nodes, (7, 8))


@pytest.mark.parametrize("count_padding", [True, False])
def test_avg_pool_adds_in_the_order_of_rows(count_padding):
    rng = np.random.default_rng(5)
    shape = window((3, 2), (2, 1), (1, 0, 1, 1)) | {"count_padding": count_padding}
    del shape["dilation"]
    assert_exact([*normalized(rng, 5), Node("avg_pool", (1,), shape)], (6, 7), 5)


@pytest.mark.parametrize("source", [0, 1, 2, 3], ids=["u8", "i32", "bits", "f32"])
def test_concat_and_flatten_of_every_kind(source):
    rng = np.random.default_rng(6)
    nodes = [*first_bits(rng, 67, 3), affine(rng, 1, 67)]
    nodes.append(Node("concat", (source, source, source)))
    nodes.append(Node("flatten", (4,)))
    if source == 0:
        nodes.append(
            Node(
                "normalize",
                (5,),
                {},
                {"scale": np.ones(54, np.float32)} | {"bias": np.zeros(54, np.float32)},
            )
        )
    assert_exact(nodes, (2, 3), 3)


@pytest.mark.parametrize("op", ["softmax", "log_softmax"])
def test_softmax_within_rounding(op):
    rng = np.random.default_rng(7)
    found, wanted = both([*normalized(rng, 10), affine(rng, 1, 10), Node(op, (2,))], (2, 2), 10)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("binary", [True, False], ids=["conv_f32_bits", "conv_f32"])
@pytest.mark.parametrize("groups", [1, 2])
def test_real_convolutions_within_rounding(binary, groups):
    rng = np.random.default_rng(8)
    shape = window((3, 2), (1, 2), (1, 0, 1, 1), (1, 2)) | {"channels": 6, "groups": groups}
    signs = rng.random((6, 3, 2, 4 // groups)) < 0.5
    if binary:
        shape["padding_value"] = -1
        node = Node("conv_f32_bits", (1,), shape, {"weight": pack_bits(signs)})
    else:
        node = Node("conv_f32", (1,), shape, {"weight": rng.normal(size=signs.shape).astype("f4")})
    found, wanted = both([*normalized(rng, 4), node], (5, 6), 4)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-3)


def real_conv(rng, source: int, fan: int, channels: int, groups: int = 1, **more) -> Node:
    attributes: dict[str, Any] = window(**more) | {"channels": channels, "groups": groups}
    shape = (channels, *attributes["kernel"], fan // groups)
    return Node("conv_f32", (source,), attributes, {"weight": rng.normal(size=shape).astype("f4")})


@pytest.mark.parametrize(
    ("fan", "channels", "groups"),
    [(1, 1, 1), (3, 17, 1), (5, 65, 1), (8, 8, 8), (6, 12, 6), (9, 3, 3), (130, 40, 1)],
)
@pytest.mark.parametrize(
    "more",
    [
        {"kernel": (1, 1), "padding": (0, 0, 0, 0)},
        {"kernel": (3, 3), "stride": (2, 2)},
        {"kernel": (2, 5), "padding": (0, 3, 2, 1), "dilation": (2, 1)},
        {"kernel": (2, 3), "dilation": (1, 2)},
        {"kernel": (9, 11), "padding": (0, 0, 0, 0)},
    ],
    ids=["pointwise", "strided", "uneven", "dilated", "whole"],
)
def test_real_convolutions_are_the_same_on_every_instruction_set(fan, channels, groups, more):
    rng = np.random.default_rng(fan)
    nodes = [*normalized(rng, fan), real_conv(rng, 1, fan, channels, groups, **more)]
    model = viewed(nodes, (9, 11), fan)
    x = images_for(rng, model, 2)
    wanted = reference.scores(model, x)
    scalar = Engine(model, isa="scalar").scores(x)
    np.testing.assert_allclose(scalar, wanted, rtol=1e-3, atol=1e-4 * np.abs(wanted).max())
    for isa in available_isas():
        for threads in (1, 3):
            np.testing.assert_array_equal(Engine(model, threads, isa).scores(x), scalar)


def behind(nodes: list[Node], rng, channels: int, shortcut: int, source: int) -> list[Node]:
    """Every real operation behind a value, in place or beside a value that others read."""
    slope = rng.normal(size=channels).astype(np.float32)
    threshold = rng.normal(size=channels).astype(np.float32) * 20
    below = pack_bits(rng.random(channels) < 0.5)
    nodes = [*nodes, affine(rng, source, channels)]
    nodes.append(Node("add", (shortcut, len(nodes))))
    nodes.append(Node("prelu", (len(nodes),), {}, {"slope": slope}))
    nodes.append(affine(rng, len(nodes), channels))
    nodes.append(Node("clamp", (len(nodes),), {"low": -200.0, "high": 200.0}))
    real = len(nodes)
    nodes.append(Node("threshold", (real,), {}, {"threshold": threshold, "below": below}))
    nodes.append(Node("signs", (len(nodes),)))
    nodes.append(Node("add", (real, len(nodes))))
    return nodes


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("channels", [*CHANNELS, 130])
@pytest.mark.parametrize("size", [(5, 7), (1, 1), (12, 16)])
def test_real_operations_behind_an_integer_convolution(channels, size, threads):
    rng = np.random.default_rng(channels)
    nodes = [*first_bits(rng, channels), affine(rng, 1, channels)]
    conv = window() | {"channels": channels, "groups": 1, "padding_value": 0}
    weight = pack_bits(rng.random((channels, 3, 3, channels)) < 0.5)
    nodes.append(Node("conv_bits", (2,), conv, {"weight": weight}))
    model = viewed(behind(nodes, rng, channels, 3, 4), size)
    x = images_for(rng, model, 4)
    found, wanted = Engine(model, threads).scores(x), reference.scores(model, x)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("threads", [1, 3])
def test_real_operations_behind_a_real_convolution(groups, threads):
    # Whole numbers small enough that every order of additions gives the same sums.
    rng = np.random.default_rng(groups)
    tensors = {"scale": np.ones(4, np.float32), "bias": np.zeros(4, np.float32)}
    nodes = [Node("normalize", (0,), {}, tensors), affine(rng, 1, 4)]
    conv = real_conv(rng, 1, 4, 4, groups)
    weight = rng.integers(-9, 10, conv.tensors["weight"].shape).astype(np.float32)
    nodes.append(Node("conv_f32", (1,), conv.attributes, {"weight": weight}))
    model = viewed(behind(nodes, rng, 4, 2, 3), (6, 7), 4)
    x = images_for(rng, model, 4)
    np.testing.assert_array_equal(Engine(model, threads).scores(x), reference.scores(model, x))


def steps_of(nodes, size):
    """The first node of each step of an engine, in the order in which it runs them."""
    return [*Engine(viewed(nodes, size)).timed(np.zeros((1, *size, 1), np.uint8))]


def test_an_addition_is_done_by_the_convolution_that_comes_last():
    rng = np.random.default_rng(11)
    nodes = first_bits(rng, 8)
    conv = window() | {"channels": 8, "groups": 1, "padding_value": 0}
    for _ in range(2):
        weight = {"weight": pack_bits(rng.random((8, 3, 3, 8)) < 0.5)}
        nodes.append(Node("conv_bits", (2,), conv, weight))
        nodes.append(affine(rng, len(nodes), 8))
    nodes.append(Node("add", (4, 6)))
    nodes.append(Node("add", (7, 7)))
    assert_exact(nodes, (5, 5))
    # One step for the pixels' bits, one for each convolution, and one for the last addition, whose
    # two values are the same.
    assert steps_of(nodes, (5, 5))[:4] == [1, 5, 3, 8]


def test_what_a_convolution_adds_is_computed_before_it():
    rng = np.random.default_rng(12)
    nodes = first_bits(rng, 8)
    conv = window() | {"channels": 8, "groups": 1, "padding_value": 0}
    nodes.append(
        Node("conv_bits", (2,), conv, {"weight": pack_bits(rng.random((8, 3, 3, 8)) < 0.5)})
    )
    nodes += [affine(rng, 3, 8), Node("signs", (2,)), affine(rng, 5, 8), Node("add", (4, 6))]
    nodes += [affine(rng, 7, 8), Node("prelu", (7,), {}, {"slope": np.ones(8, np.float32)})]
    nodes.append(Node("add", (8, 9)))
    assert_exact(nodes, (5, 5))
    # The sum is read twice: it is stored, and the chain goes on with its first reader.
    assert steps_of(nodes, (5, 5))[:6] == [1, 5, 6, 3, 9, 10]


def test_a_result_takes_no_place_of_a_value_that_is_added_again():
    rng = np.random.default_rng(15)
    conv = window() | {"channels": 8, "groups": 1, "padding_value": 0}
    weight = {"weight": pack_bits(rng.random((8, 3, 3, 8)) < 0.5)}
    nodes = [*first_bits(rng, 8), Node("signs", (2,)), affine(rng, 3, 8)]
    nodes += [Node("conv_bits", (2,), conv, weight), affine(rng, 5, 8)]
    # The first sum is stored, because others read it, before the same value is added once more.
    nodes += [Node("add", (6, 4)), Node("add", (7, 4))]
    nodes += [Node("unary", (7,), {"function": "abs"}), Node("add", (8, 9))]
    assert_exact(nodes, (5, 5))


def test_borders_stay_zero_where_values_share_memory():
    """What died before could have given its place to bits whose border must be zero."""
    rng = np.random.default_rng(13)
    conv = window() | {"channels": 8, "groups": 1, "padding_value": 0}
    for padding_value in (-1, 0, 1):
        nodes = [*first_bits(rng, 8), Node("signs", (2,))]
        nodes += [affine(rng, 3, 8), Node("clamp", (4,), {"low": -1.0, "high": 1.0})]
        limits = {"threshold": np.zeros(8, np.float32), "below": pack_bits(np.zeros(8, bool))}
        weight = {"weight": pack_bits(rng.random((8, 3, 3, 8)) < 0.5)}
        nodes += [
            Node("threshold", (5,), {}, limits),
            Node("conv_bits", (6,), conv | {"padding_value": padding_value}, weight),
        ]
        nodes.append(affine(rng, 7, 8))
        assert_exact(nodes, (5, 5))


def test_borders_of_real_numbers_stay_zero_where_values_share_memory():
    rng = np.random.default_rng(14)
    weight = {"weight": rng.integers(-1, 2, (8, 3, 3, 8)).astype(np.float32)}
    nodes = [*first_bits(rng, 8), Node("signs", (2,))]
    nodes += [affine(rng, 3, 8), Node("clamp", (4,), {"low": -1.0, "high": 1.0})]
    nodes += [Node("unary", (5,), {"function": "sign"}), Node("unary", (6,), {"function": "abs"})]
    nodes.append(Node("conv_f32", (7,), window() | {"channels": 8, "groups": 1}, weight))
    assert_exact(nodes, (5, 5))


def test_format_reference_and_engine_have_the_same_operations():
    assert sorted(_engine.operations()) == operations.names()
    assert sorted(reference.OPERATIONS) == operations.names()


def test_not_a_number_stays_and_is_not_positive():
    nodes = normalized(np.random.default_rng(9), 1)
    broken = {"scale": np.array([np.nan], np.float32), "bias": np.zeros(1, np.float32)}
    nodes.append(Node("affine", (1,), {}, broken))
    nodes.append(Node("clamp", (2,), {"low": 0.0, "high": 1.0}))
    nodes.append(Node("max_pool", (3,), window((2, 2), padding=(0, 0, 0, 0))))
    found, wanted = both(nodes, (3, 3))
    assert np.isnan(found).all()
    assert np.isnan(wanted).all()
    below = {"threshold": np.zeros(1, np.float32), "below": np.array([1], np.uint64)}
    found, wanted = both([*nodes, Node("threshold", (4,), {}, below)], (3, 3))
    np.testing.assert_array_equal(found, -np.ones_like(found))
    np.testing.assert_array_equal(wanted, found)


def test_normalized_images_take_the_place_of_pixels():
    rng = np.random.default_rng(10)
    nodes = [*normalized(rng, 3), affine(rng, 1, 3), Node("flatten", (2,))]
    model = model_of(nodes, (4, 4), 3)
    x = images_for(rng, model, 3)
    real = reference.run(model, x)[1]
    np.testing.assert_array_equal(Engine(model, 2).from_normalized(real), Engine(model).scores(x))
