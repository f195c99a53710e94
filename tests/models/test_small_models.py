"""The perceptron of BinaryNet and the network for digits."""

import pytest
import torch

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import create


def test_mlp_defaults_are_binarynets_for_mnist():
    with torch.device("meta"):
        model = create("mlp_binary")
    layers = [module for module in model.modules() if isinstance(module, BinaryLinear)]
    assert [tuple(layer.weight.shape) for layer in layers] == [
        (4096, 784),
        (4096, 4096),
        (4096, 4096),
        (10, 4096),
    ]


def test_mlp_takes_any_number_of_hidden_layers_but_none():
    model = create("mlp_binary", hidden=[5, 6, 7, 8], input_size=(2, 2))
    assert model.eval()(torch.randn(3, 1, 2, 2)).shape == (3, 10)
    with pytest.raises(UsageError, match="hidden is empty; give at least one width"):
        create("mlp_binary", hidden=[])


def test_mlp_takes_images_that_lie_in_memory_in_any_order():
    model = create("mlp_binary", hidden=[16], in_channels=3, input_size=(4, 5)).eval()
    x = torch.randn(2, 3, 4, 5)
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(model(x), model(last))


def test_digits_network_doubles_its_width_once_and_fits_a_microcontroller():
    model = create("digits_binary")
    layers = [module for module in model.modules() if isinstance(module, BinaryConv2d)]
    assert [layer.out_channels for layer in layers] == [32, 64, 64]
    bits = sum(value.numel() for key, value in model.named_parameters() if value.ndim > 1)
    assert bits / 8 < 8192  # bytes


def test_digits_network_needs_four_pixels_a_side():
    with pytest.raises(UsageError, match="input_size is 3; give a whole number from 4 to"):
        create("digits_binary", input_size=(8, 3))
    assert create("digits_binary", input_size=(4, 4)).eval()(torch.randn(1, 1, 4, 4)).shape == (
        1,
        10,
    )
