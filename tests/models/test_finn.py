"""The networks of FINN: layers and counts of their sources, and their packed networks."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.models import hostile
from torch import nn

from signbit.errors import UsageError
from signbit.format import Preprocessing
from signbit.layers import BinaryLayer
from signbit.models import create, summarize
from signbit.pack import pack
from signbit.runtime.engine import Engine

PERCEPTRONS = {"tfc": 64, "sfc": 256, "lfc": 1024}


def build(name: str, **options) -> nn.Module:
    with torch.device("meta"):
        return create(name, **options)


def binary_layers(model: nn.Module) -> list[BinaryLayer]:
    return [module for module in model.modules() if isinstance(module, BinaryLayer)]


def test_cnv_stands_in_the_order_of_brevitas():
    model = build("cnv")
    conv, norm, tanh = "BinaryConv2d", "BatchNorm2d", "Hardtanh"
    pair = [conv, norm, tanh, conv, norm, tanh]
    found = [type(module).__name__ for module in model.get_submodule("features").children()]
    assert found == [*pair, "MaxPool2d", *pair, "MaxPool2d", *pair]
    shapes = [tuple(layer.weight.shape) for layer in binary_layers(model)]
    channels = (3, 64, 64, 128, 128, 256, 256)
    assert shapes[:6] == [(wide, few, 3, 3) for few, wide in pairwise(channels)]
    assert shapes[6:] == [(512, 256), (512, 512), (10, 512)]
    assert all(layer.bias is None for layer in binary_layers(model))


@pytest.mark.parametrize(
    ("name", "shape", "products", "of_pixels"),
    [("cnv", (3, 32, 32), 57_906_176, 1_555_200), ("tfc", (1, 28, 28), 59_008, 0)],
)
def test_weights_and_products_are_those_of_qonnx(name, shape, products, of_pixels):
    """Those of tests/analysis/test_inference_cost.py in qonnx."""
    totals = summarize(build(name), shape).totals
    assert totals["bit_parameters"] == {"cnv": 1_542_848, "tfc": 59_008}[name]
    assert (totals["binary_macs"], totals["real_macs"]) == (products, of_pixels)


def test_an_image_too_small_for_cnv_is_named():
    with pytest.raises(UsageError, match="input_size is 31; give a whole number from 32 to"):
        build("cnv", input_size=(32, 31))
    model = create("cnv", width=2, hidden=[], input_size=(39, 40)).eval()
    assert model(torch.randn(1, 3, 39, 40)).shape == (1, 10)


@pytest.mark.parametrize(("name", "width"), PERCEPTRONS.items())
def test_perceptrons_have_three_hidden_layers_and_take_bits(name, width):
    layers = binary_layers(build(name))
    widths = (784, width, width, width, 10)
    assert [tuple(layer.weight.shape) for layer in layers] == [
        (wide, few) for few, wide in pairwise(widths)
    ]
    assert all(layer.has_binary_input and layer.bias is None for layer in layers)
    with pytest.raises(UsageError, match="hidden is empty; give at least one width"):
        build(name, hidden=[])


@pytest.mark.parametrize(("name", "shape"), [("cnv", (3, 32, 32)), ("tfc", (1, 28, 28))])
def test_a_packed_network_is_exact_and_its_class_has_the_largest_sum(name, shape):
    torch.manual_seed(0)
    model = hostile(create(name, hidden=(24, 24)), shape)
    (norm,) = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d) and m.num_features == 1]
    nn.init.constant_(norm.weight, 0.5)
    channels, *size = shape
    packed = pack(model, Preprocessing([1 / 128] * channels, [-1.0] * channels, tuple(size)))
    assert packed.info["exact"]
    assert [node.op for node in packed.nodes][-3:] == ["conv_bits", "affine", "log_softmax"]
    images = np.random.default_rng(0).integers(0, 256, (9, *size, channels)).astype(np.uint8)
    engine = Engine(packed, 1)
    sums = engine.features(images, len(packed.nodes) - 2).reshape(9, -1)
    assert (engine.scores(images).argmax(1) == sums.argmax(1)).all()
