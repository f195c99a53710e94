"""The network of real numbers with the shapes of a packed one."""

import numpy as np
import pytest
from helpers import files
from helpers.networks import NAMES, packed

from signbit.format.types import F32
from signbit.passes.float_twin import float_twin
from signbit.runtime import reference


@pytest.mark.parametrize("name", [*NAMES, "version_2", "moves"])
def test_every_layer_has_its_shape_and_real_numbers(name):
    model = packed(name) if name in NAMES else getattr(files, name)()
    twin = float_twin(model)
    assert {one.kind for one in twin.types[1:]} == {F32}
    shapes = [
        [
            (one[1:], node.attributes.get("kernel"))
            for one, node in zip(network.types[1:], network.nodes, strict=True)
            if "kernel" in node.attributes
        ]
        for network in (model, twin)
    ]
    assert shapes[0] == shapes[1]
    assert sum(node.op == "clamp" for node in twin.nodes) >= sum(
        node.op == "threshold" for node in model.nodes
    )
    assert [one.tensors["rows"].tolist() for one in twin.nodes if one.op == "move"] == [
        one.tensors["rows"].tolist() for one in model.nodes if one.op == "move"
    ]
    pixels = np.zeros((1, *model.preprocessing.size, model.preprocessing.channels), np.uint8)
    assert reference.scores(twin, pixels).shape == (1, model.types[-1].channels)
