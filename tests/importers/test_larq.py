"""Networks that Larq Compute Engine converted: the same numbers as its own interpreter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from signbit.convert import read
from signbit.errors import ConvertError
from signbit.format import Preprocessing
from signbit.importers.larq import _network
from signbit.importers.larq._file import read_content
from signbit.importers.larq._geometry import SAME, VALID, axis
from signbit.pack import OutputSpec
from signbit.runtime.engine import Engine

GOLDEN = Path(__file__).parent / "data" / "lce"
# Networks that must be refused, and why.
REFUSED = {
    "refused_int8": r"\(QUANTIZE\): integers of 8 bits cannot be read exactly; convert without",
    "refused_int8_interface": r"\(INT8 \[1, 4, 4, 3\]\): an input must be FLOAT32",
    "real_stack": r"returns values of shape \(3, 2, 5, 6\) for output",
}
# Their outputs hardly depend on the input.
CONSTANT = ("chain_norm_relu", "real_to_binary")
NAMES = sorted({path.stem for path in GOLDEN.glob("*.tflite")} - set(REFUSED))


def golden(name):
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        every = dict(arrays)
    return [
        [every[f"{kind}{number}"] for number in range(len(every)) if f"{kind}{number}" in every]
        for kind in ("input", "output")
    ]


def outputs_of(model, inputs):
    named = {one.name: array for one, array in zip(model.inputs, inputs, strict=True)}
    return list(Engine(model).run(named).values())


@pytest.mark.parametrize("name", NAMES)
def test_a_network_computes_what_the_interpreter_of_larq_computes(name):
    inputs, wanted = golden(name)
    model = read(GOLDEN / f"{name}.tflite")
    found = outputs_of(model, inputs)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        largest = np.abs(other).max()
        whole = model.info["exact"] and (other == other.round()).all()
        allowed = 0 if whole else 3e-6 * max(largest, 1)
        # A wrong bit of any layer must show.
        assert np.ptp(other, axis=0).max() > max(1000 * allowed, 1e-3) or name in CONSTANT
        assert np.abs(one - other).max() <= allowed


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused(name):
    with pytest.raises(ConvertError, match=REFUSED[name]):
        read(GOLDEN / f"{name}.tflite")


def test_layers_become_bits():
    model = read(GOLDEN / "quicknet.tflite")
    rows = {row["module"]: (row["type"], row["became"]) for row in model.info["modules"]}
    assert sum(kind == "LceBconv2d" for kind, _ in rows.values()) == 3
    assert all("XOR and popcount" in became for kind, became in rows.values() if "Bconv" in kind)
    assert model.info["importer"] == "larq"


def test_sums_become_integer_thresholds_where_signs_follow():
    *before, last = (node.op for node in read(GOLDEN / "chain_norm_pool.tflite").nodes)
    assert set(before) == {"threshold", "conv_bits", "max_pool"}
    assert last == "affine"


def test_pixels_and_classes_can_be_given():
    given = Preprocessing([0.5] * 3, [-1.0] * 3, (16, 16), ["a", "b", "c", "d", "e"])
    model = read(GOLDEN / "quicknet.tflite", preprocessing=given)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    wanted = Engine(read(GOLDEN / "quicknet.tflite")).scores(pixels.astype(np.float32) / 2 - 1)
    np.testing.assert_allclose(Engine(model).scores(pixels), wanted, rtol=1e-5)
    assert model.preprocessing == given


def test_equal_names_of_the_file_become_different_ones():
    model = read(GOLDEN / "two_outputs.tflite")
    assert [one.name for one in model.outputs] == [
        "StatefulPartitionedCall",
        "StatefulPartitionedCall_2",
    ]


def test_outputs_can_be_named():
    classes = OutputSpec("left", "classes", ["a", "b", "c", "d", "e"])
    named = [classes, OutputSpec("right", "numbers")]
    model = read(GOLDEN / "two_outputs.tflite", outputs=named)
    assert [one.name for one in model.outputs] == ["left", "right"]
    assert [one.kind for one in model.outputs] == ["classes", "numbers"]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "outputs", "before", "after"),
    [
        (5, 3, 1, 1, 5, 1, 1),
        (6, 3, 2, 1, 3, 0, 1),
        (5, 3, 2, 1, 3, 1, 1),
        (5, 2, 1, 1, 5, 0, 1),
        (5, 3, 1, 2, 5, 2, 2),
        (7, 1, 3, 1, 3, 0, 0),
    ],
)
def test_windows_of_same(size, kernel, stride, dilation, outputs, before, after):
    found = axis(size, kernel, stride, dilation, SAME)
    assert (found.outputs, found.before, found.after) == (outputs, before, after)
    inside = axis(size, kernel, stride, dilation, VALID)
    assert (inside.before, inside.after) == (0, 0)
    assert inside.outputs == len(range(0, size - (kernel - 1) * dilation, stride))


@pytest.fixture
def changed(monkeypatch):
    """Reads a golden file after a change of its content."""

    def run(name, change):
        path = GOLDEN / f"{name}.tflite"
        content = change(read_content(path))
        monkeypatch.setattr(_network, "read_content", lambda _: content)
        return read(path)

    return run


def renamed(found, kind, other):
    """Give the operators of a kind the name of another."""
    operators = [replace(one, kind=other) if one.kind == kind else one for one in found.operators]
    return replace(found, operators=operators)


def with_input(found, operator, position, **changes):
    """Change the tensor that an operator of a kind reads."""
    number = next(one for one in found.operators if one.kind == operator).inputs[position]
    tensors = list(found.tensors)
    tensors[number] = replace(tensors[number], **changes)
    return replace(found, tensors=tensors)


def test_an_unknown_operator_is_named(changed):
    with pytest.raises(ConvertError, match=r"quicknet.tflite: \S+ \(MEANT\): this operator cannot"):
        changed("quicknet", lambda content: renamed(content, "MEAN", "MEANT"))


def test_a_shape_that_the_operators_do_not_give_is_refused(changed):
    def change(content):
        number = content.operators[1].outputs[0]
        tensors = list(content.tensors)
        tensors[number] = replace(tensors[number], shape=(1, 5, 5, 33))
        return replace(content, tensors=tensors)

    with pytest.raises(ConvertError, match=r"gives FLOAT32 \[1, 5, 6, 33\], but the file says"):
        changed("conv_ones", change)


def test_real_numbers_are_no_words_of_bits(changed):
    with pytest.raises(ConvertError, match=r"\(RELU\): input 0 holds words of bits"):
        changed("conv_ones", lambda content: renamed(content, "LceBconv2d", "RELU"))


def test_bits_beyond_the_channels_are_refused(changed):
    words = np.full(33 * 3 * 3, -1, "<i4").view(np.uint8)
    with pytest.raises(ConvertError, match="bits beyond its 3 channels"):
        changed("conv_ones", lambda content: with_input(content, "LceBconv2d", 1, content=words))


def test_numbers_that_are_not_finite_are_refused(changed):
    values = np.full(33, np.nan, "<f4").view(np.uint8)
    with pytest.raises(ConvertError, match="not finite"):
        changed("conv_ones", lambda content: with_input(content, "LceBconv2d", 2, content=values))


def test_integers_of_8_bits_are_refused(changed):
    with pytest.raises(ConvertError, match=r"INT8 .* convert the network without quantization"):
        changed("conv_ones", lambda content: with_input(content, "LceQuantize", 0, kind="INT8"))


def test_zero_padding_of_a_map_below_its_window_is_refused(changed):
    """There, the engine of Larq leaves its border as if it were padded with +1."""

    def change(content):
        tensors = [
            replace(one, shape=(1, 2, *one.shape[2:]) if one.shape[:2] == (1, 5) else one.shape)
            for one in content.tensors
        ]
        return replace(content, tensors=tensors)

    with pytest.raises(ConvertError, match=r"window is larger than its input of 2x6"):
        changed("conv_zeros", change)


def test_an_input_that_would_fill_the_memory_is_refused(changed):
    def change(content):
        (number,) = content.inputs
        tensors = list(content.tensors)
        tensors[number] = replace(tensors[number], shape=(1, 60000, 60000, 3))
        return replace(content, tensors=tensors)

    with pytest.raises(ConvertError, match="at most 134217728 numbers are allowed for a sample"):
        changed("conv_ones", change)


def test_a_file_that_is_no_flatbuffer_is_refused(tmp_path):
    path = tmp_path / "text.tflite"
    path.write_text("not a network at all")
    with pytest.raises(ConvertError, match=r"text\.tflite: damaged"):
        read(path)


def test_layers_belong_to_another_tool():
    with pytest.raises(ConvertError, match="layers themselves; leave it out"):
        read(GOLDEN / "quicknet.tflite", layers="cnv")


@pytest.mark.parametrize("package", ["tflite", "torch"])
def test_a_missing_package_is_named(package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match=rf"{package} is needed; install it with: pip"):
        read(GOLDEN / "quicknet.tflite")
