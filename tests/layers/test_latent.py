"""The rule that keeps latent weights where the estimator passes gradients."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import BinaryConv2d, BinaryLinear, clip_latent_weights, latent_weights


@pytest.fixture
def network() -> nn.Sequential:
    layers = nn.Sequential(
        BinaryConv2d(2, 2, 1, input_quantizer=None),
        nn.BatchNorm2d(2),
        BinaryLinear(3, 3, weight_quantizer=None),
        BinaryLinear(3, 3, weight_quantizer="identity"),
        nn.Linear(3, 3),
        BinaryLinear(3, 3),
    )
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.linspace(-5, 5, parameter.numel()).view_as(parameter))
    return layers


def test_only_weights_that_become_bits_are_clipped(network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    clip_latent_weights(network)
    for key, value in network.state_dict().items():
        clipped = key in ("0.weight", "5.weight")
        assert torch.equal(value, before[key].clamp(-1, 1) if clipped else before[key])


def test_the_bound_can_be_chosen(network):
    clip_latent_weights(network, bound=0.25)
    assert network[0].weight.abs().max() == 0.25


@pytest.mark.parametrize("bound", [0, -1.0, float("nan")])
def test_a_bound_that_is_not_positive_is_refused(network, bound):
    with pytest.raises(UsageError, match=f"bound of latent weights is {bound!r}"):
        clip_latent_weights(network, bound)


def test_clipping_leaves_gradients_and_optimizer_state_usable(network):
    weight = network[5].weight
    weight.grad = torch.ones_like(weight)
    clip_latent_weights(network)
    assert network[5].weight is weight
    assert weight.requires_grad
    assert weight.is_leaf
    assert weight.grad.eq(1).all()


def test_paths_lead_to_the_layers(network):
    assert [name for name, _ in latent_weights(network)] == ["0", "5"]
    assert [name for name, _ in latent_weights(network[5])] == [""]


def test_shared_layers_and_shared_weights_come_once():
    first, second = BinaryLinear(3, 3), BinaryLinear(3, 3)
    second.weight = first.weight
    assert len(list(latent_weights(nn.Sequential(first, first, second)))) == 1


def test_a_weight_pulled_past_the_bound_can_come_back():
    layer = BinaryLinear(1, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=10.0)
    for target in (+1, -1):
        optimizer.zero_grad()
        (-target * layer(torch.ones(1, 1))).sum().backward()
        optimizer.step()
        clip_latent_weights(layer)
        assert layer.weight.item() == target
