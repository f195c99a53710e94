"""Rounding of sums that are whole already, and pixels that stand for whole numbers."""

import pytest
import torch
from torch import Tensor, nn

from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.pack import pack
from tests.pack.same_scores import assert_same_scores, ops, real_first

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Rounded(nn.Module):
    """The sums of two binary layers, rounded, then scaled by a batch norm."""

    def __init__(self, rounding):
        super().__init__()
        self.rounding = rounding
        self.first, self.second = real_first(16, bias=False), BinaryConv2d(16, 8, 3, bias=False)
        self.pool, self.norm, self.last = nn.MaxPool2d(2), nn.BatchNorm2d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        sums = self.pool(self.second(self.first(x)))
        return self.last(self.norm(self.rounding(sums)).mean((2, 3)))


@pytest.mark.parametrize("rounding", [torch.round, torch.floor, torch.ceil, torch.trunc])
def test_whole_sums_are_not_rounded_again(rounding):
    assert "unary" not in ops(assert_same_scores(Rounded(rounding)))


@pytest.mark.parametrize("rounding", [torch.round, torch.floor, torch.ceil, torch.trunc])
def test_sums_with_a_fraction_are_rounded(rounding):
    packed = assert_same_scores(Rounded(lambda sums: rounding(sums * 0.3)))
    assert "unary" in ops(packed)


@pytest.mark.parametrize(("scale", "bias"), [(3.0, 7.0), (254.0, -65533.0), (100.0, 1.0)])
def test_pixels_with_whole_scale_and_bias_are_computed_in_integers(scale, bias):
    network = nn.Sequential(real_first(16, bias=False), nn.BatchNorm2d(16), BinaryConv2d(16, 4, 12))
    packed = assert_same_scores(
        nn.Sequential(network, nn.Flatten()),
        Preprocessing([scale] * 3, [bias] * 3, (12, 12)),
    )
    (first,) = [node for node in packed.nodes if node.op == "conv_u8"]
    assert (first.attributes["multiplier"], first.attributes["offset"]) == (scale, bias)


def test_sums_of_pixels_that_float32_rounds_stay_real():
    network = nn.Sequential(
        nn.Flatten(), BinaryLinear(432, 8, input_quantizer=None), nn.BatchNorm1d(8)
    )
    packed = pack(network.eval(), Preprocessing([254.0] * 3, [65533.0] * 3, (12, 12)))
    assert "conv_u8" not in ops(packed)


class Bordered(nn.Module):
    """Bits with a border of minus infinity, then a maximum: pooling with any padding."""

    def __init__(self, border, kernel: int, stride: int, dilation: int = 1):
        super().__init__()
        self.border = border
        self.first, self.second = real_first(16, bias=False), BinaryConv2d(16, 8, 3, padding=1)
        self.norm, self.pool = nn.BatchNorm2d(16), nn.MaxPool2d(kernel, stride, 0, dilation)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        bits = torch.where(self.norm(self.first(x)) > 0, 1.0, -1.0)
        padded = nn.functional.pad(bits, self.border, value=-torch.inf)
        return self.last(self.second(self.pool(padded)).mean((2, 3)))


@pytest.mark.parametrize(
    ("border", "kernel", "stride", "dilation"),
    [((0, 1, 0, 1), 2, 2, 1), ((2, 0, 1, 2), 3, 2, 1), ((2, 3, 0, 1), 2, 1, 4)],
)
def test_a_border_of_minus_infinity_is_the_padding_of_a_maximum(border, kernel, stride, dilation):
    packed = assert_same_scores(Bordered(border, kernel, stride, dilation))
    (pool,) = [node for node in packed.nodes if node.op == "max_pool"]
    left, right, top, bottom = border
    assert tuple(pool.attributes["padding"]) == (top, left, bottom, right)
    assert "move" not in ops(packed)
    assert ops(packed).count("conv_bits") == 1


def test_a_layer_on_a_map_of_one_channel_has_a_bit_for_each_weight():
    network = nn.Sequential(nn.Flatten(), BinaryLinear(784, 8), nn.BatchNorm1d(8))
    packed = pack(network.eval(), Preprocessing([1 / 128], [-1.0], (28, 28)))
    (layer,) = [node for node in packed.nodes if node.op == "conv_bits"]
    assert layer.tensors["weight"].size == 8 * 13
