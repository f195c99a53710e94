import subprocess
import sys

import numpy as np
import pytest
from scipy.io import loadmat

from signbit.errors import MissingDependencyError
from signbit.export import export


def test_scipy_reads_back_every_array(tmp_path, parameters):
    manifest = export(parameters, "mat", tmp_path / "out")
    for entry in manifest["arrays"]:
        source = parameters.binary if entry["binary"] else parameters.arrays
        content = loadmat(tmp_path / "out" / entry["file"])
        assert [name for name in content if not name.startswith("__")] == ["array"]
        found = content["array"]
        assert found.dtype == source[entry["key"]].dtype
        np.testing.assert_array_equal(found.reshape(entry["shape"]), source[entry["key"]])


def test_one_axis_becomes_a_column(tmp_path, parameters):
    export(parameters, "mat", tmp_path / "out")
    assert loadmat(tmp_path / "out" / "conv.bias.mat")["array"].shape == (6, 1)


def test_octave_reads_back_a_weight_and_its_signs(octave, tmp_path, parameters):
    export(parameters, "mat", tmp_path / "out")
    script = """
        load('conv.weight.mat'); weight = array;
        load('conv.weight.binary.mat');
        printf('%s %s\\n', class(weight), class(array));
        printf('%d ', size(weight)); printf('\\n');
        printf('%d\\n', isequal(array, int8(2 * (weight > 0) - 1)));
        printf('%.9g ', permute(weight, [4 3 2 1])(:));
    """
    command = [octave, "--no-gui", "--norc", "--quiet", "--eval", script]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True)
    kinds, size, equal, values = done.stdout.splitlines()
    assert kinds == "single int8"
    assert size.split() == ["4", "3", "2", "2"]
    assert equal == "1"
    found = np.array(values.split(), np.float32).reshape(4, 3, 2, 2)
    np.testing.assert_array_equal(found, parameters.arrays["conv.weight"])


def test_missing_scipy_names_the_extra(tmp_path, parameters, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingDependencyError, match=r"signbit\[export\]"):
        export(parameters, "mat", tmp_path / "out")
    assert not list(tmp_path.iterdir())
