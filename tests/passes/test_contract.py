"""What holds for every rewrite of a packed network."""

import numpy as np
import pytest
from helpers.networks import NAMES, packed
from helpers.nodes import images_for

from signbit.format import PackedModel
from signbit.passes import passes
from signbit.runtime import reference


@pytest.mark.parametrize("name", passes.names())
@pytest.mark.parametrize("network", NAMES)
def test_a_pass_keeps_every_score(name, network):
    model = packed(network)
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


@pytest.mark.parametrize("name", passes.names())
def test_a_pass_does_nothing_the_second_time(name):
    rewrite = passes.get(name)
    once = rewrite(packed("vgg"))
    twice = rewrite(once)
    assert [node.op for node in twice.nodes] == [node.op for node in once.nodes]
    for first, second in zip(once.nodes, twice.nodes, strict=True):
        for key, value in first.tensors.items():
            np.testing.assert_array_equal(second.tensors[key], value)
