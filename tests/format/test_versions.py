"""A file says the lowest version that has its operations; no reader of that one misreads it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.files import ends, framed, parts, resealed, small, version_2, wide
from helpers.nodes import model_of

from signbit.errors import ModelFormatError
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.file import _ends_to_json, to_bytes
from signbit.format.ops import operations


def says(version: int, model: PackedModel) -> bytes:
    """A file of the model that says another version, with that version's inputs and outputs."""
    header, graph, data = parts(to_bytes(model))
    for field in ("preprocessing", "inputs", "outputs"):
        graph.pop(field, None)
    graph |= {"version": version, **_ends_to_json(model, version)}
    header["__metadata__"]["signbit"] = json.dumps(graph)
    return resealed(framed(header, data))


def test_a_file_is_written_in_the_lowest_version_that_has_its_operations():
    assert [parts(to_bytes(one()))[1]["version"] for one in (small, wide, version_2, ends)] == [
        *(1, 1, 2, 2)
    ]
    new = {name for name in operations.names() if operations.get(name).since == 2}
    assert new == {"move", "unary", "binary", "reduce"}


def test_a_threshold_of_pixels_is_of_version_2():
    zero = {"threshold": np.zeros(1, np.int32), "below": np.zeros(1, np.uint64)}
    model = model_of([Node("threshold", (0,), {}, zero), Node("signs", (1,))], (1, 1))
    assert parts(to_bytes(model))[1]["version"] == 2
    with pytest.raises(ModelFormatError, match=r"node 1 \(threshold\): needs version 2 of the"):
        PackedModel.load(says(1, model))


def test_a_file_of_version_1_with_a_later_operation_is_refused():
    match = r"node 1 \(move\): needs version 2 of the format; the file says 1"
    with pytest.raises(ModelFormatError, match=match):
        PackedModel.load(says(1, version_2()))


def test_operations_of_version_1_are_read_in_version_2():
    assert to_bytes(PackedModel.load(says(2, wide()))) == to_bytes(wide())


def test_the_short_form_is_written_in_version_1_and_read_as_inputs_and_outputs():
    model = small()
    assert model.inputs == (Input.pixels("pixels", (3, 3, 1), [1 / 128], [-1.0]),)
    assert model.outputs == (Output("scores", "classes", 5, 1, ("no", "yes")),)
    assert PackedModel.load(to_bytes(model)).signature == model.signature


@pytest.mark.parametrize(
    "changed",
    [
        lambda one: Signature([replace(one.inputs[0], name="image")], one.outputs),
        lambda one: Signature(one.inputs, [replace(one.outputs[0], name="logits")]),
        lambda one: Signature(one.inputs, [replace(one.outputs[0], kind="labels")]),
        lambda one: Signature(one.inputs, [replace(one.outputs[0], node=4)]),
        lambda one: Signature(one.inputs, [replace(one.outputs[0], rank=2)]),
    ],
)
def test_any_other_input_or_output_needs_version_2(changed):
    model = replace(small(), signature=changed(small().signature))
    assert parts(to_bytes(model))[1]["version"] == 2
    assert PackedModel.load(to_bytes(model)).signature == model.signature


def test_a_crop_needs_version_2():
    """So a reader that knows no crop refuses the file; it would see other pixels."""
    pixels = replace(small().preprocessing, crop=0.875)
    model = PackedModel(small().nodes, pixels)
    graph = parts(to_bytes(model))[1]
    assert (graph["version"], graph["inputs"][0]["crop"]) == (2, 0.875)
    assert PackedModel.load(to_bytes(model)).preprocessing == pixels
    with pytest.raises(ModelFormatError, match="field 'crop' needs version 2 of the format"):
        PackedModel.load(says(1, model))


def test_fields_of_the_other_version_are_refused():
    header, graph, data = parts(to_bytes(ends()))
    header["__metadata__"]["signbit"] = json.dumps(graph | {"version": 1})
    with pytest.raises(ModelFormatError, match="unknown field 'inputs'"):
        PackedModel.load(resealed(framed(header, data)))
