"""What every registered quantizer owes its callers; a new one is tested by being registered."""

import copy

import pytest
import torch

from signbit.layers import BinaryLinear
from signbit.quantizers import AbstractQuantizer, create, quantizers

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
BINARY = [name for name in quantizers.names() if create(name).binary]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 1e-45, 6e4, float("inf"), -float("inf"), float("nan")]


@pytest.fixture(params=quantizers.names())
def quantizer(request) -> AbstractQuantizer:
    return create(request.param)


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
    y = create(name)(torch.cat([torch.tensor(SPECIAL), torch.randn(1000)]).to(dtype))
    assert y.abs().eq(1).all()
    assert set(y.tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_gradient_is_finite_even_where_the_input_is_not(quantizer, dtype):
    x = torch.cat([torch.tensor(SPECIAL), 3 * torch.randn(1000)]).to(dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(quantizer(x), x, torch.ones_like(x))
    assert gradient.isfinite().all()
    assert gradient.count_nonzero() > 0


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64], ids=str)
def test_tensors_that_are_not_real_floats_are_a_type_error(quantizer, dtype):
    with pytest.raises(TypeError, match=f"floating-point tensors, not {dtype}"):
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
    assert torch.equal(copy.deepcopy(quantizer)(x), quantizer(x))
    assert copy.deepcopy(quantizer).extra_repr() == quantizer.extra_repr()


def test_repr_is_one_line_with_the_class(quantizer):
    assert repr(quantizer).startswith(f"{type(quantizer).__name__}(")
    assert "\n" not in repr(quantizer)


def test_docstring_says_shape_range_and_errors(quantizer):
    text = type(quantizer).__doc__ or ""
    for word in ("Shape:", "Range:", "Raises:", "dy/dx"):
        assert word in text


def test_adds_no_key_to_a_state_dict(quantizer):
    assert not quantizer.state_dict()


def test_a_layer_under_bfloat16_autocast_takes_and_gives_what_torch_does(quantizer):
    layer = BinaryLinear(16, 4, input_quantizer=quantizer, weight_quantizer=quantizer)
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
    assert torch.equal(rows, quantizer(x))
    x.requires_grad_()
    (expected,) = torch.autograd.grad(quantizer(x).sum(), x)
    assert torch.equal(slopes, expected)


def test_per_sample_gradients_draw_anew_for_each_sample():
    quantizer = create("stochastic_sign")
    assert quantizer is not None
    rows = torch.func.vmap(quantizer, randomness="different")(torch.zeros(2, 64))
    assert not torch.equal(rows[0], rows[1])
