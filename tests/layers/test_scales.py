"""The scale of the sums: that of the weight quantizer, or one that is learned."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryConv3d, BinaryLinear
from signbit.quantizers import create, quantizers

SCALED = [name for name in quantizers.names() if create(name).scale(torch.ones(2, 3)) is not None]
FOR_WEIGHTS = [name for name in quantizers.names() if create(name).for_weights]
LAYERS = [
    (BinaryLinear, (6, 4), (3, 6)),
    (BinaryConv1d, (6, 4, 3), (3, 6, 5)),
    (BinaryConv2d, (6, 4, 3), (3, 6, 5, 4)),
    (BinaryConv3d, (6, 4, 2), (3, 6, 5, 4, 3)),
]
layers = pytest.mark.parametrize(("kind", "sizes", "shape"), LAYERS, ids=lambda value: str(value))


@layers
@pytest.mark.parametrize("name", SCALED)
def test_scaled_sums_are_the_products_with_scaled_weights(kind, sizes, shape, name):
    """The same within rounding: the layer rounds once for each output, not once for each term."""
    torch.manual_seed(1)
    layer = kind(*sizes, weight_quantizer=name, dtype=torch.float64)
    plain = kind(*sizes, weight_quantizer=None, dtype=torch.float64)
    x = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        plain.weight.copy_(layer.weight_quantizer(layer.weight))
        plain.bias.copy_(layer.bias)
    torch.testing.assert_close(layer(x), plain(x))


@layers
@pytest.mark.parametrize("name", SCALED)
def test_gradients_are_those_of_scaled_weights(kind, sizes, shape, name):
    torch.manual_seed(2)
    layer = kind(*sizes, weight_quantizer=name, dtype=torch.float64, bias=False)
    plain = kind(*sizes, weight_quantizer=None, dtype=torch.float64, bias=False)
    x = torch.randn(shape, dtype=torch.float64)
    latent = layer.weight.detach().clone().requires_grad_()
    weight = layer.weight_quantizer(latent)
    y = torch.func.functional_call(plain, {"weight": weight}, x)
    incoming = torch.randn_like(y)
    (expected,) = torch.autograd.grad(y, latent, incoming)
    (found,) = torch.autograd.grad(layer(x), layer.weight, incoming)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", SCALED)
def test_the_weight_that_a_layer_multiplies_with_is_pure_signs(name):
    layer = BinaryConv2d(3, 5, 2, weight_quantizer=name)
    assert layer.has_binary_weight
    assert layer.quantized_weight().abs().eq(1).all()
    scale = layer.output_scale()
    assert scale is not None
    assert scale.shape in [(5,), (1,)]
    assert "scale" not in layer.state_dict()


def test_a_learned_scale_starts_at_the_mean_magnitude_and_is_learned():
    layer = BinaryConv2d(3, 5, 2, learned_scale=True)
    assert isinstance(layer.scale, nn.Parameter)
    torch.testing.assert_close(layer.scale.data, layer.weight.detach().abs().mean((1, 2, 3)))
    assert list(layer.state_dict()) == ["weight", "bias", "scale"]
    x = torch.randn(2, 3, 4, 4)
    sums = nn.functional.conv2d(
        torch.where(x > 0, 1.0, -1.0), torch.where(layer.weight > 0, 1.0, -1.0)
    )
    y = layer(x)
    assert layer.bias is not None
    expected = sums * layer.scale[:, None, None] + layer.bias[:, None, None]
    assert torch.equal(y, expected)
    y.square().sum().backward()
    assert layer.scale.grad is not None
    assert layer.scale.grad.count_nonzero() == 5


def test_weights_drawn_anew_set_the_learned_scale_anew():
    layer = BinaryLinear(8, 3, learned_scale=True)
    with torch.no_grad():
        layer.weight.mul_(100)
    layer.reset_parameters()
    assert layer.scale is not None
    torch.testing.assert_close(layer.scale.data, layer.weight.detach().abs().mean(1))


def test_a_learned_scale_goes_with_standardized_weights_under_autocast():
    layer = BinaryLinear(8, 3, weight_quantizer="standardized_sign", learned_scale=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(torch.randn(4, 8))
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert layer.scale is not None
    assert layer.scale.grad is not None
    assert layer.scale.grad.dtype == torch.float32


@pytest.mark.parametrize("name", SCALED)
def test_two_scales_are_refused(name):
    with pytest.raises(
        UsageError,
        match=r"^BinaryLinear: learned_scale is True, but .* already has a scale; give learned",
    ):
        BinaryLinear(2, 2, weight_quantizer=name, learned_scale=True)


@pytest.mark.parametrize("name", FOR_WEIGHTS)
def test_a_quantizer_for_weights_is_refused_on_the_input(name):
    with pytest.raises(
        UsageError, match=r"^BinaryConv2d: input_quantizer is .*, which is only for weights; give"
    ):
        BinaryConv2d(2, 2, 1, input_quantizer=name)


def test_layers_that_share_a_mapping_build_objects_of_their_own():
    chosen = {"name": "ede_sign", "end": 5.0}
    one, two = (BinaryLinear(2, 2, input_quantizer=chosen) for _ in range(2))
    assert repr(one.input_quantizer) == "EdeSign(start=0.1, end=5.0)"
    assert one.input_quantizer is not two.input_quantizer


def test_repr_tells_a_learned_scale():
    assert repr(BinaryLinear(2, 2, learned_scale=True)).endswith("learned_scale=True)")
    assert "learned_scale" not in repr(BinaryLinear(2, 2))
