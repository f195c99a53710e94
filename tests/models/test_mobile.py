"""ReActNet-A and BNext-T compute what their sources say, with as many operations."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from signbit.layers import BinaryConv2d, RPReLU, RSign
from signbit.models import create, summarize

NAMES = ["reactnet_a", "bnext_tiny"]
# Widths of the 3x3 convolutions, and the sides of the maps that they give at 224x224.
WIDTHS = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024]
SIDES = [112, 56, 56, 28, 28, *[14] * 6, 7, 7]


def build(name: str) -> nn.Module:
    with torch.device("meta"):
        return create(name, stem="imagenet", num_classes=1000, input_size=(224, 224)).eval()


def binary_convs(model: nn.Module) -> list[BinaryConv2d]:
    return [module for module in model.modules() if isinstance(module, BinaryConv2d)]


@pytest.mark.parametrize("name", NAMES)
def test_13_blocks_have_the_widths_and_maps_of_mobilenet(name):
    model, sides = build(name), []
    convs = [conv for conv in binary_convs(model) if conv.kernel_size == (3, 3)]
    for conv in convs:
        conv.register_forward_hook(lambda _, __, output: sides.append(output.shape[-1]))
    model(torch.empty(1, 3, 224, 224, device="meta"))
    assert [conv.in_channels for conv in convs] == WIDTHS
    assert all(conv.in_channels == conv.out_channels for conv in convs)
    assert sides == SIDES
    assert all(isinstance(conv.input_quantizer, RSign) for conv in binary_convs(model))


@pytest.mark.parametrize("name", NAMES)
def test_a_small_image_keeps_its_size_in_the_first_layer(name):
    stem = create(name, width=4).get_submodule("stem")
    assert stem(torch.randn(2, 3, 32, 32)).shape == (2, 4, 32, 32)


def test_reactnet_a_has_the_operations_of_the_paper():
    """The paper's table of ImageNet: 4.82e9 BOPs and 0.12e8 FLOPs are 0.87e8 OPs."""
    totals = summarize(build("reactnet_a"), (3, 224, 224)).totals
    binary, real = totals["binary_macs"], totals["real_macs"]
    assert round(binary / 1e9, 2) == 4.82
    assert round(real / 1e8, 2) == 0.12
    assert round((binary / 64 + real) / 1e8, 2) == 0.87
    assert totals["bit_parameters"] == 28_253_184
    assert real == 864 * 112**2 + 1024 * 1000


def test_bnext_adds_two_gate_layers_for_each_convolution_to_reactnet_a():
    one, other = (summarize(build(name), (3, 224, 224)).totals for name in NAMES)
    for count in ("binary_macs", "bit_parameters"):
        assert one[count] == other[count]
    gates = sum(2 * conv.out_channels**2 // 8 for conv in binary_convs(build("bnext_tiny")))
    assert other["real_macs"] == one["real_macs"] + gates
    learned = sum(value.numel() for value in build("bnext_tiny").parameters())
    assert learned == 30_853_276  # as the authors' code, without the PReLUs that it does not use


def drawn(name: str, path: str) -> Any:
    """A block of a small model with parameters that all matter, in eval mode."""
    torch.manual_seed(0)
    module = create(name, width=4).get_submodule(path)
    for value in module.state_dict().values():
        if value.is_floating_point():
            nn.init.uniform_(value, 0.1, 0.9)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight)
    return module.eval()


def sign(x: Tensor) -> Tensor:
    return torch.where(x > 0, 1.0, -1.0)


def test_a_block_of_reactnet_a_has_two_pointwise_convolutions_of_the_same_signs():
    block = drawn("reactnet_a", "blocks.1")
    x = torch.randn(3, 8, 6, 6)
    three, one = block
    y = F.conv2d(sign(x - alpha_of(three)), sign(three.conv.weight), stride=2, padding=1)
    y = three.activation(three.norm(y) + F.avg_pool2d(x, 2))
    signs = sign(y - alpha_of(one))
    halves = [F.conv2d(signs, weight) for weight in sign(one.conv.weight).chunk(2)]
    wanted = one.activation(one.norm(torch.cat(halves, 1)) + torch.cat([y, y], 1))
    torch.testing.assert_close(block(x), wanted)
    assert isinstance(one.activation, RPReLU)


def alpha_of(module: Any) -> Tensor:
    return module.conv.input_quantizer.alpha.view(-1, 1, 1)


def gated(unit: Any, x: Tensor, stride: int) -> Tensor:
    """se(share * x + (1 - share) * y) * y, as in the paper's figure of the module."""
    part = unit.gated
    y = F.conv2d(
        sign(x - alpha_of(part)),
        sign(part.conv.weight),
        None,
        stride,
        part.conv.kernel_size[0] // 2,
    )
    y = F.prelu(part.norm(y), part.activation.weight)
    share = part.share.view(-1, 1, 1)
    mean = (share * F.avg_pool2d(x, stride) + (1 - share) * y).mean((2, 3), keepdim=True)
    first, last = part.gate[1], part.gate[3]
    return last(first(mean).relu()).sigmoid() * y


def test_a_block_of_bnext_has_attention_then_two_gated_convolutions():
    block = drawn("bnext_tiny", "blocks.1")
    x = torch.randn(3, 8, 6, 6)
    first, wide = block
    residual = F.avg_pool2d(F.prelu(x, first.attention.weight), 2)
    y = first.norm(gated(first, x, 2) * residual) + residual
    wanted = torch.cat([unit.norm(gated(unit, y, 1)) + y for unit in wide.units], 1)
    torch.testing.assert_close(block(x), wanted)


def test_every_second_block_of_bnext_has_attention():
    blocks = build("bnext_tiny").get_submodule("blocks").children()
    found = [block.get_submodule("0").attention is not None for block in blocks]
    assert found == [number % 2 == 1 for number in range(13)]


def test_a_share_returns_to_its_range_and_goes_on_learning():
    module = drawn("bnext_tiny", "blocks.0.0.gated").train()
    nn.init.constant_(module.gate[1].bias, 10.0)  # keeps the hidden layer above zero
    with torch.no_grad():
        module.share.copy_(torch.tensor([-0.5, 0.25, 1.0, 1.5]))
    x = torch.randn(4, 4, 6, 6)
    module(x, x).sum().backward()
    assert module.share.tolist() == [0.0, 0.25, 1.0, 1.0]
    assert (module.share.grad != 0).all()
