"""Binary convolutions against whole-number correlation, written dully: equal, never close."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d

CONVOLUTIONS = {1: BinaryConv1d, 2: BinaryConv2d, 3: BinaryConv3d}
NUMPY_MODES: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def signs(values: torch.Tensor) -> NDArray[np.int64]:
    return np.where(values.detach().numpy() > 0, 1, -1).astype(np.int64)


def pads_of(layer) -> list[tuple[int, int]]:
    """What stands before and after each spatial axis, from torch's documentation."""
    pads = []
    for axis, size in enumerate(layer.kernel_size):
        if layer.padding == "valid":
            pads.append((0, 0))
        elif layer.padding == "same":
            total = layer.dilation[axis] * (size - 1)
            pads.append((total // 2, total - total // 2))
        else:
            pads.append((layer.padding[axis],) * 2)
    return pads


def correlate(layer, x: torch.Tensor) -> NDArray[np.int64]:
    """The layer without its bias, in int64, one output element at a time."""
    bits, weight = signs(x), signs(layer.weight)
    around = [(0, 0), (0, 0), *pads_of(layer)]
    if layer.padding_mode == "zeros":
        bits = np.pad(bits, around, constant_values=int(layer.padding_value))
    else:
        bits = np.pad(bits, around, mode=NUMPY_MODES[layer.padding_mode])
    spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    sizes = [
        (n - span) // s + 1 for n, span, s in zip(bits.shape[2:], spans, layer.stride, strict=True)
    ]
    out = np.zeros((bits.shape[0], weight.shape[0], *sizes), dtype=np.int64)
    for channel in range(weight.shape[0]):
        first = channel // (weight.shape[0] // layer.groups) * weight.shape[1]
        group = bits[:, first : first + weight.shape[1]]
        for place in itertools.product(*map(range, sizes)):
            window = tuple(
                slice(p * s, p * s + span, d)
                for p, s, span, d in zip(place, layer.stride, spans, layer.dilation, strict=True)
            )
            taps = group[(slice(None), slice(None), *window)] * weight[channel]
            out[(slice(None), channel, *place)] = taps.reshape(len(taps), -1).sum(1)
    return out


def assert_exact(layer, x: torch.Tensor) -> None:
    """The layer's sums are the whole numbers of `correlate`, and the bias joins in one rounding."""
    expected = correlate(layer, x)
    bias, layer.bias = layer.bias, None
    sums = layer(x).detach().numpy()
    assert sums.shape == expected.shape
    assert (sums == expected).all()
    if bias is not None:
        layer.bias = bias
        column = bias.detach().numpy().reshape(-1, *[1] * len(layer.kernel_size))
        assert (layer(x).detach().numpy() == sums + column).all()


@st.composite
def geometries(draw):
    """A convolution of random geometry and an input that is just large enough, or larger."""
    rank = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 3))
    kernel = [draw(st.integers(1, 4 if rank < 3 else 2)) for _ in range(rank)]
    dilation = [draw(st.integers(1, 3)) for _ in range(rank)]
    padding = draw(st.sampled_from(["same", "valid", "numbers"]))
    pads = [draw(st.integers(0, 3)) for _ in range(rank)]
    options = {
        "stride": 1 if padding == "same" else [draw(st.integers(1, 3)) for _ in range(rank)],
        "padding": pads if padding == "numbers" else padding,
        "dilation": dilation,
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": draw(st.sampled_from(["zeros", "zeros", *NUMPY_MODES])),
    }
    if options["padding_mode"] == "zeros":
        options["padding_value"] = draw(st.sampled_from([0.0, -1.0, 1.0]))
    # Reflection needs more elements than it mirrors.
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    shape = [max(span, 4) + draw(st.integers(0, 3)) for span in spans]
    channels = groups * draw(st.integers(1, 3))
    return rank, channels, groups * draw(st.integers(1, 2)), kernel, shape, options


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@settings(max_examples=120, deadline=None, derandomize=True)
@given(geometry=geometries(), batch=st.integers(1, 2), seed=st.integers(0, 2**32 - 1))
def test_any_geometry_equals_whole_number_correlation(geometry, batch, seed):
    rank, channels, out_channels, kernel, shape, options = geometry
    torch.manual_seed(seed)
    layer = CONVOLUTIONS[rank](channels, out_channels, kernel, **options)
    assert_exact(layer, torch.randn(batch, channels, *shape))


@pytest.mark.parametrize("padding_value", [0.0, -1.0, 1.0])
@pytest.mark.parametrize("padding", [0, 1, 2, (2, 1), "same", "valid"], ids=str)
@pytest.mark.parametrize("batch", [1, 17], ids="batch {}".format)
def test_every_padding_value_in_two_dimensions(padding, padding_value, batch):
    layer = BinaryConv2d(5, 4, 3, padding=padding, padding_value=padding_value)
    assert_exact(layer, torch.randn(batch, 5, 7, 6))


@pytest.mark.parametrize("channels", [1, 63, 64, 65, 127, 129, 512])
def test_long_sums_stay_exact(channels):
    layer = BinaryConv2d(channels, 3, 3, padding=1)
    assert_exact(layer, torch.randn(2, channels, 5, 4))


def test_the_longest_sums_of_equal_signs_stay_exact():
    # 16 * 512 * 9 = 73728 equal terms: far past where float16 and bfloat16 stop counting.
    layer = BinaryConv2d(8192, 2, 3)
    torch.nn.init.ones_(layer.weight)
    assert_exact(layer, torch.ones(1, 8192, 3, 3))


def test_even_kernels_put_the_odd_element_of_same_behind():
    layer = BinaryConv1d(1, 1, 2, padding="same", padding_value=-1.0, bias=False)
    torch.nn.init.ones_(layer.weight)
    assert layer(torch.ones(1, 1, 3)).flatten().tolist() == [2, 2, 0]


@pytest.mark.parametrize(
    ("padding_value", "corner"), [(0.0, 4), (-1.0, 4 - 5), (1.0, 4 + 5)], ids=str
)
def test_a_padded_tap_adds_its_value_and_zero_adds_nothing(padding_value, corner):
    layer = BinaryConv2d(1, 1, 3, padding=1, padding_value=padding_value, bias=False)
    torch.nn.init.ones_(layer.weight)
    assert layer(torch.ones(1, 1, 4, 4))[0, 0, 0, 0].item() == corner


def test_a_real_input_keeps_its_values_beside_binary_weights():
    torch.manual_seed(3)
    layer = BinaryConv2d(3, 4, 3, padding=1, input_quantizer=None, bias=False)
    x = torch.randint(-127, 128, (2, 3, 6, 6)).float()
    expected = torch.nn.functional.conv2d(x.double(), layer.quantized_weight().double(), padding=1)
    assert torch.equal(layer(x).double(), expected)
