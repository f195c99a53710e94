"""The script for MATLAB and Octave with any inputs and outputs."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers import signatures
from helpers.executed import spoiled
from helpers.tools import run
from scipy.io import loadmat, savemat

from signbit.errors import ExportError
from signbit.export import export, make_request
from signbit.format import Input, Node, Output, PackedModel, Signature


def octave_says(octave: str, folder: Path, code: str, ends_with: int = 0) -> str:
    return run(
        octave, "--no-gui", "--norc", "--quiet", "--eval", code, folder=folder, code=ends_with
    )


@pytest.fixture
def ends(tmp_path) -> Path:
    export(make_request(signatures.network("ends"), "ends"), "mat", tmp_path / "out")
    return tmp_path / "out"


def test_octave_compares_every_node_and_output(octave, ends):
    lines = octave_says(octave, ends, "ends_run").splitlines()
    compared = [line.split()[:3] for line in lines if line.endswith("equal")]
    nodes = [f"node  {number} {node.op}" for number, node in signatures.network("ends").numbered()]
    assert [" ".join(one) for one in compared[:-4]] == [re.sub(" +", " ", one) for one in nodes]
    assert [one[0] for one in compared[-4:]] == ["answer", "tags", "sums", "bright"]
    assert "ends: 7 nodes and the outputs of 4 samples equal the golden values" in lines


def test_octave_takes_them_from_one_file_too(octave, tmp_path):
    request = make_request(signatures.network("ends"), "ends")
    export(request, "mat", tmp_path / "out", options={"single": True})
    assert len(list((tmp_path / "out").glob("*.mat"))) == 1
    octave_says(octave, tmp_path, "addpath('out'); ends_run")


IMAGE = "uint8(zeros(2, 2, 2))"
WAVE = "single(zeros(2, 3, 2))"
FLAGS = "int8(ones(2, 5))"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((IMAGE, WAVE), "2 inputs; give 3"),
        (("zeros(2, 2, 2)", WAVE, FLAGS), "image are double [2 2 2]; give uint8"),
        ((IMAGE, "zeros(2, 3, 2)", FLAGS), "wave are double [2 3 2]; give single"),
        ((IMAGE, "single(zeros(2, 2, 3))", FLAGS), "wave are single [2 2 3]"),
        ((IMAGE, "single(NaN(2, 3, 2))", FLAGS), "wave holds NaN"),
        ((IMAGE, WAVE, "int8(zeros(2, 5))"), "flags holds numbers other than -1 and +1"),
        ((IMAGE, WAVE, "true(2, 5)"), "flags are logical [2 5]; give int8"),
        ((IMAGE, WAVE, "int8(ones(3, 5))"), "3 samples of flags, but 2 of image; give as many"),
    ],
)
def test_octave_refuses_other_inputs_by_name(octave, ends, given, says):
    assert says in octave_says(octave, ends, f"ends_run({', '.join(given)});", ends_with=1)


def test_octave_gives_the_outputs_in_their_shapes(octave, ends):
    code = f"[a, t, s, b] = ends_run({IMAGE}, {WAVE}, {FLAGS}); disp({{size(a), size(t), size(b)}})"
    said = re.sub(r"\s+", " ", octave_says(octave, ends, code))
    assert "2 3 [1,2] = 2 3 2 [1,3] = 2 2 2" in said


@pytest.mark.parametrize(("name", "key"), signatures.GOLDEN)
def test_octave_looks_at_every_input_and_output(octave, tmp_path, name, key):
    export(make_request(signatures.network(name), "net"), "mat", tmp_path / "out")
    path = tmp_path / "out" / f"golden_{key}.mat"
    savemat(path, {"array": spoiled(loadmat(path)["array"])})
    assert "DIFFER" in octave_says(octave, tmp_path / "out", "net_run", ends_with=1)


def test_a_matlab_user_reads_the_signature_in_the_manifest(octave, ends):
    code = (
        "m = jsondecode(fileread('manifest.json')); "
        "disp(m.inputs{2}.name); disp(m.inputs{2}.shape.'); "
        "printf('%s ', m.outputs(1).names{:}); disp(m.outputs(4).type); disp(m.outputs(4).shape.')"
    )
    said = octave_says(octave, ends, code).split()
    assert said[:10] == ["wave", "3", "2", "a", "b", "c", "bits", "2", "2", "1"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("_x", "y"), "input '_x': MATLAB needs a name that starts with a letter"),
        (("x", "y" * 57), r"output 'y{57}': MATLAB needs a name .* of at most 56 letters"),
        (("x", "X"), r"input 'x': on some systems, names that differ only in case are one file"),
    ],
)
def test_names_that_matlab_cannot_have_are_refused(tmp_path, names, says):
    nodes = [Node("clamp", (0,), {"low": -1.0, "high": 1.0})]
    ends = [Input.numbers(names[0], (2,))], [Output(names[1], "numbers", 1)]
    request = make_request(PackedModel(nodes, Signature(*ends)), "net")
    with pytest.raises(ExportError, match=f"^mat cannot express {says}.*; pack it under another"):
        export(request, "mat", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_the_longest_name_is_written(octave, tmp_path):
    nodes = [Node("clamp", (0,), {"low": -1.0, "high": 1.0})]
    ends = [Input.numbers("x" * 56, (2,))], [Output("y" * 56, "numbers", 1)]
    request = make_request(PackedModel(nodes, Signature(*ends)), "net")
    export(request, "mat", tmp_path / "out")
    octave_says(octave, tmp_path / "out", "net_run")
    np.testing.assert_array_equal(
        loadmat(tmp_path / "out" / f"golden_{'y' * 56}.mat")["array"],
        request.golden.outputs["y" * 56],
    )
