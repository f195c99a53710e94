"""Logits divided by a temperature, wherever they come from."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.files import ends, small
from helpers.nodes import move

from signbit.errors import UsageError
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.file import to_bytes
from signbit.passes.temperature import logits_node, output_of_classes, with_temperature
from signbit.runtime import reference
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs

AFFINE = Node(
    "affine",
    (0,),
    {},
    {"scale": np.array([1, -2, 0.5], np.float32), "bias": np.array([0, 3, 1], np.float32)},
)


def network(*nodes: Node, outputs=None, shape=(3,)) -> PackedModel:
    last = Output("scores", "classes", len(nodes), len(shape))
    return PackedModel(nodes, Signature([Input.numbers("x", shape)], outputs or [last]))


def twice(source: int) -> Node:
    return Node("binary", (source, source), {"function": "add"})


SHARED = [Output("scores", "classes", 2), Output("raw", "numbers", 1)]
READ = [Output("scores", "classes", 2), Output("double", "numbers", 3)]
NETWORKS = {
    "affine": (network(AFFINE), ["affine"]),
    "softmax": (network(AFFINE, Node("softmax", (1,))), ["affine", "softmax"]),
    "log_softmax": (network(AFFINE, Node("log_softmax", (1,))), ["affine", "log_softmax"]),
    "no affine": (network(twice(0)), ["binary", "affine"]),
    "softmax of no affine": (
        network(twice(0), Node("softmax", (1,))),
        ["binary", "affine", "softmax"],
    ),
    "affine that is an output": (
        network(AFFINE, Node("log_softmax", (1,)), outputs=SHARED),
        ["affine", "affine", "log_softmax"],
    ),
    "affine that is read": (network(AFFINE, Node("add", (1, 1))), ["affine", "add", "affine"]),
    "softmax that is read": (
        network(AFFINE, Node("softmax", (1,)), twice(2), outputs=READ),
        ["affine", "softmax", "binary", "affine", "softmax"],
    ),
    "a map": (
        network(AFFINE, Node("log_softmax", (1,)), shape=(4, 5, 3)),
        ["affine", "log_softmax"],
    ),
    "version 1": (small(), ["conv_u8", "threshold", "conv_bits", "affine", "clamp", "affine"]),
    "version 2": (ends(), [node.op for node in ends().nodes]),
    "input": (network(Node("softmax", (0,))), ["affine", "softmax"]),
}


def softmax(x, temperature=1.0):
    powers = np.exp(x.astype(np.float64) / temperature)
    return powers / powers.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.3, 1, 2.5])
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_divided_and_other_outputs_stay(name, temperature):
    model, ops = NETWORKS[name]
    output = output_of_classes(model)
    result = with_temperature(model, output, temperature)
    assert [node.op for node in result.nodes] == ops
    given = random_inputs(model, 20)
    before, after = reference.run(model, given), reference.outputs(result, given)
    logits = before[logits_node(model, output)]
    wanted, op = logits / temperature, model.node(output.node).op
    if op in ("softmax", "log_softmax"):
        wanted = softmax(logits, temperature)
        wanted = np.log(wanted) if op == "log_softmax" else wanted
    found = after.pop(output.name)
    np.testing.assert_allclose(found, wanted.reshape(found.shape), rtol=2e-6, atol=2e-6)
    np.testing.assert_array_equal(
        found.argmax(-1), before[output.node].reshape(found.shape).argmax(-1)
    )
    for other in after:
        np.testing.assert_array_equal(after[other], reference.outputs(model, given)[other])
    engine = Engine(PackedModel.load(to_bytes(result))).run(given)
    np.testing.assert_allclose(engine[output.name], found, rtol=1e-5, atol=1e-6)


def test_version_1_stays_version_1():
    result = with_temperature(small(), small().outputs[0], 2.0)
    assert result.preprocessing == small().preprocessing
    assert b'\\"version\\": 1' in to_bytes(result)


def test_modules_keep_their_nodes():
    rows = [{"module": "fc", "nodes": [1]}, {"module": "end", "nodes": [2]}, {"module": "x"}, 7]
    model = replace(
        network(twice(0), Node("softmax", (1,))), info={"modules": rows, "notes": ["a"]}
    )
    result = with_temperature(model, model.outputs[0], 2.0)
    assert result.info == {
        "modules": [{"module": "fc", "nodes": [1]}, {"module": "end", "nodes": [3]}, *rows[2:]],
        "notes": ["a"],
    }
    strange = replace(model, info={"modules": "x"})
    assert with_temperature(strange, strange.outputs[0], 2.0).info == {"modules": "x"}


def test_probabilities_that_are_moved_are_refused():
    model = network(AFFINE, Node("softmax", (1,)), move(2, [0], [0], [2, 1, 0]))
    with pytest.raises(UsageError, match=r"made from the probabilities of node 2 \(softmax\)"):
        with_temperature(model, model.outputs[0], 2.0)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_temperature_is_a_number_above_0(temperature):
    with pytest.raises(UsageError, match="give a finite number above 0"):
        with_temperature(small(), small().outputs[0], temperature)


def test_the_output_of_classes_is_found_by_name_or_alone():
    outputs = [Output("a", "classes", 1), Output("b", "classes", 2), Output("c", "numbers", 3)]
    several = network(AFFINE, twice(1), twice(2), outputs=outputs)
    assert output_of_classes(several, "b") == outputs[1]
    assert output_of_classes(replace(several, signature=Signature(several.inputs, outputs[1:])))
    with pytest.raises(
        UsageError, match=r"several outputs of classes; name one; it returns a \(cl"
    ):
        output_of_classes(several)
    for name in ("c", "d"):
        with pytest.raises(UsageError, match=f"no output of classes with the name '{name}'"):
            output_of_classes(several, name)
    with pytest.raises(UsageError, match="no output of classes; it returns c"):
        output_of_classes(replace(several, signature=Signature(several.inputs, outputs[2:])))
