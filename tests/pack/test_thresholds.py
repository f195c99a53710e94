"""Thresholds against torch itself, on every integer that can occur."""

import numpy as np
import pytest
import torch
from torch import nn

from signbit.format import Input
from signbit.pack._draft import Given, Pointwise
from signbit.pack._functions import Function, bisected
from signbit.pack._place import Place
from signbit.pack._thresholds import (
    float_keys,
    float_thresholds,
    integer_keys,
    integer_thresholds,
)

BOUND = 700
GAMMAS = [1.0, -1.0, 0.0, -0.0, 1e-30, -1e-30, 1e30, float("nan"), float("inf"), -float("inf"), 0.3]
BETAS = [0.0, -0.0, 1.0, -1.0, 1e30, -1e30, float("nan"), float("inf"), 0.125]


def norm_with_every_pair() -> nn.BatchNorm1d:
    gamma, beta = torch.cartesian_prod(torch.tensor(GAMMAS), torch.tensor(BETAS)).unbind(1)
    norm = nn.BatchNorm1d(len(gamma)).eval()
    norm.weight.data, norm.bias.data = gamma.clone(), beta.clone()
    assert norm.running_mean is not None
    assert norm.running_var is not None
    torch.manual_seed(0)
    norm.running_mean.normal_(0, 200)
    norm.running_var.uniform_(0, 1000)
    norm.running_var[::5] = 0
    return norm


def norm_of(norm):
    """Of one number per channel, or of rows."""
    return lambda values: norm(values.reshape(-1, norm.num_features)).reshape(values.shape)


def integers(question, channels):
    return integer_thresholds(
        bisected(lambda keys: question(keys.float()), integer_keys(-BOUND, BOUND, channels))
    )


def answers(thresholds, values):
    return np.where(thresholds.below, values < thresholds.value, values > thresholds.value)


@pytest.mark.parametrize("unit", [1.0, 1 / 128, 1 / 255])
def test_integers_turn_where_torch_turns(unit):
    norm = norm_with_every_pair()
    function = norm_of(norm)

    def question(values):
        with torch.no_grad():
            return nn.functional.hardtanh(function(values * unit)) > 0

    channels = norm.num_features
    thresholds = integers(question, channels)
    assert thresholds.value.dtype == np.int32
    for integer in range(-BOUND, BOUND + 1):
        wanted = question(torch.full((channels,), float(integer))).numpy()
        np.testing.assert_array_equal(answers(thresholds, integer), wanted, str(integer))


def ask_floats(function, channels):
    place, size = Place("", ""), (1, 1, channels)
    source = Given(place, (), size, Input.numbers("x", (channels,)), 0)
    step = Pointwise(place, (source,), size, source, function, [None], None, uniform=False)
    keys = float_keys(Function(step, source), channels)
    with torch.no_grad():
        return float_thresholds(bisected(lambda one: function(keys.number(one)) > 0, keys))


def test_real_numbers_turn_at_the_very_float():
    norm = norm_with_every_pair()

    def question(values):
        with torch.no_grad():
            return norm(values[None])[0] > 0

    channels = norm.num_features
    thresholds = ask_floats(norm_of(norm), channels)
    at = np.nan_to_num(thresholds.value, posinf=0, neginf=0)
    near = [at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf))]
    spread = np.random.default_rng(0).normal(0, 300, (500, channels)).astype(np.float32)
    ends = [np.full(channels, value, np.float32) for value in (0.0, -0.0, 3e38, -3e38, 1e-45)]
    for values in [*near, *spread, *ends]:
        wanted = question(torch.from_numpy(values)).numpy()
        np.testing.assert_array_equal(answers(thresholds, values), wanted)


def test_a_step_that_overflows_leaves_a_constant_a_constant():
    gamma, beta = torch.tensor([0.0, 0.0, 1.0, -1.0]), torch.tensor([0.5, -0.5, 0.5, 0.5])
    thresholds = ask_floats(lambda values: gamma * (values * 100) + beta, 4)
    assert thresholds.value[:2].tolist() == [-np.inf, np.inf]
    assert not thresholds.below[:2].any()
    values = np.linspace(-1, 1, 2001, dtype=np.float32)[:, None]
    wanted = gamma.numpy() * (values * np.float32(100)) + beta.numpy() > 0
    np.testing.assert_array_equal(answers(thresholds, values), wanted)


@pytest.mark.parametrize("constant", [True, False])
def test_constants_lie_at_the_end_of_the_range(constant):
    thresholds = integers(lambda x: torch.full(x.shape, constant), 2)
    end = np.iinfo(np.int32).min if constant else np.iinfo(np.int32).max
    assert thresholds.value.tolist() == [end, end]
    assert not thresholds.below.any()
