import numpy as np
import pytest
from helpers.networks import packed

from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.bits import pack_bits
from signbit.report import BitShares, bit_shares
from signbit.report._bits import makers_of_bits, out_of_reach, repeated_filters
from signbit.runtime import reference
from signbit.runtime.samples import random_inputs

WINDOW = {"stride": (1, 1), "padding": (0, 0, 0, 0), "dilation": (1, 1), "groups": 1}


def sums_with_thresholds(weight: list[list[int]], threshold: list[int], below: list[int]):
    """Bits times a matrix of signs, compared with a threshold for each output channel."""
    bits = pack_bits(np.array(weight)[:, None, None, :] > 0)
    conv = {**WINDOW, "kernel": (1, 1), "channels": len(weight), "padding_value": 0}
    tensors = {
        "threshold": np.array(threshold, np.int32),
        "below": pack_bits(np.array(below, bool)),
    }
    nodes = [Node("conv_bits", (0,), conv, {"weight": bits}), Node("threshold", (1,), {}, tensors)]
    inputs = (Input.bits("x", (len(weight[0]),)),)
    return PackedModel(nodes, Signature(inputs, (Output("y", "numbers", 2),)))


@pytest.mark.parametrize("name", ["digits", "mlp", "shortcut", "real_ends"])
def test_shares_are_those_of_the_reference(name):
    model = packed(name)
    inputs = random_inputs(model, 37)
    values = reference.run(model, inputs)
    found = bit_shares(model, inputs)
    assert [one.node for one in found] == makers_of_bits(model) != []
    for one in found:
        bits = values[one.node]
        np.testing.assert_allclose(one.shares, bits.mean(axis=(0, 1, 2)), rtol=1e-12)
        assert one.bits == bits[..., 0].size


def test_quiet_and_entropy_by_hand():
    shares = BitShares(1, np.array([0.0, 1.0, 0.5, 0.995, 0.01, 0.25]), 200)
    assert shares.quiet(1.0) == 2
    assert shares.quiet(0.99) == 4
    p = np.array([0.5, 0.995, 0.01, 0.25])
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum() / 6
    assert shares.entropy == pytest.approx(entropy)


def test_a_threshold_is_out_of_reach_where_no_input_turns_the_bit():
    # Sums of three signs are -3, -1, 1 and 3. All thresholds from -5 to 5, both ways round.
    threshold = [*range(-5, 6)] * 2
    below = [0] * 11 + [1] * 11
    model = sums_with_thresholds([[1, -1, 1]] * 22, threshold, below)
    every = np.array(np.meshgrid(*[[False, True]] * 3)).reshape(3, -1).T
    bits = reference.run(model, {"x": every})[2].reshape(8, 22)
    constant = (bits == bits[0]).all(axis=0)
    assert 0 < constant.sum() < 22
    assert out_of_reach(model) == {2: int(constant.sum())}


def test_filters_repeat_with_the_same_or_the_opposite_weights():
    rows = [[1, 1, -1], [1, 1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]]
    model = sums_with_thresholds(rows, [0] * 5, [0] * 5)
    assert repeated_filters(model) == {1: 2}
