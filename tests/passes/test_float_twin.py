"""The network of real numbers with the shapes of a packed one."""

import numpy as np
import pytest
from helpers import files, signatures
from helpers.networks import NAMES, packed

from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.types import F32
from signbit.passes.float_twin import float_twin
from signbit.runtime import reference
from signbit.runtime.samples import random_inputs


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


@pytest.mark.parametrize("name", signatures.NAMES)
def test_every_output_has_its_shape_and_real_numbers(name):
    model = signatures.network(name)
    twin, given = float_twin(model), random_inputs(model, 2)
    assert twin.inputs == model.inputs
    found, wanted = reference.outputs(twin, given), reference.outputs(model, given)
    assert {key: array.shape for key, array in found.items()} == {
        key: array.shape for key, array in wanted.items()
    }
    assert {array.dtype.name for array in found.values()} == {"float32"}


def test_an_output_of_what_vanishes_keeps_a_node_of_its_own():
    nodes = [Node("flip", (0,), {}, {"mask": np.array([1], np.uint64)}), Node("signs", (1,))]
    outputs = [Output("turned", "numbers", 1), Output("numbers", "numbers", 2)]
    model = PackedModel(nodes, Signature([Input.bits("flags", (3,))], outputs))
    given = {"flags": np.array([[True, False, True]])}
    found = reference.outputs(float_twin(model), given)
    for array in found.values():
        np.testing.assert_array_equal(array, [[1, -1, 1]])
