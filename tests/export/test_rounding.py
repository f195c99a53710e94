"""Bounds of what rounding does, against sums in other orders."""

import numpy as np
import pytest
from helpers.networks import NAMES, packed
from helpers.nodes import images_for
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from helpers.random_networks import random_network

from signbit.export._rounding import open_bits, rounding_bounds
from signbit.runtime import reference


def shuffled_sums(rng):
    """A convolution that adds its terms one after the other, in a random order."""
    correlate = reference._correlate

    def sums(node, x, weight):
        if x.dtype != np.float32 or node.attributes["groups"] > 1:
            return correlate(node, x, weight)
        taps = np.concatenate([tap for _, _, tap in reference._taps(x, node)], axis=-1)
        rows = weight.reshape(len(weight), -1)
        total = np.zeros((*taps.shape[:-1], len(weight)), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for term in rng.permutation(taps.shape[-1]):
                total += taps[..., term, None] * rows[:, term]
        return total

    return sums


@pytest.mark.parametrize("name", [*NAMES, *SMALL, *range(6)])
def test_values_of_another_order_lie_within_the_bounds(name, monkeypatch):
    if isinstance(name, int):
        model = random_network(np.random.default_rng(name))
    else:
        model = packed(name) if name in NAMES else small(name)
    rng = np.random.default_rng(7)
    pixels = images_for(rng, model, 2)
    golden = reference.run(model, pixels)
    bounds = rounding_bounds(model, golden)
    monkeypatch.setattr(reference, "_correlate", shuffled_sums(rng))
    with np.errstate(all="ignore"):
        other = reference.run(model, pixels)
    for number, (one, two, bound) in enumerate(zip(golden, other, bounds, strict=True)):
        if bound is None:
            node = None if model.is_input(number) else model.node(number)
            if node and node.op == "threshold" and bounds[node.inputs[0]] is not None:
                source = node.inputs[0]
                opened = open_bits(node, golden[source], bounds[source])
                assert opened is not None
                assert not ((one != two) & ~opened).any(), node.op
                if (one != two).any():
                    return  # what comes after it is another image's
            np.testing.assert_array_equal(one, two)
            continue
        assert bound.shape == one.shape
        assert not np.isnan(bound).any()
        with np.errstate(all="ignore"):
            apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
        same = (one == two) | (np.isnan(one) & np.isnan(two))
        assert (same | (apart <= bound)).all(), model.node(number).op


def test_integers_have_no_bound_and_a_softmax_a_small_one():
    model = packed("digits")
    golden = reference.run(model, images_for(np.random.default_rng(0), model, 3))
    *exact, last = rounding_bounds(model, golden)
    assert exact == [None] * len(model.nodes)
    assert last is not None
    assert 0 < last.max() < 1e-5 * np.abs(golden[-1]).max()
