import pytest
import torch

from signbit.layers import BinaryLinear
from signbit.quantizers import create
from signbit.train._latent import clip_ratio, flip_ratio, signs


def layer(weights):
    linear = BinaryLinear(len(weights), 1)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([weights]))
    return torch.nn.Sequential(linear)


def test_flip_ratio_counts_changed_signs_and_zero_is_minus_one():
    before, after = signs(layer([1.0, -1.0, 0.0, 0.5])), signs(layer([-1.0, -0.5, -0.0, 0.1]))
    assert flip_ratio(before, after) == {"0": 0.25}


def test_clip_ratio_counts_weights_at_the_bound():
    assert clip_ratio(layer([1.0, -1.0, 0.0, 0.5]), 1.0) == {"0": pytest.approx(0.5)}


def test_flips_of_standardized_weights_are_those_of_their_signs():
    def standardized(weights):
        made = layer(weights)
        made[0].weight_quantizer = create("standardized_sign")
        return signs(made)

    # The first two pass the mean of the channel, 2, though none passes zero.
    before, after = standardized([1.0, 3.0, 1.0, 3.0]), standardized([3.0, 1.0, 1.0, 3.0])
    assert flip_ratio(before, after) == {"0": 0.5}
