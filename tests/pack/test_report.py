"""What the report of a packed network says of its modules, and of the network as a whole."""

from typing import Any

import pytest
import torch
from helpers.grey import GREY, body, first
from torch import nn

from signbit.layers import BinaryConv2d
from signbit.models import create
from signbit.pack import pack


def rows(network: nn.Module) -> dict[str, tuple[str, str]]:
    """What each module became, and why it stays real."""
    packed = pack(network.eval(), GREY)
    return {row["module"]: (row["became"], row["why"]) for row in packed.info["modules"]}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_network_of_other_numbers_is_packed_in_float32_and_says_so(dtype):
    network = create("digits_binary", width=8).eval().to(dtype)
    (note,) = pack(network, GREY).info["notes"]
    assert note == f"the network has numbers of {dtype}; a copy in float32 was packed and checked"
    assert {parameter.dtype for parameter in network.parameters()} == {dtype}


def test_a_network_without_a_binary_layer_says_so():
    real = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()
    (note,) = pack(real, GREY).info["notes"]
    assert note.startswith("no layer is binary")
    assert "signbit.convert.binarize" in note


@pytest.mark.parametrize(
    "layer", [first(4), nn.Conv2d(1, 4, 3, padding=1)], ids=["pixels", "real numbers"]
)
def test_a_network_with_binary_layers_has_no_notes(layer):
    mine: dict[str, Any] = {"notes": ["mine"], "run": 3}
    info = pack(body(layer, nn.BatchNorm2d(4), features=256), GREY, info=mine).info
    assert (info["notes"], info["run"]) == ([], 3)


class _Auxiliary(nn.Module):
    """One head that is called, one layer that is not, and the head that gives the scores."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = first(8), nn.BatchNorm2d(8)
        self.head, self.aside, self.spare = body(features=512), body(features=512), nn.Linear(4, 4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        self.kept = self.aside(x)
        return self.head(x)


def test_what_takes_no_part_in_the_scores_is_no_threshold():
    found = rows(_Auxiliary())
    assert found["norm"] == ("integer threshold", "")
    assert found["head.1"] == ("flatten, XOR and popcount of bits, affine", "")
    assert found["aside.1"] == found["spare"] == ("no operation of its own", "")


def test_what_a_threshold_absorbs_is_part_of_it():
    network = body(first(8), nn.PReLU(8), nn.BatchNorm2d(8), features=512)
    found = rows(network)
    absorbed = ("part of the threshold after it", "")
    assert sorted([found["1"], found["2"]]) == [("integer threshold", ""), absorbed]


def test_signs_of_which_some_are_zero_are_real_weights_and_the_reason_counts_them():
    layer = nn.Conv2d(8, 4, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.sign())
        layer.weight[:, 0, 0, 0] = 0
    network = nn.Sequential(first(8), nn.BatchNorm2d(8), layer, nn.Flatten())
    assert rows(network)["2"] == (
        "real convolution",
        "4 of its 288 weights are 0, which is not a sign",
    )


def test_an_input_that_no_sign_makes_is_a_reason():
    layer = BinaryConv2d(4, 4, 3, input_quantizer=None)
    network = body(first(4), nn.BatchNorm2d(4), layer, features=144)
    became, why = rows(network)["2"]
    assert became.startswith("bits of weights, real input")
    assert why == "its input is real"
