"""Linear layers that read a map in the place of the flattened one."""

import numpy as np
from helpers.nodes import first_bits, images_for, random_weight, viewed, window

from signbit.format import Node
from signbit.passes.on_the_map import on_the_map
from signbit.runtime import reference


def _linear(rng, source: int, inputs: int, channels: int, op: str = "conv_bits", **more) -> Node:
    attributes = window((1, 1), padding=(0,) * 4) | {"channels": channels, "groups": 1} | more
    return Node(op, (source,), attributes, random_weight(rng, channels, (1, 1), inputs))


def test_bits_pixels_and_a_flatten_that_others_read_too():
    rng = np.random.default_rng(0)
    nodes = [
        *first_bits(rng, 70, 3),
        Node("flatten", (2,)),
        _linear(rng, 3, 4 * 3 * 70, 5, padding_value=1),
        Node("flatten", (0,)),
        _linear(rng, 5, 4 * 3 * 3, 5, "conv_u8", multiplier=2, offset=-9),
        Node("concat", (4, 6)),
    ]
    model = viewed(nodes, (4, 3), 3)
    rewritten = on_the_map(model)
    assert [node.inputs for node in rewritten.nodes[2:6]] == [(2,), (2,), (0,), (0,)]
    assert [node.attributes.get("kernel") for node in rewritten.nodes[3:6]] == [
        (4, 3),
        None,
        (4, 3),
    ]
    assert rewritten.needed() == [1, 2, 4, 6, 7, 8, 9]
    pixels = images_for(rng, model, 3)
    both = (reference.run(one, pixels) for one in (model, rewritten))
    for before, after in zip(*both, strict=True):
        np.testing.assert_array_equal(before, after)


def test_real_sums_stay_as_they_are():
    """Their terms would be added in another order."""
    rng = np.random.default_rng(0)
    nodes = [
        *first_bits(rng, 7),
        Node("signs", (2,)),
        Node("flatten", (3,)),
        _linear(rng, 4, 4 * 3 * 7, 5, "conv_f32_bits", padding_value=0),
    ]
    model = viewed(nodes, (4, 3))
    assert all(a is b for a, b in zip(model.nodes, on_the_map(model).nodes, strict=True))
