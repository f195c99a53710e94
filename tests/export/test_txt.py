import json

import numpy as np

from signbit.export import export, export_state


def test_a_line_is_an_index_of_the_first_axis(tmp_path, parameters):
    export_state(parameters, "txt", tmp_path / "out")
    rows = np.loadtxt(tmp_path / "out" / "conv.weight.binary.txt")
    np.testing.assert_array_equal(rows, parameters.binary["conv.weight"].reshape(4, 12))
    assert np.loadtxt(tmp_path / "out" / "norm.num_batches_tracked.txt") == 7


def test_golden_file(tmp_path, parameters):
    export_state(parameters, "txt", tmp_path / "out")
    assert (tmp_path / "out" / "conv.bias.txt").read_bytes() == (
        b'# {"key": "conv.bias", "shape": [6], "dtype": "float32"}\n'
        b"0.100000001\n-0\n1.40129846e-45\n3.40282347e+38\n0.333333343\n3.14159274\n"
    )


def test_words_are_whole_numbers_of_64_bits(tmp_path, small):
    """As text of a float64 the last bits of a word would be lost."""
    export(small, "txt", tmp_path / "out")
    text = (tmp_path / "out" / "n03_weight_words.txt").read_text()
    header, _, numbers = text.partition("\n")
    words = list(map(int, numbers.split()))
    assert json.loads(header.removeprefix("# "))["dtype"] == "uint64"
    assert words == small.model.nodes[2].tensors["weight"].reshape(-1).tolist()
    assert max(words) > 2**53
