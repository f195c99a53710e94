"""Every architecture, packed small, in the formats that real layers fit into."""

from functools import cache

import numpy as np
import onnxruntime
import pytest
import torch
from helpers.models import hostile, small, small_size

from signbit.errors import ExportError
from signbit.export import ExportRequest, export, make_request
from signbit.export.torch import to_module
from signbit.format import Preprocessing
from signbit.models import models
from signbit.pack import pack


@cache
def request_for(name: str) -> ExportRequest:
    size = small_size(name)
    model = small(name, in_channels=3, input_size=size, num_classes=7)
    preprocessing = Preprocessing.from_mean_std([0.4, 0.5, 0.6], [0.2, 0.3, 0.25], size)
    return make_request(pack(hostile(model, (3, *size)), preprocessing), name)


@pytest.fixture(params=models.names())
def name(request) -> str:
    return request.param


def scores_of(name: str) -> np.ndarray:
    return request_for(name).golden.outputs["scores"]


def assert_close(found: np.ndarray, name: str) -> None:
    np.testing.assert_allclose(
        found, request_for(name).golden.outputs["scores"], rtol=1e-4, atol=1e-4
    )


def test_npz_holds_the_weights_of_every_real_convolution(name, tmp_path):
    export(request_for(name), "npz", tmp_path / "out")
    for number, node in enumerate(request_for(name).model.nodes, 1):
        if node.op == "conv_f32":
            held = np.load(tmp_path / "out" / f"n{number:02d}_weight.npy")
            np.testing.assert_array_equal(held, node.tensors["weight"].transpose(0, 3, 1, 2))
    golden = np.load(tmp_path / "out" / f"golden_n{number:02d}.npy")
    np.testing.assert_array_equal(golden.reshape(len(golden), -1), scores_of(name))


def test_onnx_runtime_gives_the_scores(name, tmp_path):
    export(request_for(name), "onnx", tmp_path / "out")
    session = onnxruntime.InferenceSession(
        tmp_path / "out" / f"{name}.onnx", providers=["CPUExecutionProvider"]
    )
    (scores,) = session.run(["scores"], {"pixels": request_for(name).golden.inputs["pixels"]})
    assert_close(np.asarray(scores), name)


def test_the_torch_module_gives_the_scores(name, tmp_path):
    export(request_for(name), "torch", tmp_path / "out")
    with torch.inference_mode():
        assert_close(
            to_module(request_for(name).model)(
                torch.from_numpy(request_for(name).golden.inputs["pixels"])
            ).numpy(),
            name,
        )


def test_verilog_takes_a_network_or_names_the_first_real_node(name, tmp_path):
    ops = [node.op for node in request_for(name).model.nodes]
    if "normalize" not in ops:
        export(request_for(name), "verilog", tmp_path / "out")
        return
    number = ops.index("normalize") + 1
    height, width = small_size(name)
    message = rf"^verilog cannot express node {number} \(normalize, f32 {height}x{width}x3\): .*npz"
    with pytest.raises(ExportError, match=message):
        export(request_for(name), "verilog", tmp_path / "out")
