"""The gallery shows what the quantizers do: drawn from autograd, over the registry."""

import numpy as np
import pytest
import torch
from PIL import Image

from signbit.plots.quantizers import (
    LIMIT,
    PROGRESS,
    draw_quantizers,
    sample,
    sample_gradients,
    sample_mean,
)
from signbit.quantizers import StochasticSign, create, quantizers


def test_the_gallery_is_a_small_picture(tmp_path):
    path = tmp_path / "pictures" / "quantizers.png"
    draw_quantizers(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize("name", quantizers.names())
def test_samples_are_the_quantizers_own_values_and_gradients(name):
    quantizer = create(name)
    assert quantizer is not None
    x, y, gradient = sample(quantizer)
    assert x.min() == -LIMIT
    assert x.max() == LIMIT
    assert 0 not in x
    inputs = torch.from_numpy(x).requires_grad_()
    (expected,) = torch.autograd.grad(quantizer(inputs).sum(), inputs)
    assert np.array_equal(gradient, expected.numpy())
    quantizer.eval()
    if sample_mean(quantizer.train()) is None:
        assert np.array_equal(y, quantizer.eval()(inputs).detach().numpy())


def test_the_mean_of_stochastic_sign_is_its_clipped_input():
    drawn = sample_mean(StochasticSign())
    assert drawn is not None
    x, mean = drawn
    # Six standard deviations of a mean of 20,000 signs.
    assert np.abs(mean - x.clip(-1, 1)).max() < 6 / np.sqrt(20_000)


def test_deterministic_quantizers_have_no_mean_to_show():
    random = {name for name in quantizers.names() if sample_mean(create(name)) is not None}  # pyright: ignore[reportArgumentType]
    assert random == {"stochastic_sign"}


def test_gradients_that_change_during_training_are_shown_at_its_start_middle_and_end():
    changing = {"adabin_weight", "ede_sign", "reste_sign", "standardized_sign"}
    for name in quantizers.names():
        quantizer = create(name)
        curves = sample_gradients(quantizer)
        assert list(curves) == (list(PROGRESS) if name in changing else ["start"])
        assert np.array_equal(curves["start"], sample(quantizer)[2])


def test_drawing_leaves_the_callers_random_numbers_alone(tmp_path):
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    draw_quantizers(tmp_path / "quantizers.png")
    assert torch.equal(torch.rand(3), expected)
