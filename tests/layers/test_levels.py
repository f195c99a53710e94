"""A layer whose input has two values other than -1 and +1."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d, BinaryLinear, RSign
from signbit.quantizers import AbstractQuantizer, AdabinSign

LAYERS = [
    (BinaryLinear, (6, 4), {}, (3, 6)),
    (BinaryConv1d, (6, 4, 3), {}, (3, 6, 5)),
    (BinaryConv2d, (6, 4, 3), {"groups": 2, "stride": 2}, (3, 6, 5, 4)),
    (BinaryConv3d, (6, 4, 2), {"bias": False}, (3, 6, 5, 4, 3)),
]
SCALES = [
    {},
    {"weight_quantizer": "xnor_sign"},
    {"learned_scale": True},
    {"weight_quantizer": None},
]


def adabin(alpha: float = 1.5, beta: float = 0.25) -> AbstractQuantizer:
    quantizer = AdabinSign()
    quantizer.get_parameter("alpha").data.fill_(alpha)
    quantizer.get_parameter("beta").data.fill_(beta)
    return quantizer.double()


@pytest.mark.parametrize("options", SCALES, ids=str)
@pytest.mark.parametrize(("kind", "sizes", "own", "shape"), LAYERS, ids=lambda value: str(value))
def test_it_multiplies_with_both_values_within_rounding(kind, sizes, own, shape, options):
    torch.manual_seed(1)
    layer = kind(*sizes, input_quantizer=adabin(), dtype=torch.float64, **own, **options)
    plain = kind(*sizes, input_quantizer=None, weight_quantizer=None, dtype=torch.float64, **own)
    x = torch.randn(shape, dtype=torch.float64)
    scale = layer.scale if layer.scale is not None else layer._weight_scale()
    weight = layer.quantized_weight()
    if scale is not None:
        weight = weight * scale.view(-1, *[1] * (weight.ndim - 1))
    entries = {"weight": weight} | ({} if layer.bias is None else {"bias": layer.bias})
    quantizer = layer.input_quantizer
    wanted = torch.func.functional_call(plain, entries, quantizer(x))
    found = layer(x)
    torch.testing.assert_close(found, wanted)
    incoming = torch.randn_like(wanted)
    parameters = [layer.weight, *quantizer.parameters()]
    expected = torch.autograd.grad(wanted, parameters, incoming)
    for one, other in zip(torch.autograd.grad(found, parameters, incoming), expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("padding_value", "level"), [(0.0, 0.25), (1.0, 1.75), (-1.0, -1.25)])
def test_padding_is_a_sign_or_the_centre(padding_value, level):
    torch.manual_seed(2)
    layer = BinaryConv2d(
        2, 3, 3, padding=1, padding_value=padding_value, input_quantizer=adabin(), bias=False
    ).double()
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    padded = nn.functional.pad(layer.input_quantizer(x), (1, 1, 1, 1), value=level)  # pyright: ignore
    wanted = nn.functional.conv2d(padded, layer.quantized_weight())
    torch.testing.assert_close(layer(x), wanted)


def test_a_shifted_sign_hands_its_levels_on():
    sign = RSign(2, adabin()).double()
    layer = BinaryConv2d(2, 3, 1, input_quantizer=sign).double()
    scale = layer.output_scale()
    assert scale is not None
    assert scale.tolist() == [1.5]
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    wanted = nn.functional.conv2d(sign(x), layer.quantized_weight(), layer.bias)
    torch.testing.assert_close(layer(x), wanted)


def test_as_a_weight_quantizer_it_is_refused():
    with pytest.raises(
        UsageError,
        match=r"^BinaryLinear: weight_quantizer is AdabinSign.* only for activations; give",
    ):
        BinaryLinear(2, 2, weight_quantizer="adabin_sign")
