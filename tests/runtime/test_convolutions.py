"""Every kernel of every instruction set gives the very numbers of the reference."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from helpers.nodes import first_bits, images_for, random_thresholds, random_weight, viewed, window

from signbit.format import Node
from signbit.format.bits import pack_bits
from signbit.runtime import reference
from signbit.runtime.engine import Engine, available_isas

SIZES = [1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 129, 257]


@pytest.fixture(params=available_isas())
def isa(request) -> str:
    return request.param


def assert_equal_to_reference(model, isa, seed, images=2) -> None:
    x = images_for(np.random.default_rng(seed), model, images)
    found = Engine(model, isa=isa).scores(x)
    np.testing.assert_array_equal(found, reference.scores(model, x), err_msg=f"seed {seed}")


def conv_bits(seed, size, channels, out, groups=1, padding_value=0, thresholds=True, **shape):
    rng = np.random.default_rng(seed)
    attributes = {**window(**shape), "channels": out, "groups": groups}
    attributes["padding_value"] = padding_value
    fan = channels // groups
    weight = random_weight(rng, out, attributes["kernel"], fan)
    nodes = [*first_bits(rng, channels), Node("conv_bits", (2,), attributes, weight)]
    if thresholds:
        spread = int(3 * np.sqrt(fan * np.prod(attributes["kernel"]))) + 1
        nodes.append(Node("threshold", (3,), {}, random_thresholds(rng, out, spread)))
    return viewed(nodes, size)


@pytest.mark.parametrize("channels", SIZES)
@pytest.mark.parametrize("thresholds", [True, False], ids=["bits", "sums"])
def test_input_channels(isa, channels, thresholds):
    model = conv_bits(channels, (5, 6), channels, 70, thresholds=thresholds)
    assert_equal_to_reference(model, isa, channels)


@pytest.mark.parametrize("out", SIZES)
@pytest.mark.parametrize("thresholds", [True, False], ids=["bits", "sums"])
def test_output_channels(isa, out, thresholds):
    assert_equal_to_reference(conv_bits(out, (4, 5), 65, out, thresholds=thresholds), isa, out)


@pytest.mark.parametrize(("height", "width"), [*product([1, 2, 3], [1, 2, 5]), (9, 8), (17, 33)])
def test_map_sizes(isa, height, width):
    assert_equal_to_reference(conv_bits(height * width, (height, width), 64, 64), isa, width)


@pytest.mark.parametrize("padding_value", [-1, 0, 1])
@pytest.mark.parametrize("kernel", [(1, 1), (2, 2), (3, 3), (1, 5), (5, 4), (7, 7)], ids=str)
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 2, 3, 1)], ids=str)
def test_kernels_and_padding(isa, kernel, padding, padding_value):
    model = conv_bits(
        5, (7, 8), 66, 65, kernel=kernel, padding=padding, padding_value=padding_value
    )
    assert_equal_to_reference(model, isa, 5)


@pytest.mark.parametrize("stride", [(1, 2), (2, 1), (2, 2), (3, 3)], ids=str)
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (1, 2), (2, 3)], ids=str)
def test_strides_and_dilations(isa, stride, dilation):
    model = conv_bits(6, (11, 12), 128, 64, stride=stride, dilation=dilation, padding=(2, 1, 2, 1))
    assert_equal_to_reference(model, isa, 6)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((90, 3), {"kernel": (2, 1), "dilation": (80, 1), "padding": (0, 0, 0, 0)}),
        ((3, 90), {"kernel": (1, 2), "dilation": (1, 80), "padding": (0, 0, 0, 0)}),
        ((65, 5), {"kernel": (1, 1), "stride": (32, 4), "padding": (0, 0, 0, 0)}),
        ((21, 2), {"kernel": (21, 1), "padding": (10, 0, 10, 0)}),
        ((3, 4), {"kernel": (2, 2), "dilation": (9, 11), "padding": (7, 9, 8, 10)}),
    ],
    ids=["far rows", "far columns", "far windows", "a class a row", "around the map"],
)
@pytest.mark.parametrize("padding_value", [-1, 0, 1])
# Plain counting is faster for few output channels.
@pytest.mark.parametrize("out", [2, 10])
def test_windows_that_leave_most_out(isa, size, shape, padding_value, out):
    model = conv_bits(14, size, 64, out, padding_value=padding_value, **shape)
    assert_equal_to_reference(model, isa, 14)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("size", [(1, 1), (5, 7)], ids=str)
@pytest.mark.parametrize("out", [130, 257])
def test_threads_that_share_an_image_by_blocks_of_channels(isa, out, size, threads):
    kernel = {"kernel": (1, 1), "padding": (0, 0, 0, 0)} if size == (1, 1) else {}
    model = conv_bits(15, size, 70, out, **kernel)
    engine = Engine(model, threads, isa)
    for seed in range(5):
        x = images_for(np.random.default_rng(seed), model, 1)
        np.testing.assert_array_equal(engine(x), reference.scores(model, x))


@pytest.mark.parametrize(
    ("channels", "out", "groups"),
    [(6, 4, 2), (128, 128, 2), (130, 10, 10), (192, 192, 3), (5, 5, 5)],
)
def test_groups(isa, channels, out, groups):
    assert_equal_to_reference(conv_bits(7, (5, 5), channels, out, groups), isa, 7)


@pytest.mark.parametrize("thresholds", [True, False], ids=["bits", "sums"])
def test_a_kernel_as_large_as_the_map(isa, thresholds):
    shape = {"kernel": (4, 4), "padding": (0, 0, 0, 0)}
    model = conv_bits(8, (4, 4), 200, 70, thresholds=thresholds, **shape)
    assert_equal_to_reference(model, isa, 8)


def test_sums_beyond_16_bits(isa):
    shape = {"kernel": (8, 8), "padding": (4, 4, 4, 4)}
    assert_equal_to_reference(conv_bits(9, (8, 8), 520, 3, thresholds=False, **shape), isa, 9)


@pytest.mark.parametrize("pixels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("out", [1, 16, 63, 64, 65, 128])
@pytest.mark.parametrize("thresholds", [True, False], ids=["bits", "sums"])
def test_first_layer(isa, pixels, out, thresholds):
    assert_equal_to_reference(first_layer(10, (6, 7), pixels, out, thresholds), isa, 10)


@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (5, 5), (11, 11)], ids=str)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)], ids=str)
@pytest.mark.parametrize("dilation", [(1, 1), (1, 2), (2, 1)], ids=str)
def test_first_layer_windows(isa, kernel, stride, dilation):
    shape = {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": (9, 10, 9, 10)}
    assert_equal_to_reference(first_layer(11, (13, 12), 3, 40, True, **shape), isa, 11)


@pytest.mark.parametrize("size", [(28, 28), (16, 17)], ids=str)
def test_first_layer_as_large_as_the_map(isa, size):
    shape = {"kernel": size, "padding": (0, 0, 0, 0)}
    assert_equal_to_reference(first_layer(13, size, 3, 70, False, **shape), isa, 13)


@pytest.mark.parametrize("out", [3, 40])
def test_the_largest_sums_of_one_position(isa, out):
    """Each pixel is 255, each bit is set; weights of channel 0 are -1, those of channel 1 +1."""
    size, rng = (17, 18), np.random.default_rng(16)
    whole = window(size, padding=(0, 0, 0, 0)) | {"channels": out, "groups": 1}
    ends = np.array([0, 1], bool).reshape(2, 1, 1, 1)

    def weight(fan: int) -> dict[str, Any]:
        rows = rng.random((out, *size, fan)) < 0.5
        rows[:2] = ends
        return {"weight": pack_bits(rows)}

    set_bits = {"threshold": np.full(256, -(2**31), np.int32), "below": np.zeros(4, np.uint64)}
    nodes = [
        first_bits(rng, 256)[0],
        Node("threshold", (1,), {}, set_bits),
        Node("conv_bits", (2,), whole | {"padding_value": 0}, weight(256)),
        Node("conv_u8", (0,), whole | {"multiplier": 1, "offset": 0}, weight(1)),
        Node("concat", (3, 4)),
    ]
    model = viewed(nodes, size)
    x = np.full((1, *size, 1), 255, np.uint8)
    found = Engine(model, isa=isa).scores(x)
    np.testing.assert_array_equal(found, reference.scores(model, x))
    assert set(found[0, [0, 1, out, out + 1]]) == {-78336, 78336, -78030, 78030}


@pytest.mark.parametrize("groups", [1, 3])
def test_first_layer_groups(isa, groups):
    assert_equal_to_reference(first_layer(12, (6, 5), 3, 9, True, groups=groups), isa, 12)


def first_layer(seed, size, pixels, out, thresholds, groups=1, **shape):
    rng = np.random.default_rng(seed)
    attributes = {**window(**shape), "channels": out, "groups": groups}
    attributes |= {"multiplier": 2, "offset": -255}
    nodes = [
        Node(
            "conv_u8",
            (0,),
            attributes,
            random_weight(rng, out, attributes["kernel"], pixels // groups),
        )
    ]
    if thresholds:
        nodes.append(Node("threshold", (1,), {}, random_thresholds(rng, out, 1500)))
    return viewed(nodes, size, pixels)
