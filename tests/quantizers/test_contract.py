"""What every registered quantizer owes its callers; a new one is tested by being registered."""

import copy
import pickle

import pytest
import torch

from signbit.layers import BinaryLinear
from signbit.quantizers import AbstractQuantizer, create, quantizers, set_progress

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
BINARY = [name for name in quantizers.names() if create(name).binary]
FINITE = [0.0, -0.0, 1.0, -1.0, 1e-45, 6e4]
SPECIAL = [*FINITE, float("inf"), -float("inf"), float("nan")]


def special(quantizer: AbstractQuantizer) -> torch.Tensor:
    """Numbers that a network may hold; where a mean is taken, infinite ones say nothing."""
    return torch.tensor(FINITE if quantizer.for_weights else SPECIAL)


@pytest.fixture(params=quantizers.names())
def quantizer(request) -> AbstractQuantizer:
    made = create(request.param)
    for parameter in made.parameters():
        # Not as they are at first, where a scale is 1 and a shift 0.
        parameter.data.add_(0.25)
    return made


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3, 4), (1, 2, 3, 4, 5)], ids=str)
def test_shape_and_dtype_stay_both_ways(quantizer, shape, dtype):
    x = torch.randn(shape).to(dtype).requires_grad_()
    y = quantizer(x)
    assert (y.shape, y.dtype, y.device) == (x.shape, dtype, x.device)
    y.sum().backward()
    assert x.grad is not None
    assert (x.grad.shape, x.grad.dtype) == (x.shape, dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_binary_ones_give_only_minus_and_plus_one(name, dtype):
    quantizer = create(name)
    y = quantizer.signs(torch.cat([special(quantizer), torch.randn(1000)]).to(dtype))
    assert y.dtype == dtype
    assert y.abs().eq(1).all()
    assert set(y.tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_gradient_is_finite_even_where_the_input_is_not(quantizer, dtype):
    x = torch.cat([special(quantizer), 3 * torch.randn(1000)]).to(dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(quantizer(x), x, torch.ones_like(x))
    assert gradient.isfinite().all()
    assert gradient.count_nonzero() > 0


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (3, 4, 2, 2)], ids=str)
def test_what_it_gives_is_signs_times_a_scale_for_each_channel(quantizer, shape, dtype):
    quantizer.eval()
    x = torch.randn(shape).to(dtype)
    scale = quantizer.scale(x)
    if scale is None:
        distance, centre = quantizer.distance_and_centre() or (torch.ones(()), torch.zeros(()))
        moved = quantizer.signs(x) * distance.to(dtype) + centre.to(dtype)
        assert torch.equal(moved, quantizer(x))
        return
    assert quantizer.for_weights
    assert quantizer.distance_and_centre() is None
    assert scale.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)
    assert scale.ndim == x.ndim
    assert scale.numel() in (1, len(x) if x.ndim > 1 else 1)
    assert (scale > 0).all()
    assert torch.equal(quantizer.signs(x) * scale.to(dtype), quantizer(x))


def test_a_channel_of_zeros_gives_finite_values_and_gradients(quantizer):
    x = torch.zeros(3, 4, requires_grad=True)
    y = quantizer(x)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(x))
    assert y.isfinite().all()
    assert gradient.isfinite().all()


def test_progress_leaves_the_signs_alone_and_is_not_in_a_state_dict(quantizer):
    quantizer.eval()
    x = torch.randn(4, 50)
    before = quantizer(x)
    for progress in (0, 0.5, 1.0):
        set_progress(quantizer, progress)
        assert torch.equal(quantizer(x), before)
    assert set(quantizer.state_dict()) == {name for name, _ in quantizer.named_parameters()}


def test_a_quantizer_built_on_the_meta_device_works_elsewhere(quantizer):
    with torch.device("meta"):
        built = type(quantizer)()
    built.load_state_dict(quantizer.state_dict(), assign=True)
    x = torch.randn(3, 4)
    assert torch.equal(built.eval()(x), quantizer.eval()(x))
    assert built(x.to("meta")).is_meta


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64], ids=str)
def test_tensors_that_are_not_real_floats_are_a_type_error(quantizer, dtype):
    with pytest.raises(
        TypeError, match=f"^quantizer: input is {dtype}; give a floating-point tensor"
    ):
        quantizer(torch.ones(3, dtype=dtype))


def test_eval_is_deterministic_and_draws_no_random_numbers(quantizer):
    x, state = torch.randn(1000), torch.get_rng_state()
    quantizer.eval()
    assert torch.equal(quantizer(x), quantizer(x))
    assert torch.equal(state, torch.get_rng_state())


def test_the_input_is_left_alone(quantizer):
    x = torch.randn(100)
    before = x.clone()
    quantizer(x)
    assert torch.equal(x, before)


def test_channels_last_memory_stays(quantizer):
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    assert quantizer(x).is_contiguous(memory_format=torch.channels_last)


def test_deep_copies_and_pickles_act_alike(quantizer):
    x = torch.randn(50)
    quantizer.eval()
    for twin in (copy.deepcopy(quantizer), pickle.loads(pickle.dumps(quantizer))):
        assert torch.equal(twin(x), quantizer(x))
        assert twin.extra_repr() == quantizer.extra_repr()


def test_repr_is_one_line_with_the_class(quantizer):
    assert repr(quantizer).startswith(f"{type(quantizer).__name__}(")
    assert "\n" not in repr(quantizer)


def test_docstring_says_shape_range_and_errors(quantizer):
    text = type(quantizer).__doc__ or ""
    for word in ("Shape:", "Range:", "Raises:", "dy/dx"):
        assert word in text


def test_a_layer_under_bfloat16_autocast_takes_and_gives_what_torch_does(quantizer):
    of_input = "ste_sign" if quantizer.for_weights else quantizer
    of_weight = quantizer if quantizer.distance_and_centre() is None else "ste_sign"
    layer = BinaryLinear(16, 4, input_quantizer=of_input, weight_quantizer=of_weight)
    x = torch.randn(8, 16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    assert y.dtype == torch.bfloat16
    y.float().square().mean().backward()
    for tensor in (x, layer.weight, layer.bias):
        assert tensor is not None
        assert tensor.grad is not None
        assert tensor.grad.dtype == torch.float32
        assert tensor.grad.isfinite().all()


def test_function_transforms_agree_with_autograd(quantizer):
    quantizer.eval()
    x = torch.randn(6, 5)
    rows = torch.func.vmap(quantizer)(x)
    slopes = torch.func.vmap(torch.func.grad(lambda row: quantizer(row).sum()))(x)
    x.requires_grad_()
    # Row by row, since some take a mean over all rows. Its sum may run in another order.
    apart = torch.stack([quantizer(row) for row in x])
    (expected,) = torch.autograd.grad(apart.sum(), x)
    tolerance = 1e-6 if quantizer.for_weights else 0
    torch.testing.assert_close(rows, apart, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(slopes, expected, rtol=tolerance, atol=tolerance)


def test_per_sample_gradients_draw_anew_for_each_sample():
    quantizer = create("stochastic_sign")
    assert quantizer is not None
    rows = torch.func.vmap(quantizer, randomness="different")(torch.zeros(2, 64))
    assert not torch.equal(rows[0], rows[1])
