"""The VGG's modules and keys stand where the older public code has them."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLayer
from signbit.models import create

CONV, POOL, NORM, TANH = "BinaryConv2d", "MaxPool2d", "BatchNorm2d", "Hardtanh"
FEATURES = 3 * [CONV, NORM, TANH, CONV, POOL, NORM, TANH]
HIDDEN = ["BinaryLinear", "BatchNorm1d", "Hardtanh"]
SCORES = ["BinaryLinear", "BatchNorm1d", "LogSoftmax"]
NORM_KEYS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def build(**options) -> nn.Module:
    with torch.device("meta"):
        return create("vgg_cifar10_binary", **options)


def type_names(sequence) -> list[str]:
    return [type(module).__name__ for module in sequence]


def shapes_of(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


def with_norm(index: int, prefix: str, width: int, affine: bool = True) -> dict:
    keys = NORM_KEYS if affine else NORM_KEYS[2:]
    return {f"{prefix}.{index}.{key}": () if "num" in key else (width,) for key in keys}


def legacy_shapes() -> dict[str, tuple[int, ...]]:
    """Keys and shapes of the older code's network, inflation 3 and two hidden layers of 1024."""
    shapes = {}
    convolutions = [(0, 3, 384), (3, 384, 384), (7, 384, 768), (10, 768, 768)]
    convolutions += [(14, 768, 1536), (17, 1536, 512)]
    for (index, width_in, width_out), norm in zip(convolutions, (1, 5, 8, 12, 15, 19), strict=True):
        shapes[f"features.{index}.weight"] = (width_out, width_in, 3, 3)
        shapes[f"features.{index}.bias"] = (width_out,)
        shapes |= with_norm(norm, "features", width_out)
    for index, width_in, width_out in [(0, 8192, 1024), (3, 1024, 1024), (6, 1024, 10)]:
        shapes[f"classifier.{index}.weight"] = (width_out, width_in)
        shapes[f"classifier.{index}.bias"] = (width_out,)
        shapes |= with_norm(index + 1, "classifier", width_out, affine=index != 6)
    return shapes


def test_keys_and_shapes_are_those_of_the_older_code():
    assert shapes_of(build(inflation=3, hidden=(1024, 1024))) == legacy_shapes()


@pytest.mark.parametrize("hidden", [(), (1024,), (1024, 1024)], ids=str)
def test_modules_stand_in_the_order_of_the_older_code(hidden):
    model = build(hidden=hidden)
    assert type_names(model.children()) == ["Sequential", "Sequential"]
    assert [name for name, _ in model.named_children()] == ["features", "classifier"]
    assert type_names(model.features) == FEATURES
    assert type_names(model.classifier) == HIDDEN * len(hidden) + SCORES


def test_convolutions_and_pools_have_the_published_geometry():
    model = build()
    convolutions = [module for module in model.modules() if isinstance(module, BinaryConv2d)]
    for layer in convolutions:
        assert layer.kernel_size == (3, 3)
        assert layer.stride == (1, 1)
        assert layer.padding == (1, 1)
        assert layer.padding_value == 0
        assert layer.bias is not None
    pools = [module for module in model.modules() if isinstance(module, nn.MaxPool2d)]
    assert {(pool.kernel_size, pool.stride, pool.padding) for pool in pools} == {(2, 2, 0)}
    assert [type(layer) for layer in model.modules() if isinstance(layer, nn.Dropout)] == []


@pytest.mark.parametrize(
    ("inflation", "widths"),
    [
        (1, [128, 128, 256, 256, 512, 512]),
        (3, [384, 384, 768, 768, 1536, 512]),
        (0.25, [32, 32, 64, 64, 128, 512]),
        (0.5, [64, 64, 128, 128, 256, 512]),
        (1 / 128, [1, 1, 2, 2, 4, 512]),
    ],
)
def test_widths_scale_and_the_last_stays_512(inflation, widths):
    layers = [m for m in build(inflation=inflation).modules() if isinstance(m, BinaryLayer)]
    assert [layer.weight.shape[0] for layer in layers] == [*widths, 10]
    assert layers[-1].weight.shape[1] == 8192


@pytest.mark.parametrize("size", [(32, 32), (8, 8), (31, 24)], ids=str)
def test_the_linear_layers_fit_the_input_size(size):
    model = build(input_size=size)
    with torch.device("meta"):
        assert model.eval()(torch.empty(2, 3, *size)).shape == (2, 10)


@pytest.mark.parametrize(
    "value", [0, -1, 0.3, "3", True, float("nan"), float("inf"), 1e300, 10**400, None]
)
def test_an_inflation_that_gives_no_widths_is_named(value):
    with pytest.raises(UsageError, match=r"^inflation is .*such as 0.25"):
        build(inflation=value)


@pytest.mark.parametrize("value", [1024, "1024", [0], [1.5], [True], None])
def test_hidden_widths_are_checked(value):
    with pytest.raises(UsageError, match=r"^hidden is"):
        build(hidden=value)


def test_an_input_too_small_for_three_poolings_is_named():
    with pytest.raises(UsageError, match=r"^input_size is 7; give a whole number from 8 to"):
        build(input_size=(7, 32))
