"""Stochastic sign: the right probability, repeatable under a seed, certain in eval mode."""

import math

import pytest
import torch

from signbit.quantizers import StochasticSign, stochastic_sign

DRAWS = 200_000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("x", [-0.998046875, -0.75, -0.25, 0.0, 0.125, 0.5, 0.96875])
def test_frequency_of_plus_one_is_the_probability_within_six_sigma(x, dtype):
    seed = 20240229
    torch.manual_seed(seed)
    x = torch.tensor(x, dtype=dtype)  # as rounded to dtype: bfloat16 has 8 bits
    probability = (x.item() + 1) / 2
    ups = (stochastic_sign(x.expand(DRAWS)) == 1).sum().item()
    # The count is binomial; 6 sigma is missed by chance twice in 1e9 trials.
    bound = 6 * math.sqrt(DRAWS * probability * (1 - probability))
    assert abs(ups - DRAWS * probability) <= bound, f"seed {seed}: {ups} of {DRAWS}"


def test_elements_are_drawn_independently():
    seed = 7
    torch.manual_seed(seed)
    y = stochastic_sign(torch.zeros(2, DRAWS))
    # The mean product of two independent signs has standard deviation 1 / sqrt(n).
    for other in (y[1], y[0].roll(1)):
        assert abs((y[0] * other).mean().item()) <= 6 / math.sqrt(DRAWS), f"seed {seed}"


def test_the_same_seed_draws_the_same_signs_and_another_call_new_ones():
    quantizer, x = StochasticSign(), torch.randn(1000)
    torch.manual_seed(1)
    first, second = quantizer(x), quantizer(x)
    torch.manual_seed(1)
    assert torch.equal(quantizer(x), first)
    assert not torch.equal(first, second)


def test_eval_mode_is_the_deterministic_sign():
    x = torch.randn(1000)
    expected = torch.where(x > 0, 1.0, -1.0)
    assert torch.equal(StochasticSign().eval()(x), expected)


def test_train_and_eval_of_a_network_switch_it():
    network = torch.nn.Sequential(StochasticSign())
    x = torch.zeros(1000)
    assert network.eval()(x).unique().tolist() == [-1]
    assert network.train()(x).unique().tolist() == [-1, 1]
