import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.networks import NAMES, packed
from helpers.nodes import random_thresholds, random_weight, window
from helpers.operations import small as small_network
from scipy.io import loadmat, savemat

from signbit.errors import MissingDependencyError, OutputError
from signbit.export import export, export_state, make_request
from signbit.export._arrays import arrays_of
from signbit.export._template import template
from signbit.export.mat.operations import OPERATIONS
from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.bits import pack_bits
from signbit.format.ops import operations
from signbit.runtime import reference

VERSION_2 = ("pixel_bits", "moved_bits", "moved_numbers", "functions", "reductions")


def run(octave: str, folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [octave, "--no-gui", "--norc", "--quiet", "--eval", code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def assert_equal(octave: str, folder: Path, model: PackedModel, name: str) -> str:
    """The script compares every node and the scores, and finds no difference."""
    done = run(octave, folder, f"{name}_run")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(model.nodes) + 2
    for number, (node, line) in enumerate(zip(model.nodes, lines[:-2], strict=True), 1):
        found = re.fullmatch(r"node +(\d+)  (\w+) +\w+ +\d+ values  equal( within .*)?", line)
        assert found, line
        assert (int(found[1]), found[2]) == (number, node.op)
    assert lines[-2].startswith("scores ")
    assert lines[-1].startswith(f"{name}: {len(model.nodes)} nodes and the scores of ")
    return done.stdout


@pytest.mark.parametrize("network", NAMES)
def test_octave_finds_every_golden_value_by_xnor_and_popcount(octave, tmp_path, network):
    export(make_request(packed(network), network), "mat", tmp_path / "out")
    assert_equal(octave, tmp_path / "out", packed(network), network)


@pytest.mark.parametrize("network", ["digits", "paddings", "shortcut"])
def test_octave_finds_them_from_one_file_and_another_folder(octave, tmp_path, network):
    export(
        make_request(packed(network), network), "mat", tmp_path / "out", options={"single": True}
    )
    assert len(list((tmp_path / "out").glob("*.mat"))) == 1
    done = run(octave, tmp_path, f"addpath('out'); {network}_run")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("count", [1, 3])
def test_octave_runs_other_images(octave, tmp_path, count):
    model = packed("digits")
    export(make_request(model, "digits"), "mat", tmp_path / "out")
    pixels = np.random.default_rng(7).integers(0, 256, (count, 8, 8, 1), np.uint8)
    savemat(tmp_path / "out" / "n_mine.mat", {"pixels": pixels})
    code = "load('n_mine.mat'); scores = digits_run(pixels); printf('%.9g ', scores.');"
    done = run(octave, tmp_path / "out", code)
    assert done.returncode == 0, done.stderr
    found = np.array(done.stdout.split(), float).reshape(count, 10)
    np.testing.assert_allclose(found, reference.scores(model, pixels), rtol=1e-5, atol=1e-5)


def test_octave_names_the_folder_where_the_arrays_are_gone(octave, tmp_path):
    export(make_request(packed("digits"), "digits"), "mat", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.mat"):
        path.unlink()
    done = run(octave, tmp_path / "out", "digits_run")
    assert done.returncode == 1
    assert "holds neither digits.mat nor golden_pixels.mat" in done.stderr


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        ("zeros(2, 8, 8)", "pixels are double [2 8 8]; give uint8"),
        ("uint8(zeros(2, 8, 9))", "pixels are uint8 [2 8 9]"),
        ("uint8(zeros(8, 8))", "each [8 8]"),
    ],
)
def test_octave_refuses_other_pixels(octave, tmp_path, pixels, says):
    export(make_request(packed("digits"), "digits"), "mat", tmp_path / "out")
    done = run(octave, tmp_path / "out", f"digits_run({pixels});")
    assert done.returncode == 1
    assert says in done.stderr


def every_operation() -> PackedModel:
    """A network with each operation of the format; groups of more than a word, odd windows,
    NaN and infinities."""
    rng = np.random.default_rng(3)
    nodes: list[Node] = []

    def add(op, inputs=(), attributes=None, **tensors):
        nodes.append(Node(op, inputs, attributes or {}, tensors))
        return len(nodes)

    def conv(channels, groups=1, **more):
        return window((3, 2), (1, 2), (1, 0, 2, 1), (2, 1)) | {
            "channels": channels, "groups": groups, **more
        }  # fmt: skip

    def mask(channels):
        return pack_bits(rng.random(channels) < 0.5)

    def reals(channels):
        return rng.standard_normal(channels).astype(np.float32)

    pool = window((2, 3), (1, 1), (1, 2, 1, 0), (1, 2))
    mean = {key: pool[key] for key in ("kernel", "stride", "padding")}
    u8 = add("conv_u8", (0,), conv(140, 1, multiplier=2, offset=-255),
             **random_weight(rng, 140, (3, 2), 3))  # fmt: skip
    bits = add("threshold", (u8,), **random_thresholds(rng, 140, 900))
    bits = add("flip", (bits,), mask=mask(140))
    pooled = add("max_pool", (bits,), pool)
    sums = [
        add("conv_bits", (pooled,), conv(6, 2, padding_value=value),
            **random_weight(rng, 6, (3, 2), 70))
        for value in (-1, 0, 1)
    ]  # fmt: skip
    highest = add("max_pool", (sums[0],), pool)
    scale, bias = reals(6), reals(6)
    bias[1:4] = np.nan, np.inf, -np.inf
    odd = add("affine", (highest,), scale=scale, bias=bias)
    odd = add("max_pool", (odd,), pool)
    odd = add("clamp", (odd,), {"low": float("-inf"), "high": 2.5})
    odd = add("prelu", (odd,), slope=np.abs(reals(6)))
    threshold = add("threshold", (odd,), threshold=reals(6), below=mask(6))
    signs = [add("signs", (source,)) for source in (bits, threshold)]
    fine = add("affine", (sums[2],), scale=reals(6), bias=reals(6))
    twice = add("add", (fine, fine))
    both = add("concat", (twice, fine))
    real = add("conv_f32_bits", (signs[0],), conv(4, 2, padding_value=1),
               **random_weight(rng, 4, (3, 2), 70))  # fmt: skip
    pixels = add("normalize", (0,), scale=reals(3), bias=reals(3))
    weight = rng.standard_normal((9, 3, 2, 1)).astype(np.float32)
    pixels = add("conv_f32", (pixels,), conv(9, 3), weight=weight)
    means = [add("avg_pool", (pixels,), mean | {"count_padding": flag}) for flag in (True, False)]
    others = [
        add("affine", (source,), scale=reals(6), bias=reals(6)) for source in (highest, sums[1])
    ]
    rows = [add("flatten", (source,)) for source in (both, real, odd, *means, *others, signs[1])]
    chances = [add(op, (rows[1],)) for op in ("softmax", "log_softmax")]
    add("concat", (*rows, *chances))
    return PackedModel(nodes, Preprocessing([1 / 128] * 3, [-1.0] * 3, (11, 24)))


@pytest.mark.parametrize("images", [1, 2])
def test_octave_knows_every_operation(octave, tmp_path, images):
    model = every_operation()
    models = [model, *map(small_network, VERSION_2)]
    assert {node.op for one in models for node in one.nodes} == set(operations.names())
    pixels = np.random.default_rng(1).integers(0, 256, (images, 11, 24, 3), np.uint8)
    request = make_request(model, "all_of_them", pixels)
    assert any(np.isnan(value).any() for value in request.golden.values)
    export(request, "mat", tmp_path / "out")
    assert_equal(octave, tmp_path / "out", model, "all_of_them")


@pytest.mark.parametrize("name", VERSION_2)
def test_octave_knows_the_operations_of_version_2(octave, tmp_path, name):
    model = small_network(name)
    export(make_request(model, name), "mat", tmp_path / "out")
    assert_equal(octave, tmp_path / "out", model, name)


def test_the_script_has_a_case_for_every_operation():
    switch = template("mat", "node.m").partition("otherwise")[0]
    cases = re.findall(r"case '(\w+)'", switch)
    assert sorted(cases) == sorted(OPERATIONS) == operations.names()


def test_an_operation_that_the_script_does_not_know_is_told(octave, tmp_path):
    export(make_request(packed("digits"), "digits"), "mat", tmp_path / "out")
    graph = tmp_path / "out" / "digits_graph.m"
    graph.write_text(graph.read_text().replace("'log_softmax'", "'telepathy'"))
    done = run(octave, tmp_path / "out", "digits_run")
    assert done.returncode == 1
    assert "does not know the operation telepathy" in done.stderr


def change(folder: Path, key: str, index: tuple[int, ...], changed) -> None:
    """One element of an exported array becomes another."""
    array = loadmat(folder / f"{key}.mat")["array"]
    array[index] = changed(array[index])
    savemat(folder / f"{key}.mat", {"array": array})


FLIP_WORD = ("n03_weight_words", (5, 1, 2), lambda word: word ^ np.uint64(1 << 17))
FLIP_SIGN = ("n03_weight", (5, 17, 1, 2), lambda sign: -sign)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ([FLIP_WORD], "weight and weight_words hold different bits"),
        ([FLIP_SIGN], "weight and weight_words hold different bits"),
        ([FLIP_WORD, FLIP_SIGN], r"node  3  conv_bits .* \d+ DIFFER"),
        ([("n01_weight", (0, 0, 1, 1), lambda x: -x)], "weight_words hold different bits"),
        ([("n02_below", (0, 3), lambda x: 1 - x)], "below_words hold different bits"),
        ([("n04_threshold", (0, 9), lambda x: 1 << 20)], r"node  4  threshold .* \d+ DIFFER"),
        ([("golden_n02", (1, 2, 3, 4), lambda x: -x)], r"node  2  threshold .* 1 DIFFER"),
        ([("golden_n06", (1, 2, 3, 4), lambda x: x + 2)], r"node  6  conv_bits .* 1 DIFFER"),
        ([("golden_n10", (0, 0, 0, 4), lambda x: x + 0.01)], r"node 10  affine .* 1 DIFFER"),
        ([("golden_scores", (3, 4), lambda x: x + 0.01)], r"scores .* 1 DIFFER"),
        ([("golden_pixels", (0, 4, 4), lambda x: x ^ 1)], r"node  1  conv_u8 .* \d+ DIFFER"),
    ],
)
def test_octave_finds_one_changed_element(octave, tmp_path, changes, says):
    export(make_request(packed("digits"), "digits"), "mat", tmp_path / "out")
    for key, index, changed in changes:
        change(tmp_path / "out", key, index, changed)
    done = run(octave, tmp_path / "out", "digits_run")
    assert done.returncode == 1, done.stdout
    assert re.search(says, done.stdout + done.stderr), done.stdout + done.stderr


def test_octave_reads_back_a_weight_and_its_signs(octave, tmp_path, parameters):
    export_state(parameters, "mat", tmp_path / "out")
    script = """
        load('conv.weight.mat'); weight = array;
        load('conv.weight.binary.mat');
        printf('%s %s\\n', class(weight), class(array));
        printf('%d ', size(weight)); printf('\\n');
        printf('%d\\n', isequal(array, int8(2 * (weight > 0) - 1)));
        printf('%.9g ', permute(weight, [4 3 2 1])(:));
    """
    done = run(octave, tmp_path / "out", script)
    kinds, size, equal, values = done.stdout.splitlines()
    assert kinds == "single int8"
    assert size.split() == ["4", "3", "2", "2"]
    assert equal == "1"
    found = np.array(values.split(), np.float32).reshape(4, 3, 2, 2)
    np.testing.assert_array_equal(found, parameters.arrays["conv.weight"])


def test_one_axis_has_the_shape_that_savemat_gives(tmp_path, parameters):
    """For a network in training, and for a packed one in many files and in one."""
    model = packed("digits")
    export_state(parameters, "mat", tmp_path / "state")
    export(make_request(model, "digits"), "mat", tmp_path / "many")
    export(make_request(model, "digits"), "mat", tmp_path / "one", options={"single": True})
    single = loadmat(tmp_path / "one" / "digits.mat")
    found = {"conv.bias": loadmat(tmp_path / "state" / "conv.bias.mat")["array"]}
    wanted = {"conv.bias": parameters.arrays["conv.bias"]}
    for key, array in arrays_of(make_request(model, "digits")).items():
        if array.ndim == 1:
            wanted |= {f"many {key}": array, f"one {key}": array}
            found |= {f"many {key}": loadmat(tmp_path / "many" / f"{key}.mat")["array"]}
            found |= {f"one {key}": single[key]}
    assert "many n04_threshold" in wanted
    for key, array in wanted.items():
        savemat(tmp_path / "plain.mat", {"array": array})
        plain = loadmat(tmp_path / "plain.mat")["array"]
        assert found[key].shape == plain.shape == (1, len(array)), key
        np.testing.assert_array_equal(found[key], plain)


def test_octave_reads_one_axis_as_a_row(octave, tmp_path, parameters):
    export_state(parameters, "mat", tmp_path / "out")
    script = "load('conv.bias.mat'); printf('%d ', size(array)); printf('%.9g ', array);"
    rows, columns, *values = run(octave, tmp_path / "out", script).stdout.split()
    assert (rows, columns) == ("1", "6")
    np.testing.assert_array_equal(np.array(values, np.float32), parameters.arrays["conv.bias"])


def test_half_precision_which_matlab_lacks_becomes_single(tmp_path, parameters):
    parameters.arrays["half"] = np.array([0.5, 65504], np.float16)
    export_state(parameters, "mat", tmp_path / "out")
    found = loadmat(tmp_path / "out" / "half.mat")["array"]
    assert found.dtype == np.float32
    assert found.ravel().tolist() == [0.5, 65504]


def test_a_variable_too_large_for_matlab_is_told(tmp_path, small, monkeypatch):
    monkeypatch.setattr("signbit.export.mat.exporter.LARGEST", 100)
    with pytest.raises(OutputError, match=r"n01_weight_words has \d+ bytes.* export to npz or"):
        export(small, "mat", tmp_path / "out", options={"single": True})
    assert not list(tmp_path.iterdir())


def test_missing_scipy_names_the_extra(tmp_path, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(MissingDependencyError, match=r"signbit\[export\]"):
        export(small, "mat", tmp_path / "out")
    assert not list(tmp_path.iterdir())
