"""What holds for every rewrite of a packed network."""

from functools import partial

import numpy as np
import pytest
from helpers.files import moves, version_2
from helpers.networks import NAMES, packed
from helpers.nodes import (
    first_bits,
    images_for,
    move,
    random_thresholds,
    random_weight,
    viewed,
    window,
)

from signbit.format import Node, PackedModel
from signbit.format.bits import pack_bits
from signbit.passes import passes
from signbit.runtime import reference


def flipped() -> PackedModel:
    """A flip that a convolution could take but for a move, one that it takes, and sums moved."""
    rng = np.random.default_rng(1)
    mask = {"mask": pack_bits(rng.random(6) < 0.5)}
    conv = window((2, 2), padding=(0,) * 4) | {"channels": 6, "groups": 1, "padding_value": 0}
    weights = [random_weight(rng, 6, (2, 2), 6) for _ in range(2)]
    nodes = [
        *first_bits(rng, 6),
        Node("flip", (2,), {}, mask),
        Node("conv_bits", (3,), conv, weights[0]),
        move(3, [0, 24, -1], [18, 6, 0], [5, 4, 3, 2, 1, 0], -1),
        Node("flip", (5,), {}, mask),
        Node("conv_bits", (6,), conv, weights[1]),
        move(7, [0, 12], [6, 0], [1, 0, 3, 2, 5, 4]),
        Node("threshold", (8,), {}, random_thresholds(rng, 6, 5)),
        Node("threshold", (4,), {}, random_thresholds(rng, 6, 5)),
        Node("flatten", (9,)),
        Node("flatten", (10,)),
        Node("concat", (11, 12)),
    ]
    return viewed(nodes, (3, 4))


NETWORKS = {name: partial(packed, name) for name in NAMES}
NETWORKS |= {make.__name__: make for make in (flipped, moves, version_2)}


@pytest.mark.parametrize("name", passes.names())
@pytest.mark.parametrize("network", NETWORKS)
def test_a_pass_keeps_every_score(name, network):
    model = NETWORKS[network]()
    before = PackedModel(model.nodes, model.preprocessing, model.info)
    images = images_for(np.random.default_rng(7), model, 3)
    rewritten = passes.get(name)(model)
    assert rewritten.preprocessing == model.preprocessing
    np.testing.assert_array_equal(
        reference.scores(rewritten, images), reference.scores(model, images)
    )
    # What it is given stays as it is.
    for node, same in zip(model.nodes, before.nodes, strict=True):
        assert node is same


def test_a_flip_that_a_move_reads_stays():
    model = passes.get("absorb_flips")(flipped())
    assert [node.op for node in model.nodes].count("flip") == 1
    assert model.nodes[2].op == "flip"


@pytest.mark.parametrize("name", passes.names())
def test_a_pass_does_nothing_the_second_time(name):
    rewrite = passes.get(name)
    once = rewrite(packed("vgg"))
    twice = rewrite(once)
    assert [node.op for node in twice.nodes] == [node.op for node in once.nodes]
    for first, second in zip(once.nodes, twice.nodes, strict=True):
        for key, value in first.tensors.items():
            np.testing.assert_array_equal(second.tensors[key], value)
