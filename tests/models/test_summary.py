import inspect

import pytest
import torch
from torch import nn

from signbit.layers import BinaryConv1d, BinaryConv2d, BinaryLinear
from signbit.models import COUNTS, create, models, summarize


def cost_of(module, shape):
    layers = summarize(module, shape).layers
    assert len(layers) == 1
    return {name: getattr(layers[0], name) for name in COUNTS}


def test_binary_convolution_has_bits_and_binary_macs():
    found = cost_of(BinaryConv2d(65, 10, 3, padding=1), (65, 8, 8))
    assert found == {
        "bit_parameters": 65 * 10 * 9,
        "real_parameters": 10,
        "binary_macs": 65 * 10 * 9 * 64,
        "real_macs": 0,
        "packed_bytes": 10 * 9 * 2 * 8 + 4 * 10,
    }


def test_real_input_makes_real_macs_of_binary_weights():
    found = cost_of(BinaryConv2d(3, 4, 3, input_quantizer=None, bias=False), (3, 5, 5))
    assert found == {
        "bit_parameters": 108,
        "real_parameters": 0,
        "binary_macs": 0,
        "real_macs": 108 * 9,
        "packed_bytes": 4 * 9 * 8,
    }


@pytest.mark.parametrize("weight_quantizer", [None, "identity"])
def test_real_weights_are_32_bit_parameters(weight_quantizer):
    found = cost_of(BinaryLinear(6, 2, weight_quantizer=weight_quantizer), (6,))
    assert found["bit_parameters"] == 0
    assert found["real_parameters"] == 14
    assert (found["binary_macs"], found["real_macs"]) == (0, 12)
    assert found["packed_bytes"] == 56


def test_groups_and_stride_divide_the_macs():
    found = cost_of(BinaryConv1d(8, 4, 3, stride=2, groups=2, bias=False), (8, 9))
    assert found["binary_macs"] == 4 * 4 * 3 * 4
    assert found["packed_bytes"] == 4 * 3 * 8


def test_linear_layer_counts_every_position():
    assert cost_of(BinaryLinear(64, 5, bias=False), (7, 64))["binary_macs"] == 7 * 64 * 5


def test_transposed_convolution_counts_the_taps_of_each_input():
    found = cost_of(nn.ConvTranspose2d(2, 3, 2, stride=2, bias=False), (2, 4, 4))
    assert found["real_macs"] == 2 * 3 * 4 * 16


@pytest.mark.parametrize(
    ("options", "scales"),
    [
        ({"learned_scale": True}, 10),
        ({"weight_quantizer": "xnor_sign"}, 10),
        ({"weight_quantizer": "dorefa_sign"}, 1),
        ({"weight_quantizer": "standardized_sign", "input_quantizer": "ede_sign"}, 0),
    ],
    ids=str,
)
def test_scales_are_real_numbers_and_progress_is_none(options, scales):
    found = cost_of(BinaryLinear(64, 10, bias=False, **options), (64,))
    assert (found["bit_parameters"], found["real_parameters"]) == (640, scales)
    assert found["packed_bytes"] == 80 + 4 * scales


def test_batch_norm_counts_parameters_and_running_statistics_without_counters():
    assert cost_of(nn.BatchNorm2d(7), (7, 2, 2))["real_parameters"] == 28
    assert cost_of(nn.BatchNorm1d(7, affine=False), (7,))["real_parameters"] == 14


def test_vgg_at_inflation_1_has_608_million_macs():
    with torch.device("meta"):
        summary = summarize(create("vgg_cifar10_binary"), (3, 32, 32))
    totals = summary.totals
    assert totals["binary_macs"] + totals["real_macs"] == 607_600_640
    assert totals["real_macs"] == 128 * 27 * 1024
    assert totals["bit_parameters"] == 4_656_512
    assert totals["packed_bytes"] < 0.63e6
    assert [layer.path for layer in summary.layers][:2] == ["features.0", "features.1"]
    assert summary.layers[0].output == [128, 32, 32]
    assert summary.layers[-1].output == [10]


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = BinaryLinear(4, 4, bias=False)
        self.again = self.layer
        self.tied = BinaryLinear(4, 4, bias=False)
        self.tied.weight = self.layer.weight
        self.scale = nn.Parameter(torch.ones(4))
        self.unused = nn.Linear(4, 4)

    def forward(self, x):
        return self.tied(self.again(self.layer(x))) * self.scale


def test_what_is_shared_counts_once_as_parameters_and_at_each_call_as_macs():
    summary = summarize(Shared(), (4,))
    by_path = {layer.path: layer for layer in summary.layers}
    assert by_path["layer"].binary_macs == 32
    assert by_path["layer"].bit_parameters == 16
    assert by_path["tied"].bit_parameters == 0
    assert by_path[""].real_parameters == 4
    assert by_path["unused"].real_parameters == 20
    assert by_path["unused"].output == []


@pytest.mark.parametrize("name", models.names())
def test_every_parameter_and_statistic_of_every_model_is_counted(name):
    with torch.device("meta"):
        model = create(name)
    parameters = inspect.signature(models.get(name)).parameters
    shape = parameters["in_channels"].default, *parameters["input_size"].default
    totals = summarize(model, shape).totals
    held = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    expected = sum(tensor.numel() for tensor in held)
    assert totals["bit_parameters"] + totals["real_parameters"] == expected
    assert totals["float32_bytes"] == 4 * expected


def test_model_is_left_as_it_was():
    model = create("digits_binary", width=2)
    model.get_submodule("features.1").eval()
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}
    summarize(model, (1, 8, 8))
    assert [module.training for module in model.modules()] == modes
    assert not any(module._forward_hooks for module in model.modules())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
