import json
import shutil
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers import signatures
from helpers.executed import code_of, spoiled
from helpers.networks import NAMES, packed
from helpers.nodes import images_for
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from onnx import numpy_helper

from signbit.errors import ExportError, MissingDependencyError
from signbit.export import ExportRequest, export, exporters, make_request
from signbit.export.torch import to_module
from signbit.format import Output, PackedModel, Preprocessing, Signature
from signbit.format.types import BITS, F32, I32, U8
from signbit.runtime import reference

NETWORKS = [*NAMES, *SMALL]
# Of the largest magnitude of a value: what rounding after a product and after a sum adds up to,
# where the packed network rounds once.
TOLERANCE = 2e-6


@cache
def request_for(name: str) -> ExportRequest:
    return make_request(packed(name) if name in NAMES else small(name), name)


@pytest.fixture(params=NETWORKS)
def exported(request, tmp_path):
    """A network request over, and the folder of its export."""
    export(request_for(request.param), "onnx", tmp_path / "out")
    return request_for(request.param), tmp_path / "out"


def session(model: onnx.ModelProto, **entries):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    for key, value in entries.items():
        setattr(options, key, value)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model: onnx.ModelProto, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs by name."""
    names = [output.name for output in model.graph.output]
    values: Any = session(model).run(names, {"pixels": pixels})
    return dict(zip(names, values, strict=True))


def assert_real(found: np.ndarray, expected: np.ndarray) -> None:
    finite = np.abs(expected[np.isfinite(expected)])
    allowed = TOLERANCE * finite.max(initial=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)


def test_every_bit_and_sum_equals_the_reference_in_onnx_runtime(exported):
    request, folder = exported
    model = onnx.load(folder / f"{request.name}.onnx")
    model.graph.output.extend(model.graph.value_info)
    found = run(model, request.golden.inputs["pixels"])
    assert len(found) == len(request.model.nodes)
    for number, type_ in enumerate(request.model.types[1:-1], 1):
        value, expected = found[f"n{number:02d}"], request.golden.values[number]
        value = value.reshape(*value.shape, 1, 1) if value.ndim == 2 else value
        value = value.transpose(0, 2, 3, 1)
        if type_.kind == BITS:
            assert set(np.unique(value)) <= {-1, 1}
            np.testing.assert_array_equal(value > 0, expected, f"n{number:02d}")
        elif type_.kind in (I32, U8):
            np.testing.assert_array_equal(value, expected, f"n{number:02d}")
        else:
            assert type_.kind == F32
            assert_real(value, expected)
    assert_real(found["scores"], request.golden.outputs["scores"])


def test_scores_of_the_file_as_it_is(exported):
    request, folder = exported
    found = run(onnx.load(folder / f"{request.name}.onnx"), request.golden.inputs["pixels"])
    assert list(found) == ["scores"]
    assert found["scores"].dtype == np.float32
    assert_real(found["scores"], request.golden.outputs["scores"])
    np.testing.assert_array_equal(
        found["scores"].argmax(1), request.golden.outputs["scores"].argmax(1)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 7])
def test_any_number_of_images_against_torch(tmp_path, name, count):
    import torch

    export(request_for(name), "onnx", tmp_path / "out")
    model = packed(name)
    pixels = images_for(np.random.default_rng(count), model, count)
    found = run(onnx.load(tmp_path / "out" / f"{name}.onnx"), pixels)["scores"]
    assert_real(found, reference.scores(model, pixels))
    with torch.inference_mode():
        assert_real(found, to_module(model)(torch.from_numpy(pixels)).numpy())


def test_graph_is_of_standard_operators_that_onnx_accepts(exported):
    request, folder = exported
    model = onnx.load(folder / f"{request.name}.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 13)]
    assert {node.domain for node in model.graph.node} == {""}
    assert [value.name for value in model.graph.input] == ["pixels"]
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert len({node.name for node in model.graph.node}) == len(model.graph.node)


def weights(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name.endswith("weight")
    }


@pytest.mark.parametrize("int8", [False, True])
def test_weights_are_minus_and_plus_one(tmp_path, int8):
    manifest = export(request_for("vgg"), "onnx", tmp_path / "out", options={"int8_weights": int8})
    assert manifest["files"] == ["check.py", "vgg.onnx", "vgg_golden.npz"]
    model = onnx.load(tmp_path / "out" / "vgg.onnx")
    found = weights(model)
    assert len(found) == 7
    for weight in found.values():
        assert weight.dtype == (np.int8 if int8 else np.float32)
        assert set(np.unique(weight)) == {-1, 1}
    assert_real(
        run(model, request_for("vgg").golden.inputs["pixels"])["scores"],
        request_for("vgg").golden.outputs["scores"],
    )


def test_int8_weights_make_the_file_smaller(tmp_path):
    sizes = []
    for int8 in (False, True):
        folder = tmp_path / str(int8)
        export(request_for("vgg"), "onnx", folder, options={"int8_weights": int8})
        sizes.append((folder / "vgg.onnx").stat().st_size)
    assert 3.5 * sizes[1] < sizes[0] < 4 * sizes[1]


def test_onnx_runtime_does_not_fold_scales_into_the_kernels(tmp_path):
    export(request_for("shortcut"), "onnx", tmp_path / "out")
    path = tmp_path / "optimized.onnx"
    session(
        onnx.load(tmp_path / "out" / "shortcut.onnx"),
        optimized_model_filepath=str(path),
        graph_optimization_level=onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    )
    kernels = [
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(path).graph.initializer
        if len(tensor.dims) == 4 and tensor.dims[2] == 3
    ]
    assert len(kernels) == 3
    for kernel in kernels:
        assert set(np.unique(kernel)) == {-1, 1}


def test_names_of_classes_and_the_scale_of_pixels_travel_in_the_file(tmp_path):
    model = packed("vgg_cut")
    classes = tuple(f"class {number}" for number in range(10))
    old = model.preprocessing
    named = PackedModel(model.nodes, Preprocessing(old.scale, old.bias, old.size, classes))
    export(make_request(named, "net"), "onnx", tmp_path / "out")
    props = onnx.load(tmp_path / "out" / "net.onnx").metadata_props
    assert {entry.key: json.loads(entry.value) for entry in props} == {
        "classes": list(classes),
        "scale": list(old.scale),
        "bias": list(old.bias),
    }


def check(folder) -> subprocess.CompletedProcess:
    command = [sys.executable, folder / "check.py"]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


def flip_weight(path, layer: int) -> None:
    model = onnx.load(path)
    found = [tensor for tensor in model.graph.initializer if tensor.name.endswith("weight")]
    weight = numpy_helper.to_array(found[layer]).copy()
    weight.flat[5] *= -1
    found[layer].CopyFrom(numpy_helper.from_array(weight, found[layer].name))
    onnx.save(model, path)


def flip_golden(path, key: str) -> None:
    golden = dict(np.load(path))
    golden[key].flat[7] *= -1
    np.savez(path, allow_pickle=False, **golden)


@pytest.mark.parametrize("name", ["digits", "shortcut", "real_thresholds"])
def test_check_says_equal(tmp_path, name):
    export(request_for(name), "onnx", tmp_path / "out")
    done = check(tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "equal"
    assert not done.stderr


def test_check_finds_one_wrong_bit(tmp_path):
    export(request_for("digits"), "onnx", tmp_path / "out")
    spoil = {
        "first layer": lambda folder: flip_weight(folder / "digits.onnx", 0),
        "last layer": lambda folder: flip_weight(folder / "digits.onnx", -1),
        "n02 of the golden file": lambda folder: flip_golden(folder / "digits_golden.npz", "n02"),
        "scores": lambda folder: flip_golden(folder / "digits_golden.npz", "scores"),
    }
    for place, change in spoil.items():
        folder = tmp_path / place
        shutil.copytree(tmp_path / "out", folder)
        change(folder)
        done = check(folder)
        assert done.returncode == 1, place
        assert done.stdout.splitlines()[-1] == "NOT equal", place


def test_export_is_the_same_bytes_each_time(tmp_path):
    for name in ("a", "b"):
        export(request_for("vgg_cut"), "onnx", tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
def test_weights_that_pass_the_limit_of_protobuf_are_refused(tmp_path, monkeypatch, to):
    monkeypatch.setattr("signbit.export._onnx.writer.MAX_BYTES", 30_000)
    with pytest.raises(ExportError, match=r"express node 3 \(conv_bits.*at most 2 GiB"):
        export(request_for("digits"), to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
def test_missing_onnx_names_the_extra(tmp_path, monkeypatch, to):
    exporters.get(to)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"signbit\[export\]"):
        export(request_for("mlp"), to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def ends_of(values) -> list[tuple[str, str, list[Any]]]:
    """Name, type and shape of inputs or outputs of a graph."""
    return [
        (
            value.name,
            onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type),
            [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim],
        )
        for value in values
    ]


def test_inputs_and_outputs_have_the_types_and_shapes_that_the_page_states(tmp_path):
    export(make_request(signatures.network("ends"), "ends"), "onnx", tmp_path / "out")
    model = onnx.load(tmp_path / "out" / "ends.onnx")
    assert ends_of(model.graph.input) == [
        ("image", "UINT8", ["N", 1, 2, 2]),
        ("wave", "FLOAT", ["N", 2, 3]),
        ("flags", "BOOL", ["N", 5]),
    ]
    assert ends_of(model.graph.output) == [
        ("answer", "FLOAT", ["N", 3]),
        ("tags", "FLOAT", ["N", 2, 3]),
        ("sums", "INT32", ["N", 2]),
        ("bright", "BOOL", ["N", 1, 2, 2]),
    ]
    props = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert [one["name"] for one in props["inputs"]] == ["image", "wave", "flags"]
    assert props["outputs"][0] == {"name": "answer", "kind": "classes", "names": ["a", "b", "c"]}
    assert "flags: bool, (N, 5), True for +1" in model.doc_string


def test_pixels_stay_channels_last_for_one_image_and_classes_alone(tmp_path):
    model = signatures.network("class_map")  # the same input, another output
    export(make_request(model, "net"), "onnx", tmp_path / "map")
    (pixels,) = ends_of(onnx.load(tmp_path / "map" / "net.onnx").graph.input)
    assert pixels == ("image", "UINT8", ["N", 3, 5, 4])
    export(request_for("vgg_cut"), "onnx", tmp_path / "row")
    (pixels,) = ends_of(onnx.load(tmp_path / "row" / "vgg_cut.onnx").graph.input)
    assert pixels == ("pixels", "UINT8", ["N", 12, 10, 3])


@pytest.mark.parametrize("to", ["onnx", "qonnx"])
@pytest.mark.parametrize(("name", "key"), signatures.GOLDEN)
def test_check_looks_at_every_input_and_output(tmp_path, to, name, key):
    export(make_request(signatures.network(name), "net"), to, tmp_path / "out")
    path = tmp_path / "out" / "net_golden.npz"
    with np.load(path) as file:
        golden = dict(file)
    assert code_of(tmp_path / "out" / "check.py")[0] == 0
    golden[key] = spoiled(golden[key])
    np.savez(path, allow_pickle=False, **golden)
    assert code_of(tmp_path / "out" / "check.py")[0] == 1


def test_a_node_that_no_output_needs_is_left_out(tmp_path):
    ends = signatures.network("ends")
    signature = Signature(ends.inputs, [Output("sums", "numbers", 4)])
    request = make_request(PackedModel(ends.nodes, signature), "net")
    export(request, "onnx", tmp_path / "out")
    graph = onnx.load(tmp_path / "out" / "net.onnx").graph
    assert [value.name for value in graph.value_info] == ["n04"]
    assert code_of(tmp_path / "out" / "check.py")[0] == 0
