"""Quantizers for weights: signs, scales and gradients by hand, with channels in rows."""

import math

import pytest
import torch
from torch import Tensor

from signbit.errors import UsageError
from signbit.quantizers import (
    AbstractQuantizer,
    AdabinWeight,
    DorefaSign,
    MagnitudeAwareSign,
    RuleSign,
    StandardizedSign,
    XnorSign,
    ede_sign,
    set_progress,
)

WEIGHT = torch.tensor([[0.5, -1.5, 2.0, -0.0], [0.25, 0.25, -0.25, 0.25]])
SIGNS = [[1, -1, 1, -1], [1, 1, -1, 1]]
INCOMING = torch.tensor([[1.0, 2.0, -1.0, 4.0], [8.0, -2.0, 1.0, 1.0]])


def scale_of(quantizer: AbstractQuantizer, weight: Tensor) -> list:
    scale = quantizer.scale(weight)
    assert scale is not None
    return scale.tolist()


def gradient_of(quantizer, weight: Tensor, incoming: Tensor) -> Tensor:
    weight = weight.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(quantizer(weight), weight, incoming)
    return gradient


@pytest.mark.parametrize(
    ("quantizer", "scale"),
    [
        (XnorSign(), [[1.0], [0.25]]),
        (MagnitudeAwareSign(), [[1.0], [0.25]]),
        (DorefaSign(), [[0.625]]),
    ],
    ids=repr,
)
def test_scale_is_the_mean_magnitude_of_channel_or_layer(quantizer, scale):
    assert quantizer.signs(WEIGHT).tolist() == SIGNS
    assert scale_of(quantizer, WEIGHT) == scale
    expected = torch.tensor(SIGNS) * torch.tensor(scale)
    assert quantizer(WEIGHT).tolist() == expected.tolist()


def test_means_are_taken_over_all_but_the_first_axis():
    kernel = WEIGHT.view(2, 1, 2, 2)
    assert scale_of(XnorSign(), kernel) == [[[[1.0]]], [[[0.25]]]]
    assert scale_of(DorefaSign(), kernel) == [[[[0.625]]]]
    assert scale_of(XnorSign(), WEIGHT[0]) == [1.0]


def test_half_precision_sums_in_float32():
    # The sum is 120,000; the largest number of float16 is 65,504.
    weight = torch.full((1, 30_000), 4.0, dtype=torch.float16)
    assert scale_of(XnorSign(), weight) == [[4.0]]
    assert DorefaSign()(weight).unique().tolist() == [4.0]


@pytest.mark.parametrize(
    ("quantizer", "gradient"),
    [
        # alpha g within the clip, plus d|x|/dx (0 at zero) times the sum of g sign(x), -6 and 6,
        # over 4.
        (XnorSign(), [[1 - 1.5, 1.5, -1.5, 4], [2 + 1.5, 1.5 - 0.5, 0.25 - 1.5, 0.25 + 1.5]]),
        (MagnitudeAwareSign(), [[1, 0, 0, 4], [2, -0.5, 0.25, 0.25]]),
        (MagnitudeAwareSign(clip=None), [[1, 2, -1, 4], [2, -0.5, 0.25, 0.25]]),
        (MagnitudeAwareSign(clip=0.25), [[0, 0, 0, 4], [2, -0.5, 0.25, 0.25]]),
        (DorefaSign(), INCOMING.tolist()),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_gradient_is_the_documented_one(quantizer, gradient):
    assert gradient_of(quantizer, WEIGHT, INCOMING).tolist() == gradient


def test_standardized_signs_compare_with_the_mean_of_the_channel():
    weight = torch.tensor([[1.0, 2.0, 6.0, 3.0], [-1.0, -3.0, -2.0, -9.0]])
    assert StandardizedSign()(weight).tolist() == [[-1, -1, 1, -1], [1, 1, 1, -1]]
    # A number that is the mean is 0 once standardized, and so -1.
    assert StandardizedSign()(weight)[0, 3] == -1


def standardized(weight: Tensor) -> Tensor:
    mean = weight.mean(1, keepdim=True)
    return (weight - mean) / (weight.var(1, keepdim=True, correction=0) + 1e-5).sqrt()


@pytest.mark.parametrize(("progress", "tau"), [(0, 0.85), (0.5, None), (1, 0.99)])
def test_standardized_gradient_is_that_of_the_clamped_standardized_weight(progress, tau):
    if tau is None:
        tau = 0.85 + 0.14 * (math.exp(progress) - 1) / (math.e - 1)
    torch.manual_seed(0)
    weight = torch.randn(3, 200, dtype=torch.float64, requires_grad=True)
    incoming = torch.randn(3, 200, dtype=torch.float64)
    z = standardized(weight)
    limit = -z.abs().mean(1, keepdim=True) * math.log(2 - 2 * tau)
    clamped = torch.where(z.abs() <= limit, z, 0)
    (expected,) = torch.autograd.grad(clamped, weight, incoming)
    quantizer = StandardizedSign()
    quantizer.set_progress(progress)
    found = gradient_of(quantizer, weight.detach(), incoming)
    # The buffer holds the limit in float32.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    assert (z.abs() > limit).any()


@pytest.mark.parametrize("t", [0.1, 10.0])
def test_standardized_weights_go_through_another_sign(t):
    torch.manual_seed(0)
    weight = torch.randn(3, 50, dtype=torch.float64, requires_grad=True)
    incoming = torch.randn(3, 50, dtype=torch.float64)
    quantizer = StandardizedSign(quantizer="ede_sign")
    set_progress(quantizer, float(t == 10))
    signs = ede_sign(standardized(weight), torch.tensor(t, dtype=torch.float64))
    assert torch.equal(quantizer(weight), signs)
    (expected,) = torch.autograd.grad(signs, weight, incoming)
    found = gradient_of(quantizer, weight.detach(), incoming)
    # The buffer holds t in float32.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("other", ["identity", "xnor_sign", "adabin_sign"])
def test_what_is_no_sign_of_single_numbers_cannot_follow_standardization(other):
    with pytest.raises(
        UsageError, match="which is not a sign of single numbers; give one that is, such"
    ):
        StandardizedSign(quantizer=other)


def test_quantiles_beside_another_sign_are_refused():
    with pytest.raises(UsageError, match=r"tau_start 0.8 and tau_end None have no effect with"):
        StandardizedSign(tau_start=0.8, quantizer="ede_sign")


def test_adabin_weights_lie_around_the_mean_of_the_channel():
    weight = torch.tensor([[1.0, 2.0, 6.0, 3.0], [-1.0, -3.0, -2.0, -2.0]])
    low, high = (3 - 3.5**0.5, 3 + 3.5**0.5), (-2 - 0.5**0.5, -2 + 0.5**0.5)
    expected = [[low[0], low[0], low[1], low[0]], [high[1], high[0], high[0], high[0]]]
    found = AdabinWeight()(weight)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=0)


def test_adabin_weight_gradient_follows_through_centre_and_distance():
    torch.manual_seed(0)
    weight = torch.randn(3, 20, dtype=torch.float64, requires_grad=True)
    incoming = torch.randn(3, 20, dtype=torch.float64)
    mean = weight.mean(1, keepdim=True)
    deviation = (weight.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    signs = ede_sign((weight - mean) / deviation, torch.tensor(0.1, dtype=torch.float64))
    (expected,) = torch.autograd.grad(signs * deviation + mean, weight, incoming)
    found = gradient_of(AdabinWeight(), weight.detach(), incoming)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_the_clamp_is_the_quantile_of_a_laplace_distribution():
    torch.manual_seed(0)
    draws = torch.distributions.Laplace(0.0, 1.0).sample((200_000,))
    for progress, tau in [(0, 0.85), (1, 0.99)]:
        quantizer = StandardizedSign()
        quantizer.set_progress(progress)
        limit = draws.abs().mean() * quantizer.get_buffer("width")
        # Six standard deviations of a share of 200,000.
        bound = 6 * math.sqrt(tau * (1 - tau) / len(draws))
        assert abs((draws <= limit).double().mean() - tau) < bound


@pytest.mark.parametrize("taus", [(0.5, 0.9), (0.9, 1.0), (0.9, 0.8), (math.nan, 0.9), ("a", 0.9)])
def test_quantiles_out_of_order_are_refused(taus):
    with pytest.raises(UsageError, match=r"0.5 < tau_start <= tau_end < 1"):
        StandardizedSign(*taus)


# Means of the channels 0.25 and 0.125, of the positions (axis 1) as well, of the layer 0.1875.
ROWS = torch.tensor([[0.5, -1.5, 2.0, 0.0], [0.25, 0.25, -0.25, 0.25]])


@pytest.mark.parametrize(
    ("options", "signs"),
    [
        ({}, [[1, -1, 1, -1], [1, 1, -1, 1]]),
        ({"zero": 1}, [[1, -1, 1, 1], [1, 1, -1, 1]]),
        ({"zero": 0}, [[1, -1, 1, 0], [1, 1, -1, 1]]),
        ({"centre": "channel"}, [[1, -1, 1, -1], [1, 1, -1, 1]]),
        ({"centre": "layer"}, [[1, -1, 1, -1], [1, 1, -1, 1]]),
    ],
)
def test_rule_sign_takes_signs_around_a_centre(options, signs):
    assert RuleSign(**options).signs(ROWS).tolist() == signs
    assert RuleSign(**options).binary == (options.get("zero") != 0)


def test_rule_sign_centres_over_what_the_option_names():
    kernel = torch.tensor([[[1.0, 4.0], [3.0, 4.0]], [[9.0, 5.0], [5.0, 3.0]]])
    expected = {
        None: [[[1, 1], [1, 1]], [[1, 1], [1, 1]]],
        "channel": [[[-1, 1], [0, 1]], [[1, -1], [-1, -1]]],  # 3 and 5.5
        "position": [[[-1, 0], [1, 0]], [[1, 1], [-1, -1]]],  # 2 and 4, 7 and 4
        "layer": [[[-1, -1], [-1, -1]], [[1, 1], [1, -1]]],  # 4.25
    }
    for centre, signs in expected.items():
        assert RuleSign(centre, zero=0).signs(kernel).tolist() == signs


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        ({}, [[1.0], [0.25]]),
        ({"per": "layer"}, [[0.625]]),
        ({"scale_clip": 1.0}, [[0.625], [0.25]]),
        ({"scale_centre": "channel"}, [[(0.25 + 1.75 + 1.75 + 0.25) / 4], [0.1875]]),
        ({"scale": "power_of_two"}, [[1.0], [0.25]]),
        ({"scale": "power_of_two", "per": "layer"}, [[0.5]]),
    ],
)
def test_rule_sign_scales_by_a_mean_magnitude(options, scale):
    quantizer = RuleSign(**options)
    assert scale_of(quantizer, ROWS) == scale
    assert torch.equal(quantizer(ROWS), quantizer.signs(ROWS) * torch.tensor(scale))
    assert RuleSign(scale=None).scale(ROWS) is None


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("per", ["channel", "layer"])
def test_rule_sign_divides_by_a_deviation(unbiased, per):
    dim = 1 if per == "channel" else (0, 1)
    z = ROWS - ROWS.mean(dim, keepdim=True)
    deviation = torch.std(z, dim=dim, correction=int(unbiased), keepdim=True)
    quantizer = RuleSign(
        scale_centre=per,
        deviation="unbiased" if unbiased else "biased",
        deviation_per=per,
        epsilon=0.0,
    )
    torch.testing.assert_close(quantizer.scale(ROWS), (z / deviation).abs().mean(1, keepdim=True))
    near = RuleSign(scale_centre=per, deviation="biased", deviation_per=per, epsilon=1.0)
    other = (z / (z.square().mean(dim, keepdim=True) + 1).sqrt()).abs().mean(1, keepdim=True)
    torch.testing.assert_close(near.scale(ROWS), other)


def test_rule_sign_passes_the_gradient_times_its_scale_where_the_weight_is_within_the_clip():
    for centre in (None, "channel"):
        gradient = gradient_of(RuleSign(centre), ROWS, INCOMING)
        expected = INCOMING * torch.tensor([[1.0], [0.25]]) * (ROWS.abs() <= 1)
        assert torch.equal(gradient, expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"zero": 2}, "zero is 2; give one of -1, 0, 1"),
        ({"centre": "row"}, "centre is 'row'; give one of None, 'channel', 'position', 'layer'"),
        ({"scale": "max"}, "scale is 'max'; give one of None, 'mean', 'power_of_two'"),
        ({"epsilon": -1.0}, "epsilon is -1.0; give 0 or a positive number"),
        ({"scale_clip": 0.0}, "clip is 0.0; give a positive, finite number"),
    ],
)
def test_rule_sign_refuses_other_options(options, says):
    with pytest.raises(UsageError, match=says):
        RuleSign(**options)
