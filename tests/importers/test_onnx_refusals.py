"""What an ONNX file may not have: the error names the operator and the reason."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from fuzz.fuzz_onnx import mutated, try_one
from helpers.onnx_files import QONNX, finn_style, model, node, saved
from onnx import TensorProto, helper

from signbit.convert import read
from signbit.errors import ConvertError
from signbit.format import Input, Preprocessing

SIGNS = np.ones((12, 3), np.float32)


def quantized(*nodes, shape=(1, 12), opset=13, **constants):
    """Operators before a binary layer."""
    found = {"w": SIGNS, "one": 1.0, "zero": 0.0, "n": np.array(3), **constants}
    return model([*nodes, node("MatMul", "h w", "y")], shape, found, opset)


def changed(change):
    made = finn_style()
    change(made)
    return made


def quant(bits):
    attributes = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    return {
        "nodes": [node("Quant", "v one zero bits", "h", QONNX, **attributes)],
        "bits": np.float32(bits),
    }


def weights_of(bits):
    parts = quant(bits)
    (made,) = parts["nodes"]
    made.input[0] = "w"
    layer = node("BipolarQuant", "x one", "b", QONNX), made, node("MatMul", "b h", "y")
    return model(layer, (1, 12), {"w": SIGNS, "one": 1.0, "zero": 0.0, "bits": parts["bits"]})


def many_with_one_name(number):
    nodes, last = [], "x"
    for index in range(number):
        nodes.append(node("Relu", last, f"v{index}"))
        nodes[-1].name, last = "same", f"v{index}"
    return model([*nodes, node("Abs", last, "y")], (1, 4))


REFUSED = {
    # More than one bit: the first such operator.
    "weights of two bits": (lambda: weights_of(2), r"h \(Quant\): it has 2 bits; only networks"),
    "weights of half a bit": (lambda: weights_of(0.5), r"it has 0.5 bits"),
    "activations of four bits": (
        lambda: quantized(
            node("BipolarQuant", "x one", "b", QONNX),
            node("MatMul", "b square", "v"),
            node("Quant", "v one zero bits", "h", QONNX, signed=1, narrow=0),
            square=np.ones((12, 12), np.float32),
            bits=4.0,
        ),
        r"h \(Quant\): it has 4 bits",
    ),
    "three thresholds": (
        lambda: quantized(
            node("MultiThreshold", "x t", "h", QONNX, out_dtype="UINT2"),
            t=np.zeros((12, 3), np.float32),
        ),
        r"h \(MultiThreshold\): thresholds of the shape \[12, 3\]",
    ),
    "a sign with three values": (
        lambda: quantized(
            node("BipolarQuant", "x one", "a", QONNX),
            node("MatMul", "a square", "b"),
            node("Sign", "b", "h"),
            square=np.ones((12, 12), np.float32),
        ),
        r"its input, made by h, is not a sign with two values: it gives 0",
    ),
    # Operators.
    "an operator that is not known": (
        lambda: quantized(node("GRU", "x", "h")),
        r"h \(GRU\): this operator cannot be read",
    ),
    "a domain that is not known": (
        lambda: quantized(node("Thing", "x", "h", "com.maker")),
        r"its domain 'com.maker' is not known",
    ),
    "an attribute that is not known": (
        lambda: quantized(node("Relu", "x", "h", slope=2.0)),
        r"h \(Relu\): attribute 'slope' cannot be read",
    ),
    "an attribute of another type": (
        lambda: quantized(node("Softmax", "x", "h", axis=1.0)),
        r"attribute 'axis' has another type than INT",
    ),
    "an input too many": (
        lambda: quantized(node("Relu", "x one", "h")),
        r"h \(Relu\): 2 inputs; 1 to 1 are allowed",
    ),
    "a branch": (
        lambda: quantized(
            node(
                "If",
                "one",
                "h",
                then_branch=helper.make_graph([], "t", [], []),
                else_branch=helper.make_graph([], "e", [], []),
            )
        ),
        r"h \(If\): this operator cannot be read",
    ),
    "a product of two values": (
        lambda: model([node("MatMul", "x x", "y")], (1, 4, 4)),
        "a product of two values that depend on the input",
    ),
    "whole numbers": (
        lambda: quantized(
            node("Cast", "x", "a", to=TensorProto.INT32),
            node("Add", "a a", "b"),
            node("Cast", "b", "h", to=TensorProto.FLOAT),
        ),
        r"b \(Add\): it computes in torch.int32",
    ),
    "double precision": (
        lambda: quantized(node("Cast", "x", "h", to=TensorProto.DOUBLE)),
        r"h \(Cast\): it computes in float64",
    ),
    "half precision": (
        lambda: quantized(node("Cast", "x", "h", to=TensorProto.FLOAT16)),
        r"FLOAT16 cannot be computed exactly",
    ),
    "two types": (lambda: quantized(node("Add", "x n", "h")), r"its inputs have the types"),
    "batch norm in training": (
        lambda: quantized(
            node("BatchNormalization", "x v v v v", "h", training_mode=1),
            v=np.ones(12, np.float32),
        ),
        "statistics of the batch",
    ),
    "a window outside of the map": (
        lambda: model(
            [node("MaxPool", "x", "y", kernel_shape=[2, 2], pads=[2, 0, 0, 0])], (1, 1, 4, 4)
        ),
        "a window outside of the map",
    ),
    # The samples.
    "samples are transposed": (
        lambda: model([node("Transpose", "x", "y", perm=[1, 0])], (1, 4)),
        "the first must stay the samples",
    ),
    "samples are joined": (
        lambda: model([node("Reshape", "x to", "y")], ("N", 4), {"to": np.array([1, -1])}),
        r"from \[N, 4\] to \[1, -1\]",
    ),
    "samples are divided": (
        lambda: model([node("Reshape", "x to", "y")], (1, 4), {"to": np.array([-1, 2])}),
        "the first axis must stay the number of samples",
    ),
    "a size from the number of samples": (
        lambda: model(
            [
                node("Shape", "x", "s"),
                node("Mul", "s two", "t"),
                node("Reshape", "x t", "y"),
            ],
            ("N", 4),
            {"two": np.array([1, 1])},
        ),
        r"t \(Mul\): it computes with the number of samples",
    ),
    "the number of samples at another place": (
        lambda: model(
            [
                node("Shape", "x", "s"),
                node("Gather", "s back", "t", axis=0),
                node("Reshape", "x t", "y"),
            ],
            ("N", 4),
            {"back": np.array([1, 0])},
        ),
        r"from \[N, 4\] to \[4, N\]",
    ),
    "a sum over samples": (
        lambda: model([node("ReduceSum", "x", "y", axes=[0])], (1, 4), opset=11),
        "axis 0 of 2; the first axis must stay",
    ),
    "a sum over everything": (
        lambda: model([node("ReduceSum", "x", "y")], (1, 4), opset=13),
        "it joins all numbers of all samples",
    ),
    "softmax over samples": (
        lambda: model([node("Softmax", "x", "y", axis=0)], (1, 4)),
        "axis 0 of 2",
    ),
    "a constant for each sample": (
        lambda: model([node("Add", "x c", "y")], (2, 4), {"c": np.ones((2, 4), np.float32)}),
        "does not go with one of 2 axes for every number of samples",
    ),
    "a constant with more axes": (
        lambda: model([node("Add", "x c", "y")], (1, 4), {"c": np.ones((1, 1, 4), np.float32)}),
        "does not go with one of 2 axes",
    ),
    "samples are squeezed": (lambda: model([node("Squeeze", "x", "y")], (1, 4, 1)), "give axes"),
    "some samples": (
        lambda: model(
            [node("Slice", "x a b", "y")], (4, 4), {"a": np.array([0]), "b": np.array([2])}
        ),
        "the first axis must stay",
    ),
    "concatenated samples": (
        lambda: model([node("Concat", "x x", "y", axis=0)], (1, 4)),
        "the first axis must stay",
    ),
    # The file.
    "an open size": (
        lambda: model([node("Relu", "x", "y")], (1, "C")),
        "only the number of samples",
    ),
    "an input of text": (
        lambda: model([node("Relu", "x", "y")], (1, 4), kind=TensorProto.STRING),
        r"STRING, \[1, 4\]\): an input must be",
    ),
    "an input without axes": (lambda: model([node("Relu", "x", "y")], ()), "with 2 to 4 axes"),
    "a side that is too long": (
        lambda: model([node("Relu", "x", "y")], (1, 1, 1 << 31, 1)),
        "input 'x': a value of 2147483648x1x1 is out of bounds",
    ),
    "an old operator set": (lambda: model([node("Relu", "x", "y")], (1, 4), opset=6), "set 6; one"),
    "a value with two sources": (
        lambda: model([node("Relu", "x", "y"), node("Abs", "x", "y")], (1, 4)),
        "'y' is the name of two values",
    ),
    "a value before its source": (
        lambda: model([node("Relu", "z", "y"), node("Abs", "y", "z")], (1, 4)),
        "which no operator before gives",
    ),
    "a constant of another size": (
        lambda: changed(lambda made: made.graph.initializer[1].dims.append(2)),
        "90 elements need 360 bytes, it has 180",
    ),
    "a constant of negative size": (
        lambda: changed(lambda made: made.graph.initializer[1].dims.__setitem__(0, -5)),
        "its shape is",
    ),
    "a huge constant": (
        lambda: changed(lambda made: made.graph.initializer[1].dims.append(1 << 40)),
        "at most 268435456 elements",
    ),
    "numbers in another file": (
        lambda: changed(lambda made: _external(made.graph.initializer[1])),
        "its numbers are in another file",
    ),
    "a function": (
        lambda: changed(lambda made: made.functions.add()),
        "it has functions, which cannot be read",
    ),
    "a sparse constant": (
        lambda: changed(lambda made: made.graph.sparse_initializer.add()),
        "it has sparse constants",
    ),
    "a constant as output": (
        lambda: model([node("Relu", "c", "y")], (1, 4), {"c": np.ones(3, np.float32)}),
        "output 'y' does not depend on an input",
    ),
    "a value that grows": (
        lambda: model([node("Expand", "x to", "y")], (1, 4, 1), {"to": np.array([1, 4, 1 << 40])}),
        "at most 268435456 elements",
    ),
    "more work than the format allows": (
        lambda: model(
            [node("Conv", "x w", "y", pads=[1, 1, 1, 1])],
            (1, 64, 256, 256),
            {"w": np.ones((64, 64, 3, 3), np.float32)},
        ),
        "the network is too large",
    ),
    "more operators than any network has, all with one name": (
        lambda: many_with_one_name(1 << 14),
        "more than 16384 operators",
    ),
    "a new version of QONNX": (
        lambda: changed(lambda made: made.opset_import[1].__setattr__("version", 3)),
        r"version 3 of qonnx.custom_op.general; 1 and 2",
    ),
    "a constant that grows": (
        lambda: model(
            [node("ConstantOfShape", "to", "c"), node("Add", "x c", "y")],
            (1, 4),
            {"to": np.array([1 << 20, 1 << 20])},
        ),
        "at most 268435456 elements",
    ),
}


def _external(tensor):
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


@pytest.mark.parametrize("case", REFUSED)
def test_the_error_names_the_operator_and_the_reason(tmp_path, case):
    make, message = REFUSED[case]
    path = saved(make(), tmp_path)
    with pytest.raises(ConvertError, match=message) as error:
        read(path)
    assert str(error.value).startswith(str(path))
    assert str(error.value).isprintable()


def test_a_file_with_more_fields_than_any_network_has(tmp_path):
    empty = b"\x0a\x00" * (1 << 20)  # nodes
    length = bytes([0x80 | len(empty) & 0x7F, 0x80 | len(empty) >> 7 & 0x7F])
    length += bytes([0x80 | len(empty) >> 14 & 0x7F, len(empty) >> 21])
    (tmp_path / "net.onnx").write_bytes(b"\x3a" + length + empty)
    with pytest.raises(ConvertError, match="more than 1048576 fields"):
        read(tmp_path / "net.onnx")


def test_a_file_that_is_nested_too_deeply(tmp_path):
    graph = helper.make_graph([], "g", [], [])
    for _ in range(20):
        graph = helper.make_graph([node("If", "", "y", then_branch=graph)], "g", [], [])
    saved(helper.make_model(graph), tmp_path)
    with pytest.raises(ConvertError, match="nested more than 32 deep"):
        read(tmp_path / "net.onnx")


@pytest.mark.parametrize(
    "content", [b"", b"not a network", b"\x00" * 100, b"\x3a\xff\xff\xff\xff\x7f", b"\x12\x01\xff"]
)
def test_a_file_of_something_else(tmp_path, content):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(ConvertError):
        read(tmp_path / "net.onnx")


def test_a_file_that_ends_early(tmp_path):
    content = finn_style().SerializeToString()
    for length in range(0, len(content), 29):
        (tmp_path / "net.onnx").write_bytes(content[:length])
        with pytest.raises(ConvertError):
            read(tmp_path / "net.onnx")


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "net.onnx").mkdir()
    with pytest.raises(ConvertError, match="cannot be read"):
        read(tmp_path / "net.onnx")


def test_mutations_are_refused_or_run():
    became = sum(try_one(mutated(number)) for number in range(5000, 5300))
    assert 60 < became < 240


PIXELS = Preprocessing([1.0], [0.0], (4, 4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preprocessing": Preprocessing([1.0] * 3, [0.0] * 3, (6, 6))}, "which has another shape"),
        ({"inputs": [Input.numbers("x", (5, 6, 1))]}, "which has another shape"),
        ({"inputs": [Input.numbers("x", (6, 6, 1))] * 2}, "2 inputs are given, but it has 1: x"),
        ({"layers": "cnv"}, "leave it out"),
    ],
)
def test_what_the_caller_says_must_fit_the_file(tmp_path, given, message):
    with pytest.raises(ConvertError, match=message):
        read(saved(finn_style(), tmp_path), **given)


def test_pixels_of_the_file_are_not_scaled_again(tmp_path):
    proto = model(
        [node("Cast", "x", "h", to=TensorProto.FLOAT), node("MatMul", "h w", "y")],
        ("N", 12),
        {"w": SIGNS},
        kind=TensorProto.UINT8,
    )
    path = saved(proto, tmp_path)
    with pytest.raises(ConvertError, match="it takes pixels as they are"):
        read(path, inputs=[Input.pixels("x", (12,), (0.5,), (0.0,))])
    assert read(path).inputs[0].kind == "u8"
    # A row may be a grey image.
    image = Preprocessing([1.0], [0.0], (3, 4))
    assert read(path, preprocessing=image).signature.is_of_images


def test_a_product_and_a_sum_after_pixels_are_their_scale(tmp_path):
    """The layer computes in integers, and the caller's own scale stays in the file."""
    proto = model(
        [
            node("Mul", "x two", "a"),
            node("Add", "a bias", "b"),
            node("Reshape", "b row", "h"),
            node("MatMul", "h w", "y"),
        ],
        (1, 1, 3, 4),
        {"w": SIGNS, "two": 2.0, "bias": np.float32(-255), "row": np.array([1, -1])},
    )
    pixels = Preprocessing([1.0], [0.0], (3, 4), ("a", "b", "c"))
    network = read(saved(proto, tmp_path), preprocessing=pixels)
    assert network.preprocessing == pixels
    (layer,) = [one for one in network.nodes if one.op == "conv_u8"]
    assert (layer.attributes["multiplier"], layer.attributes["offset"]) == (2, -255)


def test_to_list_the_importers_needs_no_heavy_package():
    code = (
        "import sys; from signbit.importers import importers; assert 'onnx' in importers.names(); "
        "assert not {'onnx', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    with pytest.raises(ImportError, match=r"the package onnx is needed.*signbit\[import\]"):
        read(path)


def test_the_file_of_this_table_is_read_where_nothing_is_changed(tmp_path):
    assert onnx.ModelProto.FromString(finn_style().SerializeToString()) == finn_style()
    assert read(saved(finn_style(), tmp_path)).nodes
