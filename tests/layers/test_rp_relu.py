"""A PReLU between two learned shifts."""

import pytest
import torch
from torch import nn

from signbit.errors import UsageError
from signbit.layers import RPReLU


def moved() -> RPReLU:
    relu = RPReLU(2)
    relu.gamma.data = torch.tensor([1.0, 0.0])
    relu.slope.data = torch.tensor([0.5, -2.0])
    relu.zeta.data = torch.tensor([10.0, -10.0])
    return relu


def test_it_starts_as_torchs_prelu():
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(RPReLU(3)(x), nn.PReLU(3)(x))


def test_values():
    x = torch.tensor([[3.0, 3.0], [1.0, 0.0], [-1.0, -1.0]])
    assert moved()(x).tolist() == [[12, -7], [10, -10], [9, -8]]


def test_gradients_of_the_parameters():
    relu = moved()
    relu(torch.tensor([[3.0, 3.0], [-1.0, -1.0]])).sum().backward()
    grads = {name: value.grad.tolist() for name, value in relu.named_parameters()}  # pyright: ignore
    assert grads == {"gamma": [-1.5, 1.0], "slope": [-2.0, -1.0], "zeta": [2.0, 2.0]}


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_any_rank(rank):
    x = torch.zeros(2, 2, *[3] * (rank - 2))
    y = moved()(x)
    assert y.shape == x.shape
    assert (y[:, 0] == 9.5).all()
    assert (y[:, 1] == -10).all()


def test_another_number_of_channels_is_named():
    with pytest.raises(UsageError, match=r"^RPReLU: input of shape 1x3x2x2; give 2 channels"):
        moved()(torch.zeros(1, 3, 2, 2))
