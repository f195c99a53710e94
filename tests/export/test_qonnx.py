import importlib.util
import shutil
import subprocess
import sys
from functools import cache

import numpy as np
import onnx
import pytest
from conftest import missing  # pyright: ignore[reportAttributeAccessIssue]
from helpers import signatures
from helpers.networks import NAMES, packed
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from onnx import numpy_helper

from signbit.errors import ExportError, UsageError
from signbit.export import ExportRequest, export, make_request
from signbit.format import Output, PackedModel, Signature
from signbit.format.bits import unpack_bits
from signbit.passes.upward import upward
from signbit.runtime import reference

NETWORKS = [name for name in (*NAMES, *SMALL) if name != "wide_sums"]
DOMAIN = "qonnx.custom_op.general"


@cache
def request_for(name: str) -> ExportRequest:
    return make_request(packed(name) if name in NAMES else small(name), name)


@pytest.fixture(scope="session")
def python() -> str:
    """A Python that has the package qonnx."""
    if importlib.util.find_spec("qonnx") is None:
        missing("needs the package qonnx: pip install qonnx")
    return sys.executable


def check(python, folder) -> subprocess.CompletedProcess:
    command = [python, folder / "check.py"]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_bit_and_sum_is_equal_as_qonnx_executes_it(python, tmp_path, name):
    export(request_for(name), "qonnx", tmp_path / "out")
    done = check(python, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "equal"
    assert len(lines) == len(request_for(name).model.nodes) + 2


def test_check_finds_one_wrong_bit(python, tmp_path):
    export(request_for("digits"), "qonnx", tmp_path / "out")
    for layer in (0, -1):
        folder = tmp_path / f"weight {layer}"
        shutil.copytree(tmp_path / "out", folder)
        model = onnx.load(folder / "digits.onnx")
        tensor = [one for one in model.graph.initializer if one.name.endswith("weight")][layer]
        weight = numpy_helper.to_array(tensor).copy()
        weight.flat[5] *= -1
        tensor.CopyFrom(numpy_helper.from_array(weight, tensor.name))
        onnx.save(model, folder / "digits.onnx")
        assert check(python, folder).stdout.splitlines()[-1] == "NOT equal"
    for key in ("n02", "scores"):
        golden = dict(np.load(tmp_path / "out" / "digits_golden.npz"))
        golden[key].flat[7] *= -1
        folder = tmp_path / key
        shutil.copytree(tmp_path / "out", folder)
        np.savez(folder / "digits_golden.npz", allow_pickle=False, **golden)
        assert check(python, folder).returncode == 1


@pytest.fixture
def graph(tmp_path):
    export(request_for("digits"), "qonnx", tmp_path / "out")
    return onnx.load(tmp_path / "out" / "digits.onnx").graph


def test_weights_and_activations_go_through_bipolar_quant(graph):
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    signs = {
        tensor for node in graph.node if node.op_type == "BipolarQuant" for tensor in node.output
    }
    for node in graph.node:
        if node.op_type in ("Conv", "MatMul"):
            assert makers[node.input[1]].op_type == "BipolarQuant"
            assert set(np.unique(values[makers[node.input[1]].input[0]])) == {-1, 1}
        if node.op_type == "BipolarQuant":
            assert node.domain == DOMAIN
            assert values[node.input[1]] == 1
    assert {"n02", "n04", "n07"} <= signs


def test_only_operators_that_flows_to_hardware_know(graph):
    known = {"Add", "BipolarQuant", "Conv", "Flatten", "LogSoftmax", "MatMul", "MaxPool", "Mul"}
    assert {node.op_type for node in graph.node} == known


def test_input_is_annotated_as_uint8(graph):
    (annotation,) = graph.quantization_annotation
    (entry,) = annotation.quant_parameter_tensor_names
    assert (annotation.tensor_name, entry.key, entry.value) == ("pixels", "finn_datatype", "UINT8")


def test_thresholds_add_whole_numbers_and_nothing_is_multiplied_by_minus_one(graph):
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    biases = [values[name] for name in values if name.endswith("bias")]
    signs = [name for name in values if name.endswith("sign")]
    assert len(biases) >= 3
    for bias in biases[:3]:
        np.testing.assert_array_equal(bias, np.round(bias))
    assert not signs


@pytest.mark.parametrize("name", NAMES)
def test_thresholds_turned_upwards_give_the_same_bits(name):
    model = packed(name)
    turned = upward(model)
    pixels = request_for(name).golden.inputs["pixels"]
    for node, before, after in zip(
        turned.nodes,
        reference.run(model, pixels)[1:],
        reference.run(turned, pixels)[1:],
        strict=True,
    ):
        if not node.op.startswith("conv"):
            np.testing.assert_array_equal(before, after)
    below = [
        unpack_bits(node.tensors["below"], 1).any()
        for node in turned.nodes
        if node.op == "threshold" and name in ("digits", "mlp", "vgg", "vgg_cut", "paddings")
    ]
    assert not any(below)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("digits", [1, 1, 8, 8]), ("pixels_1x1", [1, 5]), ("vgg_cut", [1, 3, 12, 10])],
)
def test_input_has_the_shape_that_the_page_states(tmp_path, name, shape):
    """(1, channels, height, width), or (1, channels) where the image is 1x1."""
    export(request_for(name), "qonnx", tmp_path / "out")
    (pixels,) = onnx.load(tmp_path / "out" / f"{name}.onnx").graph.input
    assert [side.dim_value for side in pixels.type.tensor_type.shape.dim] == shape


def test_logits_leave_the_softmax_out(tmp_path):
    export(request_for("digits"), "qonnx", tmp_path / "out", options={"logits": True})
    graph = onnx.load(tmp_path / "out" / "digits.onnx").graph
    assert graph.node[-1].op_type == "Add"
    golden = np.load(tmp_path / "out" / "digits_golden.npz")
    expected = request_for("digits").golden.values[-2].reshape(-1, 10)
    np.testing.assert_array_equal(golden["scores"], expected)


def test_sums_beyond_float32_are_refused_by_name(tmp_path):
    with pytest.raises(ExportError, match=r"qonnx cannot express node 1 \(conv_u8.*sums can reach"):
        export(request_for("wide_sums"), "qonnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_inputs_are_annotated_with_what_they_hold(tmp_path):
    export(make_request(signatures.network("ends"), "ends"), "qonnx", tmp_path / "out")
    graph = onnx.load(tmp_path / "out" / "ends.onnx").graph
    annotated = {
        one.tensor_name: one.quant_parameter_tensor_names[0].value
        for one in graph.quantization_annotation
    }
    assert annotated == {"image": "UINT8", "flags": "BIPOLAR"}
    shapes = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "image": [1, 1, 2, 2],
        "wave": [1, 2, 1, 3],
        "flags": [1, 5],
        "answer": [1, 3],
        "tags": [1, 2, 1, 3],
        "sums": [1, 2],
        "bright": [1, 1, 2, 2],
    }


def test_logits_leave_every_softmax_out_that_makes_an_output(tmp_path):
    request = make_request(signatures.network("class_map"), "net")
    export(request, "qonnx", tmp_path / "out", options={"logits": True})
    graph = onnx.load(tmp_path / "out" / "net.onnx").graph
    assert "LogSoftmax" not in {node.op_type for node in graph.node}
    golden = np.load(tmp_path / "out" / "net_golden.npz")
    wanted = request.golden.values[4].transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(golden["ground"], wanted)


def test_logits_are_refused_where_they_are_an_output_already(tmp_path):
    model = signatures.network("class_map")
    outputs = [*model.outputs, Output("logits", "numbers", 4, 3)]
    request = make_request(PackedModel(model.nodes, Signature(model.inputs, outputs)), "net")
    with pytest.raises(
        UsageError, match=r"logits: without softmax, two outputs .* leave logits out"
    ):
        export(request, "qonnx", tmp_path / "out", options={"logits": True})
    assert not list(tmp_path.iterdir())
