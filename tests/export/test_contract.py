"""What every exporter must do with every network; runs over the registry itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import signatures
from helpers.executed import executed
from helpers.networks import NAMES, packed

from signbit.errors import ExportError
from signbit.export import ExportRequest, export, exporters, make_request

# Exports the networks named, under another hash seed, clock and time zone. Says what was refused.
ANOTHER_PROCESS = """
import sys, time
now = time.time
time.time = lambda: now() + 4e7
from pathlib import Path
from signbit.errors import ExportError
from signbit.export import export, make_request
from signbit.format import PackedModel
to, out, *files = sys.argv[1:]
for file in map(Path, files):
    try:
        export(make_request(PackedModel.load(file), file.stem), to, Path(out) / file.stem)
    except ExportError as error:
        print(file.stem)
if to != "torch":
    assert "torch" not in sys.modules
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def assert_refused_before_writing(
    to: str, request: ExportRequest, error: str, folder: Path
) -> None:
    """The error names a node, input or output; the exporter had written nothing by then."""
    model = request.model
    ends = {"input": model.inputs, "output": model.outputs}
    if found := re.search(r"node (\d+) \((\w+)", error):
        assert model.node(int(found[1])).op == found[2]
    else:
        found = re.search(r"(input|output) '?(\w+)", error)
        assert found, error
        assert found[2] in [one.name for one in ends[found[1]]]
    assert "\n" not in error
    assert not list(folder.iterdir())
    with pytest.raises(ExportError):
        exporters.get(to)(request, folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("network", NAMES)
@pytest.mark.parametrize("to", exporters.names())
def test_every_network_is_written_with_its_conventions_or_refused(tmp_path, to, network):
    request = make_request(packed(network), network)
    folder = tmp_path / "out"
    try:
        manifest = export(request, to, folder)
    except ExportError as error:
        assert network != "digits", "each format takes this one"
        assert_refused_before_writing(to, request, str(error), tmp_path)
        return
    assert (manifest["format"], manifest["name"]) == (to, network)
    assert_manifest_describes_the_network(manifest, request, folder)


def assert_manifest_describes_the_network(
    manifest: dict[str, Any], request: ExportRequest, folder: Path
) -> None:
    model = request.model
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    assert names_in(folder) == sorted([*manifest["files"], "manifest.json"])
    assert all(path.is_file() and path.stat().st_size for path in folder.iterdir())
    assert names_in(folder.parent) == [folder.name]
    assert "0 for -1; the sign of zero is -1" in manifest["conventions"]["bits"]
    assert {"dot", "weights", "padding", "threshold"} < manifest["conventions"].keys()
    assert manifest["inputs"] == [one.to_dict() for one in model.inputs]
    for one, stated in zip(model.outputs, manifest["outputs"], strict=True):
        golden = request.golden.outputs[one.name]
        shape = list(golden.shape[1:])
        kind = {"bool": "bits", "int32": "i32", "float32": "f32", "uint8": "u8"}[golden.dtype.name]
        assert stated == one.to_dict() | {"type": kind, "shape": shape}
    assert [node["op"] for node in manifest["graph"]] == [node.op for node in model.nodes]
    assert manifest["golden_samples"] == request.golden.samples


@pytest.mark.parametrize("network", signatures.NAMES)
@pytest.mark.parametrize("to", exporters.names())
def test_any_inputs_and_outputs_are_written_right_or_refused(tmp_path, to, network):
    """What is written gives the outputs of the NumPy reference, in the tool that it is for."""
    request = make_request(signatures.network(network), "net")
    folder = tmp_path / "out"
    try:
        manifest = export(request, to, folder)
    except ExportError as error:
        if to != "verilog":  # its streams carry bits and integers; all others take every network
            raise
        assert_refused_before_writing(to, request, str(error), tmp_path)
        return
    assert_manifest_describes_the_network(manifest, request, folder)
    executed(to, request, folder)


@pytest.mark.parametrize("to", exporters.names())
def test_another_process_writes_the_same_bytes(tmp_path, to):
    files = []
    for name in NAMES:
        files.append(tmp_path / f"{name}.signbit")
        packed(name).save(files[-1])
    command = [sys.executable, "-c", ANOTHER_PROCESS, to, tmp_path / "there", *files]
    environment = os.environ | {"PYTHONHASHSEED": "1", "TZ": "XYZ-7:30"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = done.stdout.split()
    for name in NAMES:
        here, there = tmp_path / "here" / name, tmp_path / "there" / name
        try:
            export(make_request(packed(name), name), to, here)
        except ExportError:
            assert name in refused
            continue
        assert names_in(here) == names_in(there)
        for path in here.iterdir():
            assert path.read_bytes() == (there / path.name).read_bytes(), path.name


@pytest.mark.parametrize("to", exporters.names())
def test_nothing_in_a_folder_names_this_machine(tmp_path, to, small):
    """Neither the folder that it was written in nor the version of a tool that others lack."""
    try:
        export(small, to, tmp_path / "out")
    except ExportError:
        return
    for path in (tmp_path / "out").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_names_are_listed_without_the_tools_that_formats_need():
    code = (
        "import sys; from signbit.export import exporters; exporters.names(); "
        "found = {'torch', 'scipy', 'onnx', 'qonnx', 'onnxruntime'} & set(sys.modules); "
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
