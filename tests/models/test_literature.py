"""The networks of the literature have the layers that their sources say."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLayer, RPReLU, RSign
from signbit.models import create


def build(name: str, **options) -> nn.Module:
    with torch.device("meta"):
        return create(name, **options).eval()


def binary_convs(model: nn.Module) -> list[BinaryConv2d]:
    return [module for module in model.modules() if isinstance(module, BinaryConv2d)]


def real_layers(model: nn.Module) -> list[nn.Module]:
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [layer for layer in layers if not isinstance(layer, BinaryLayer)]


def weights(model: nn.Module) -> tuple[int, int]:
    """Binary and real weights, as papers count them: without batch norm and biases."""
    binary = sum(layer.weight.numel() for layer in binary_convs(model))
    return binary, sum(layer.weight.numel() for layer in real_layers(model))  # pyright: ignore


def sizes_after(model: nn.Module, size: int) -> list[int]:
    """The sides of the maps that the binary convolutions give."""
    sides: list[int] = []
    for conv in binary_convs(model):
        conv.register_forward_hook(lambda _, __, output: sides.append(output.shape[-1]))
    model(torch.empty(1, 3, size, size, device="meta"))
    return sides


def test_vgg_small_stands_in_the_order_of_ir_net():
    model = build("vgg_small")
    conv, pool, norm, tanh = "BinaryConv2d", "MaxPool2d", "BatchNorm2d", "Hardtanh"
    pair = [conv, norm, tanh, conv, pool, norm, tanh]
    found = [type(module).__name__ for module in model.get_submodule("features").children()]
    assert found == ["Conv2d", *pair[1:], *pair, *pair]
    assert [layer.out_channels for layer in binary_convs(model)] == [128, 256, 256, 512, 512]
    assert all(layer.bias is None for layer in binary_convs(model))
    # 4.66 M weights, of which 4.57 M are binary.
    assert weights(model) == (4_571_136, 3456 + 81920)


def test_resnet20_has_18_binary_convolutions_with_a_shortcut_each():
    model = build("resnet20")
    assert len(binary_convs(model)) == 18
    assert weights(model) == (267_264, 432 + 640)  # the 0.27 M parameters of ResNet-20
    assert sizes_after(model, 32) == [32] * 6 + [16] * 6 + [8] * 6


@pytest.mark.parametrize(
    ("name", "stem", "sides"),
    [("resnet18", "cifar", 32), ("resnet18", "imagenet", 56), ("reactnet18", "imagenet", 56)],
)
def test_resnet18_halves_the_map_three_times(name, stem, sides):
    model = build(name, stem=stem)
    wanted = [sides >> section for section in range(4) for _ in range(4)]
    assert sizes_after(model, 32 if stem == "cifar" else 224) == wanted
    binary, real = weights(model)
    assert binary == 10_985_472
    assert real == (1728 if stem == "cifar" else 9408) + 64 * 128 * 21 + 512 * 10


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "reactnet18"])
def test_shortcuts_widen_as_chosen(name):
    plain = len(binary_convs(build(name, shortcut="duplicate")))
    steps = 2 if name == "resnet20" else 3
    assert len(binary_convs(build(name, shortcut="binary"))) == plain + steps
    assert len(real_layers(build(name, shortcut="duplicate"))) == 2
    assert len(real_layers(build(name, shortcut="real"))) == 2 + steps
    with pytest.raises(UsageError, match=r"unknown shortcut 'reel'.*Did you mean 'real'"):
        build(name, shortcut="reel")


@pytest.mark.parametrize("name", ["resnet20", "resnet18", "reactnet18"])
def test_a_shortcut_passes_the_input_on(name):
    """With every gamma 0 the batch norms give 0, and only the shortcuts are left."""
    model = create(name, width=4, shortcut="duplicate").eval()
    for module in model.get_submodule("sections").modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.weight)
        elif isinstance(module, RPReLU):
            nn.init.ones_(module.slope)
    x = torch.randn(1, 3, 12, 20)
    before = model.get_submodule("stem")(x)
    after = model.get_submodule("sections")(before)
    times = after.shape[1] // 4
    wanted = before
    for _ in range({4: 2, 8: 3}[times]):
        wanted = nn.functional.avg_pool2d(wanted, 2, ceil_mode=True)
    torch.testing.assert_close(after, wanted.repeat(1, times, 1, 1))


def test_reactnet_shifts_before_every_sign_and_after_every_sum():
    model = build("reactnet18")
    assert all(isinstance(conv.input_quantizer, RSign) for conv in binary_convs(model))
    assert sum(isinstance(module, RPReLU) for module in model.modules()) == 16


def as_larq_zoo_counts(model: nn.Module) -> int:
    """All weights and blur kernels, and two numbers for each channel of a batch norm."""
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    held = sum(v.numel() for layer in layers for v in layer.state_dict().values())
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    return held + sum(2 * norm.num_features for norm in norms)


def test_quicknet_has_the_weights_of_larq_zoo():
    model = build("quicknet")
    assert len(binary_convs(model)) == 16
    assert sizes_after(model, 224) == [56] * 4 + [28] * 4 + [14] * 4 + [7] * 4
    assert as_larq_zoo_counts(model) == 13_234_088
    assert {conv.padding_value for conv in binary_convs(model)} == {1.0}


@pytest.mark.parametrize(
    ("options", "parameters"),
    [({"widths": (32, 64, 256, 512)}, 12_655_688), ({"blocks": (6, 8, 12, 6)}, 23_342_248)],
    ids=["small", "large"],
)
def test_quicknets_of_other_sizes_are_options(options, parameters):
    assert as_larq_zoo_counts(build("quicknet", **options)) == parameters


def test_the_blur_of_quicknet_keeps_a_constant_map_and_is_no_parameter():
    model = create("quicknet", widths=(4, 8), blocks=(1, 1))
    (blur,) = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)][2:]
    assert [name for name, _ in blur.named_parameters()] == []
    y = blur(torch.ones(1, 4, 9, 9))
    assert (y[:, :, 1:-1, 1:-1] == 1).all()


@pytest.mark.parametrize(
    "options",
    [{"widths": ()}, {"widths": (6, 8), "blocks": (1, 1)}, {"widths": (8, 8), "blocks": (1,)}],
)
def test_sections_of_quicknet_that_do_not_fit_are_named(options):
    with pytest.raises(UsageError, match=r"^widths are .* and blocks .*such as"):
        build("quicknet", **options)


def test_quicknet_needs_two_rows_before_every_blur():
    with pytest.raises(UsageError, match="input_size is 28; give a whole number from 29 to"):
        build("quicknet", input_size=(29, 28))
    model = create("quicknet", widths=(4, 4, 4, 4), blocks=(1, 1, 1, 1)).eval()
    assert model(torch.randn(1, 3, 29, 29)).shape == (1, 1000)


def test_an_unknown_stem_names_the_closest():
    with pytest.raises(UsageError, match=r"unknown stem 'cifar10'.*Did you mean 'cifar'"):
        build("resnet18", stem="cifar10")
