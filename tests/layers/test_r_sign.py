"""A sign with a learned shift."""

import pytest
import torch

from signbit.errors import InputTypeError, UsageError
from signbit.layers import BinaryConv2d, RSign


def shifted(*alpha: float, quantizer: str = "ste_sign") -> RSign:
    sign = RSign(len(alpha), quantizer)
    sign.alpha.data = torch.tensor(alpha)
    return sign


def test_it_starts_as_the_sign_itself():
    x = torch.tensor([[-1.0, -0.0, 0.0, 1.0]])
    assert RSign(4)(x).tolist() == [[-1, -1, -1, 1]]


def test_a_number_on_the_shift_gives_minus_one():
    x = torch.tensor([[0.5, 0.5, 0.5], [-0.5, -0.5, -0.5]])
    assert shifted(0.5, 0.25, -1.0)(x).tolist() == [[-1, 1, 1], [-1, -1, 1]]


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_shifts_belong_to_axis_1_at_any_rank(rank):
    x = torch.zeros(2, 3, *[2] * (rank - 2))
    y = shifted(-1.0, 0.0, 1.0)(x)
    assert y.shape == x.shape
    assert [bool((y[:, c] == value).all()) for c, value in enumerate((1, -1, -1))] == [True] * 3


def test_the_gradient_of_the_shift_is_that_of_the_input_negated():
    sign = shifted(0.25, 3.0)
    x = torch.tensor([[0.5, 0.5], [0.0, 0.0]], requires_grad=True)
    sign(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1, 0], [1, 0]]  # clipped where |x - alpha| > 1
    assert sign.alpha.grad is not None
    assert sign.alpha.grad.tolist() == [-2, 0]


def test_the_quantizer_says_whether_it_is_binary():
    layer = BinaryConv2d(2, 2, 1, input_quantizer=RSign(2, "approx_sign"))
    assert layer.has_binary_input
    assert "RSign(2, ApproxSign())" in repr(layer)
    assert not BinaryConv2d(2, 2, 1, input_quantizer=RSign(2, "identity")).has_binary_input
    assert not RSign(2, None).binary


@pytest.mark.parametrize("shape", [(4,), (2, 3), (1, 3, 4, 4)])
def test_another_number_of_channels_is_named(shape):
    with pytest.raises(UsageError, match=r"^RSign: input of shape .*; give 4 channels on axis 1"):
        RSign(4)(torch.zeros(shape))


def test_integers_are_refused():
    with pytest.raises(InputTypeError, match="int64"):
        RSign(2)(torch.zeros(1, 2, dtype=torch.int64))


def test_a_quantizer_for_weights_is_refused():
    with pytest.raises(
        UsageError, match=r"^RSign: quantizer is XnorSign.*, which is only for weights; give"
    ):
        RSign(3, "xnor_sign")
