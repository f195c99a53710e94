"""Every format and every operation: what is accepted gives the scores, all else is refused."""

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import missing  # pyright: ignore[reportAttributeAccessIssue] # finds export/conftest.py
from helpers.one_operation import network_with
from helpers.operations import NAMES, small
from helpers.tools import run

from signbit.errors import ExportError
from signbit.export import ExportRequest, export, exporters, make_request
from signbit.export.torch import to_module
from signbit.format.ops import operations

# Those that a refusal recommends.
TAKE_ALL = ("npz", "mat", "txt", "c", "onnx", "torch")


def accepted(to: str) -> list[str]:
    return [op for op in operations.names() if op in exporters.get(to).operations]  # pyright: ignore


def in_onnx_runtime(request: ExportRequest, folder: Path) -> None:
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["scores"], {"pixels": request.golden.inputs["pixels"]})
    np.testing.assert_allclose(
        np.asarray(scores), request.golden.outputs["scores"], rtol=1e-5, atol=1e-5
    )


def in_torch(request: ExportRequest, folder: Path) -> None:
    with torch.inference_mode():
        scores = to_module(request.model)(torch.from_numpy(request.golden.inputs["pixels"])).numpy()
    np.testing.assert_allclose(scores, request.golden.outputs["scores"], rtol=1e-5, atol=1e-5)


def in_c(request: ExportRequest, folder: Path) -> None:
    run("gcc", "-std=c99", "-O0", "net_test.c", "-o", "program", "-lm", folder=folder)
    assert run("./program", folder=folder).startswith("PASS net: ")


def in_icarus(request: ExportRequest, folder: Path) -> None:
    if not shutil.which("iverilog"):
        missing("needs Icarus Verilog: apt-get install iverilog")
    sources = sorted(path.name for path in folder.glob("signbit_*.v"))
    run("iverilog", "-g2005", "-o", "net.vvp", "net_tb.v", "net.v", *sources, folder=folder)
    assert "PASS net: " in run("vvp", "-n", "net.vvp", folder=folder)


# mat and qonnx run all operations in their own tests; npz and txt have nothing that runs.
RUN = {"onnx": in_onnx_runtime, "torch": in_torch, "c": in_c, "verilog": in_icarus}


@pytest.mark.parametrize("op", operations.names())
@pytest.mark.parametrize("to", exporters.names())
def test_an_operation_is_exported_or_refused_by_name(tmp_path, to, op):
    model = network_with(op)
    number = next(n for n, node in enumerate(model.nodes, 1) if node.op == op)
    request = make_request(model, "net")
    if op not in accepted(to):
        way_out = "Export it to npz, mat, txt, c, onnx or torch, which accept every network"
        message = rf"^{to} cannot express node {number} \({op}, [^\n]*{way_out}\.$"
        with pytest.raises(ExportError, match=message):
            export(request, to, tmp_path / "out")
        assert not list(tmp_path.iterdir())
        return
    export(request, to, tmp_path / "out")
    if to in RUN:
        RUN[to](request, tmp_path / "out")


@pytest.mark.parametrize("to", TAKE_ALL)
def test_the_formats_that_a_refusal_recommends_accept_every_operation(to):
    assert accepted(to) == operations.names()


def test_the_networks_that_tests_of_formats_run_have_every_operation():
    names = {node.op for name in NAMES for node in small(name).nodes}
    assert names == set(operations.names())
