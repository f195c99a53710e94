"""Runs what an exporter wrote, with the tool that it is for, beside the NumPy reference."""

import contextlib
import importlib.util
import io
import runpy
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import missing  # pyright: ignore[reportAttributeAccessIssue]
from helpers.exported_arrays import read
from helpers.tools import run
from numpy.typing import NDArray

from signbit.export import ExportRequest

Array = NDArray[Any]


def executed(to: str, request: ExportRequest, folder: Path) -> None:
    """Asserts that the export of a request into a folder gives the golden outputs.

    request: its network has the name net.
    """
    _RUN[to](request, folder)


def in_torchs_order(request: ExportRequest, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs as ONNX and torch take them: channels first, but for the pixels of an image."""
    if request.model.signature.is_of_images:
        return dict(arrays)
    return {name: channels_first(array) for name, array in arrays.items()}


def channels_first(array: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def as_numbers(array: Array) -> Array:
    """Bits as -1 and +1."""
    return array * 2.0 - 1 if array.dtype == bool else array


def assert_equal(name: str, found: Array, wanted: Array) -> None:
    """Bits and integers exactly, real numbers but for their rounding."""
    assert found.shape == wanted.shape, name
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5, err_msg=name)
    else:
        np.testing.assert_array_equal(found, wanted, name)


def _in_onnx_runtime(request: ExportRequest, folder: Path) -> None:
    """All samples, and one of them alone, with the types of the packed network."""
    session = onnxruntime.InferenceSession(folder / "net.onnx", providers=["CPUExecutionProvider"])
    golden = request.golden
    inputs = in_torchs_order(request, golden.inputs)
    assert [one.name for one in session.get_inputs()] == list(inputs)
    assert [one.name for one in session.get_outputs()] == list(golden.outputs)
    for some in (slice(None), slice(1)):
        given = {name: array[some] for name, array in inputs.items()}
        found = session.run(list(golden.outputs), given)
        for (name, wanted), array in zip(
            golden.outputs.items(), map(np.asarray, found), strict=True
        ):
            assert array.dtype == wanted.dtype, name
            assert_equal(name, array, channels_first(wanted[some]))


def _in_qonnx(request: ExportRequest, folder: Path) -> None:
    """Sample by sample, all in float32; a 1x1 map is a row, a sequence a map of height 1."""
    if importlib.util.find_spec("qonnx") is None:
        missing("needs the package qonnx: pip install qonnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model, golden = ModelWrapper(str(folder / "net.onnx")), request.golden
    model = model.transform(InferShapes())
    for sample in range(golden.samples):
        given = {
            name: channels_first(as_numbers(array[sample][None]))
            .astype(np.float32)
            .reshape(model.get_tensor_shape(name))
            for name, array in golden.inputs.items()
        }
        found = execute_onnx(model, given)
        for name, wanted in golden.outputs.items():
            expected = channels_first(as_numbers(wanted[sample][None])).astype(np.float32)
            assert_equal(name, found[name].reshape(expected.shape), expected)
    _check_says_equal(folder / "check.py")


def _in_torch(request: ExportRequest, folder: Path) -> None:
    module: Any = runpy.run_path(str(folder / "net.py"))
    golden = request.golden
    inputs = in_torchs_order(request, golden.inputs)
    with torch.inference_mode():
        given = module["load"]()(*map(torch.from_numpy, inputs.values()))
    (name, *_) = golden.outputs
    found: dict[str, Any] = given if isinstance(given, dict) else {name: given}
    assert list(found) == list(golden.outputs)
    for name, wanted in golden.outputs.items():
        assert_equal(name, found[name].numpy(), channels_first(as_numbers(wanted)))
    _check_says_equal(folder / "net.py")


def _check_says_equal(script: Path) -> None:
    """A script that was written compares every golden value by itself."""
    code, said = code_of(script)
    assert not code, said
    assert "equal" in said


def code_of(script: Path) -> tuple[Any, str]:
    """How a script in Python ends, in this process, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as said, pytest.raises(SystemExit) as end:
        runpy.run_path(str(script), run_name="__main__")
    return end.value.code, said.getvalue()


def spoiled(array: Array) -> Array:
    """The opposite bits, other codes, other numbers."""
    return 255 - array if array.dtype == np.uint8 else ~array if array.dtype == bool else -array


def _as_arrays(to: str) -> Callable[[ExportRequest, Path], None]:
    def check(request: ExportRequest, folder: Path) -> None:
        found, golden = read(folder, to), request.golden
        for name, wanted in (golden.inputs | golden.outputs).items():  # pyright: ignore
            assert_equal(name, found[f"golden_{name}"], as_numbers(wanted))

    return check


def _in_octave(request: ExportRequest, folder: Path) -> None:
    """The script's own comparison, and one sample given by hand."""
    _as_arrays("mat")(request, folder)
    octave = shutil.which("octave") or missing("needs GNU Octave: apt-get install octave")
    inputs, outputs = request.golden.inputs, request.golden.outputs
    code = ["net_run;"]
    for number, name in enumerate(inputs):
        code.append(f"load('golden_{name}.mat'); in{number} = array(1, :, :, :);")
    given = ", ".join(f"in{number}" for number, _ in enumerate(inputs))
    names = [f"out{number}" for number, _ in enumerate(outputs)]
    code.append(f"[{', '.join(names)}] = net_run({given});")
    code += [f"printf('%% '); printf('%.9g ', permute({n}, [1 4 3 2])); disp('');" for n in names]
    said = run(octave, "--no-gui", "--norc", "--quiet", "--eval", " ".join(code), folder=folder)
    assert "DIFFER" not in said
    lines = [line.split()[1:] for line in said.splitlines() if line.startswith("% ")]
    for (name, wanted), numbers in zip(outputs.items(), lines, strict=True):
        found = np.array(numbers, float).reshape(wanted[0].shape)
        assert_equal(name, found, as_numbers(wanted[0]))


def _in_c(request: ExportRequest, folder: Path) -> None:
    run("gcc", "-std=c99", "-O0", "net_test.c", "-o", "program", "-lm", folder=folder)
    assert run("./program", folder=folder).startswith("PASS net: ")


def _in_icarus(request: ExportRequest, folder: Path) -> None:
    if not shutil.which("iverilog"):
        missing("needs Icarus Verilog: apt-get install iverilog")
    sources = sorted(path.name for path in folder.glob("signbit_*.v"))
    run("iverilog", "-g2005", "-o", "net.vvp", "net_tb.v", "net.v", *sources, folder=folder)
    assert "PASS net: " in run("vvp", "-n", "net.vvp", folder=folder)


_RUN: Mapping[str, Callable[[ExportRequest, Path], None]] = {
    "c": _in_c,
    "mat": _in_octave,
    "npz": _as_arrays("npz"),
    "onnx": _in_onnx_runtime,
    "qonnx": _in_qonnx,
    "torch": _in_torch,
    "txt": _as_arrays("txt"),
    "verilog": _in_icarus,
}
