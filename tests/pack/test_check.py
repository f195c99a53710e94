"""The self-check of `pack`: what it finds, what it tells apart, what it looks at."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.grey import GREY, body, first
from torch import nn

from signbit.errors import PackError
from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv2d
from signbit.pack import _check, _pack, pack
from signbit.pack._check import _expected, _largest, compare, require_equal
from signbit.pack._outputs import Run
from signbit.quantizers import AdabinSign, SteSign
from signbit.runtime import reference


def test_the_self_check_tells_turned_bits_from_what_follows_from_them(monkeypatch):
    network = nn.Sequential(
        first(), nn.BatchNorm2d(16), *(BinaryConv2d(16, 16, 3, padding=1) for _ in range(3))
    )
    network = body(*network, features=1024)
    results, run = [], _pack.compare

    def with_another_threshold(model, packed, checked, *more):
        # In one channel: as if real numbers were added in another order.
        tensors = dict(packed.nodes[1].tensors)
        tensors["threshold"] = tensors["threshold"] + np.eye(16, dtype=np.int32)[3] * 40
        nodes = [packed.nodes[0], replace(packed.nodes[1], tensors=tensors), *packed.nodes[2:]]
        results.append(run(model, PackedModel(nodes, GREY), checked, *more))
        return results[-1]

    monkeypatch.setattr(_pack, "compare", with_another_threshold)
    with pytest.raises(PackError, match=r"self-check: .* bits and"):
        pack(network, GREY)
    assert 0 < results[0].bits_turned < results[0].bits_differ


def test_the_self_check_refuses_wrong_scores_of_a_real_network():
    last = nn.Linear(64, 3)
    network = nn.Sequential(nn.Flatten(), last).eval()
    packed = pack(network, GREY, check=False)
    # The packed network stays as it was, too.
    with torch.no_grad():
        last.weight[0, :8] += 0.5
    result = compare(Run(network, None), packed, [], packed.inputs, None, False)
    assert result.score_error > 0.01
    with pytest.raises(PackError, match="scores by"):
        require_equal(result, exact=False)


@pytest.mark.parametrize("seed", range(3))
def test_means_of_large_maps_may_be_rounded_at_each_addition(seed):
    torch.manual_seed(seed)
    layers = [BinaryConv2d(1, 8, 3, padding=1, input_quantizer=None), nn.BatchNorm2d(8)]
    layers += [BinaryConv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    pack(network.eval(), Preprocessing([1 / 128], [-1.0], (64, 64)))


def test_wrong_scores_of_a_network_of_integers_are_refused_too():
    network = body(first(), nn.BatchNorm2d(16), SteSign(), features=1024)
    packed = pack(network, GREY, check=False)
    *nodes, last = packed.nodes
    tensors = {name: 2 * value for name, value in last.tensors.items()}
    wrong = PackedModel([*nodes, replace(last, tensors=tensors)], GREY)
    result = compare(Run(network, None), wrong, [], wrong.inputs, None, True)
    assert result.predictions_differ == 0
    with pytest.raises(PackError, match="scores by"):
        require_equal(result, exact=True)


@pytest.mark.parametrize(
    ("found", "wanted", "apart"),
    [
        ([1.0, np.nan, np.inf, -np.inf], [1.5, np.nan, np.inf, -np.inf], 0.5),
        ([np.nan], [1.0], np.inf),
        ([1.0], [np.inf], np.inf),
        ([np.inf], [-np.inf], np.inf),
    ],
)
def test_scores_that_are_not_finite_must_be_the_same(found, wanted, apart):
    assert _largest(np.array(found, np.float32), np.array(wanted, np.float32)) == apart


def test_many_samples_are_compared_in_parts(monkeypatch):
    sizes, run = [], reference.run
    monkeypatch.setattr(
        reference,
        "run",
        lambda model, given: sizes.append(len(given["pixels"])) or run(model, given),
    )
    samples = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 1), np.uint8)
    packed = pack(body(first(), features=1024), GREY, samples=samples)
    assert packed.info["check"]["images"] == 56 == sum(sizes)
    assert max(sizes) == 16


def test_the_self_check_refuses_a_wrong_threshold():
    network = body(first(), nn.BatchNorm2d(16), features=1024)
    packed = pack(network, GREY, check=False)
    assert "check" not in packed.info
    wrong = dict(packed.nodes[1].tensors)
    wrong["threshold"] = wrong["threshold"] + 5000
    nodes = [packed.nodes[0], replace(packed.nodes[1], tensors=wrong), *packed.nodes[2:]]
    changed = PackedModel(nodes, GREY)
    result = compare(Run(network, None), changed, [], changed.inputs, None, True)
    assert result.predictions_differ > 0
    with pytest.raises(PackError, match=r"predictions differ from torch's"):
        require_equal(result, exact=True)


class _Twice(nn.Module):
    """A layer and a sign, each at two places, the sign also in the layer."""

    def __init__(self):
        super().__init__()
        self.first, self.sign, self.pool = first(), SteSign(), nn.MaxPool2d(2)
        self.conv = BinaryConv2d(16, 16, 3, padding=1, input_quantizer=self.sign)

    def forward(self, x):
        x = self.conv(self.conv(self.first(x)))
        return self.sign(self.pool(self.sign(self.pool(x)))).flatten(1)


def test_calls_of_one_module_are_told_apart():
    torch.manual_seed(3)
    check = pack(_Twice().eval(), GREY).info["check"]
    assert check["bits_differ"] == 0
    assert check["bits"] == check["images"] * 16 * (2 * 8 * 8 + 4 * 4 + 2 * 2)


def test_a_network_of_one_layer_is_looked_at(monkeypatch):
    layer = BinaryConv2d(1, 4, 8).eval()
    assert pack(layer, GREY).info["check"]["bits"] > 0
    monkeypatch.setattr(_check, "_expected", lambda one, bits: _expected(one, ~bits))
    with pytest.raises(PackError, match="self-check: 1024 of 1024 bits"):
        pack(layer, GREY)


class _OwnWay(BinaryConv2d):
    def forward(self, input):
        assert self.input_quantizer is not None
        return self._conv_forward(self.input_quantizer(input), self.quantized_weight(), self.bias)


def test_a_forward_of_its_own_is_followed():
    network = body(first(), _OwnWay(16, 16, 1), features=1024)
    check = pack(network, GREY).info["check"]
    assert check["bits_differ"] == 0
    assert check["bits"] == check["images"] * 2 * 1024


def test_two_values_that_rounding_makes_one_keep_their_signs():
    sign = AdabinSign()
    sign.get_parameter("alpha").data.fill_(1e-5)
    sign.get_parameter("beta").data.fill_(20.0)
    packed = pack(body(first(), sign, features=1024), GREY)
    assert packed.info["check"]["bits_differ"] == 0
