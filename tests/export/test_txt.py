import json

import numpy as np

from signbit.export import export


def test_numbers_give_back_the_very_bits(tmp_path, parameters):
    manifest = export(parameters, "txt", tmp_path / "out")
    for entry in manifest["arrays"]:
        source = (parameters.binary if entry["binary"] else parameters.arrays)[entry["key"]]
        lines = (tmp_path / "out" / entry["file"]).read_text().splitlines()
        header = json.loads(lines[0].removeprefix("# "))
        assert header == {
            "key": entry["key"],
            "shape": list(source.shape),
            "dtype": str(source.dtype),
        }
        numbers = [number for line in lines[1:] for number in line.split()]
        found = np.array(numbers, source.dtype).reshape(source.shape)
        assert found.tobytes() == source.tobytes(), entry["key"]


def test_a_line_is_an_index_of_the_first_axis(tmp_path, parameters):
    export(parameters, "txt", tmp_path / "out")
    rows = np.loadtxt(tmp_path / "out" / "conv.weight.binary.txt")
    np.testing.assert_array_equal(rows, parameters.binary["conv.weight"].reshape(4, 12))
    assert np.loadtxt(tmp_path / "out" / "norm.num_batches_tracked.txt") == 7


def test_golden_file(tmp_path, parameters):
    export(parameters, "txt", tmp_path / "out")
    assert (tmp_path / "out" / "conv.bias.txt").read_bytes() == (
        b'# {"key": "conv.bias", "shape": [6], "dtype": "float32"}\n'
        b"0.100000001\n-0\n1.40129846e-45\n3.40282347e+38\n0.333333343\n3.14159274\n"
    )
