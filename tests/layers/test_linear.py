"""The binary linear layer: exact sums, torch's shapes, errors that name what is wrong."""

import numpy as np
import pytest
import torch

from signbit.errors import InputTypeError, UsageError
from signbit.layers import BinaryLinear


@pytest.mark.parametrize("features", [1, 2, 7, 63, 64, 65, 127, 128, 129, 8192])
def test_sums_equal_whole_number_dot_products(features):
    torch.manual_seed(features)
    layer = BinaryLinear(features, 5)
    x = torch.randn(3, features)
    bits = np.where(x.numpy() > 0, 1, -1)
    weight = np.where(layer.weight.detach().numpy() > 0, 1, -1)
    assert layer.bias is not None
    expected = (bits @ weight.T).astype(np.float32) + layer.bias.detach().numpy()
    assert (layer(x).detach().numpy() == expected).all()


def test_zero_inputs_and_zero_weights_count_as_minus_one():
    layer = BinaryLinear(4, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    assert layer(torch.zeros(1, 4)).item() == 4
    assert layer(torch.ones(1, 4)).item() == -4


@pytest.mark.parametrize("shape", [(6,), (0, 6), (2, 6), (2, 3, 4, 6)], ids=str)
def test_leading_axes_stay(shape):
    assert BinaryLinear(6, 2)(torch.randn(shape)).shape == (*shape[:-1], 2)


def test_the_bias_is_added_to_the_whole_sum_in_one_rounding():
    layer = BinaryLinear(3, 1)
    torch.nn.init.ones_(layer.weight)
    assert layer.bias is not None
    torch.nn.init.constant_(layer.bias, 2.0**-24)
    # 3 + 2^-24 rounds back to 3; added to a partial sum of 0 or 1 it would have stayed.
    assert layer(torch.ones(1, 3)).item() == 3.0


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (torch.ones(2, 6, dtype=torch.int64), InputTypeError, "input is torch.int64; give a float"),
        (torch.ones(2, 6, dtype=torch.bool), InputTypeError, "input is torch.bool"),
        (
            torch.ones(2, 5),
            UsageError,
            "input of shape 2x5 has 5 channels on axis -1; .* accepts 6",
        ),
        (torch.tensor(1.0), UsageError, r"input has rank 0 \(shape scalar\); give rank 1 or more"),
    ],
    ids=["int", "bool", "features", "scalar"],
)
def test_a_wrong_input_is_named(x, error, message):
    with pytest.raises(error, match=f"^BinaryLinear: {message}"):
        BinaryLinear(6, 2)(x)


def test_extra_repr_tells_the_quantizers():
    layer = BinaryLinear(6, 2, input_quantizer=None, weight_quantizer="approx_sign")
    assert repr(layer) == (
        "BinaryLinear(in_features=6, out_features=2, bias=True, "
        "input_quantizer=None, weight_quantizer=ApproxSign())"
    )
