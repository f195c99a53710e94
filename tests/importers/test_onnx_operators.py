"""Each operator of an ONNX file computes what ONNX Runtime computes, or the package qonnx."""

from typing import Any

import numpy as np
import pytest
import torch
from helpers.onnx_files import QONNX, in_onnx_runtime, in_qonnx, model, node, saved
from onnx import TensorProto, helper

from signbit.importers import Given
from signbit.importers.onnx._network import opened
from signbit.importers.onnx._operators import known

RNG = np.random.default_rng(0)
MAP, ROW = ("N", 4, 6, 7), ("N", 12)


def whole(*shape):
    return RNG.integers(-4, 5, shape).astype(np.float32)


def signs(*shape):
    return RNG.choice([-1, 1], shape).astype(np.float32)


def one(op, attributes=None, shape=MAP, opset=17, domain="", **constants):
    """A network of one operator, whose inputs after the first are constants."""
    inputs = " ".join(["x", *constants])
    return model([node(op, inputs, "y", domain, **(attributes or {}))], shape, constants, opset)


def chain(*nodes, shape: Any = MAP, opset: Any = 17, **constants):
    return model(list(nodes), shape, constants, opset)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


W = whole(6, 4, 3, 3)
PER_CHANNEL = floats(4, 1, 1)
# Sums of whole numbers and moves are equal in every bit.
EQUAL = {
    "Add": lambda: one("Add", c=PER_CHANNEL),
    "Add of rows": lambda: one("Add", c=floats(7)),
    "Sub": lambda: chain(node("Sub", "c x", "y"), c=floats(1, 4, 1, 1)),
    "Mul": lambda: one("Mul", c=floats(1)),
    "Div": lambda: one("Div", c=np.abs(PER_CHANNEL) + 1),
    "Max": lambda: one("Max", c=floats(4, 1, 1), d=floats(7)),
    "Min": lambda: chain(node("Min", "c x x", "y"), c=floats(1, 1, 1, 1)),
    "Sum": lambda: chain(node("Sum", "x x c", "y"), c=floats(7)),
    "Mean": lambda: chain(node("Mean", "x x c c", "y"), c=floats(7)),
    "x + x": lambda: chain(node("Add", "x x", "y")),
    "MatMul": lambda: one("MatMul", shape=ROW, c=whole(12, 5)),
    "MatMul of a vector": lambda: one("MatMul", shape=ROW, c=whole(12)),
    "MatMul of a map": lambda: one("MatMul", c=whole(7, 3)),
    "MatMul from left": lambda: chain(node("MatMul", "c x", "y"), c=whole(3, 6)),
    "MatMul, equal axes": lambda: one("MatMul", c=whole(1, 4, 7, 3)),
    "Gemm": lambda: one("Gemm", shape=ROW, c=whole(12, 5), d=whole(5)),
    "Gemm transposed": lambda: one(
        "Gemm", {"transB": 1, "alpha": 0.5, "beta": 2.0}, ROW, c=whole(5, 12), d=whole(1, 5)
    ),
    "Gemm without bias": lambda: one("Gemm", {"transB": 1}, ROW, c=whole(5, 12)),
    "Conv": lambda: one("Conv", c=W),
    "Conv with bias": lambda: one("Conv", {"pads": [1, 1, 1, 1]}, c=W, d=floats(6)),
    "Conv, uneven pads": lambda: one("Conv", {"pads": [0, 1, 2, 0], "strides": [2, 1]}, c=W),
    "Conv, groups": lambda: one("Conv", {"group": 2, "dilations": [2, 1]}, c=whole(6, 2, 2, 3)),
    "Conv SAME_UPPER": lambda: one("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 3]}, c=W),
    "Conv SAME_LOWER": lambda: one(
        "Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, c=whole(6, 4, 2, 4)
    ),
    "Conv VALID": lambda: one("Conv", {"auto_pad": "VALID"}, c=W),
    "Conv of a sequence": lambda: one("Conv", {"pads": [2, 1]}, ("N", 4, 9), c=whole(3, 4, 3)),
    "ConvTranspose": lambda: one(
        "ConvTranspose",
        {"strides": [2, 2], "pads": [1, 0, 1, 0], "output_padding": [1, 0]},
        c=whole(4, 3, 3, 2),
        d=whole(3),
    ),
    "MaxPool": lambda: one("MaxPool", {"kernel_shape": [2, 3], "strides": [2, 2]}),
    "MaxPool, pads": lambda: one("MaxPool", {"kernel_shape": [3, 3], "pads": [2, 0, 1, 2]}),
    "MaxPool, dilations": lambda: one(
        "MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 3], "pads": [1, 1, 1, 1]}
    ),
    "MaxPool, ceil": lambda: one(
        "MaxPool", {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1}
    ),
    "MaxPool, ceil and pads": lambda: one(
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 1, 1, 1]},
    ),
    "MaxPool SAME_LOWER": lambda: one(
        "MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER", "strides": [1, 2]}
    ),
    "MaxPool of a sequence": lambda: one("MaxPool", {"kernel_shape": [2]}, ("N", 4, 9)),
    "GlobalMaxPool": lambda: one("GlobalMaxPool"),
    "ReduceMax": lambda: one("ReduceMax", {"axes": [1], "keepdims": 0}),
    "ReduceMin": lambda: one("ReduceMin", {"axes": [2, -1]}),
    "ReduceSum": lambda: one("ReduceSum", {"keepdims": 0}, c=np.array([1, 3])),
    "ReduceSum 11": lambda: one("ReduceSum", {"axes": [-1]}, opset=11),
    "ReduceSum of nothing": lambda: one("ReduceSum", {"noop_with_empty_axes": 1}),
    "ReduceMax 18": lambda: one("ReduceMax", opset=18, c=np.array([2])),
    "Relu": lambda: one("Relu"),
    "Abs": lambda: one("Abs"),
    "Neg": lambda: one("Neg"),
    "Floor": lambda: one("Floor"),
    "Ceil": lambda: one("Ceil"),
    "Round": lambda: chain(node("Mul", "x c", "h"), node("Round", "h", "y"), c=0.5),
    "Sign": lambda: one("Sign"),
    "Sqrt": lambda: chain(node("Abs", "x", "h"), node("Sqrt", "h", "y")),
    "Reciprocal": lambda: one("Reciprocal"),
    "LeakyRelu": lambda: one("LeakyRelu", {"alpha": 0.3}),
    "PRelu": lambda: one("PRelu", c=floats(4, 1, 1)),
    "PRelu of a row": lambda: one("PRelu", shape=ROW, c=floats(12)),
    "PRelu along the map": lambda: one("PRelu", c=floats(6, 1)),
    "Clip": lambda: one("Clip", c=-1.0, d=1.5),
    "Clip, high": lambda: chain(node("Clip", "x - c", "y"), c=0.5),
    "Clip, no bounds": lambda: one("Clip"),
    "Clip 10": lambda: one("Clip", {"min": -0.5, "max": 2.0}, opset=10),
    "Clip 7": lambda: one("Clip", {"max": 2.0}, opset=7),
    "Clip, low above high": lambda: one("Clip", c=2.0, d=-1.0),
    "Dropout": lambda: one("Dropout"),
    "Dropout 7": lambda: one("Dropout", {"ratio": 0.3}, opset=7),
    "Identity": lambda: one("Identity"),
    "Where": lambda: chain(
        node("Greater", "x c", "g"), node("Where", "g d x", "y"), c=PER_CHANNEL, d=floats(7)
    ),
    "Less and Or": lambda: chain(
        node("Less", "x c", "a"),
        node("GreaterOrEqual", "x d", "b"),
        node("Or", "a b", "o"),
        node("Where", "o c d", "y"),
        **{"c": np.float32(-1), "d": np.float32(1)},
    ),
    "LessOrEqual, And, Not": lambda: chain(
        node("LessOrEqual", "x c", "a"),
        node("Not", "a", "b"),
        node("Equal", "x c", "e"),
        node("Xor", "b e", "o"),
        node("And", "o o", "p"),
        node("Cast", "p", "y", to=TensorProto.FLOAT),
        c=1.0,
    ),
    "Cast": lambda: chain(
        node("Cast", "x", "h", to=TensorProto.INT32), node("Cast", "h", "y", to=TensorProto.FLOAT)
    ),
    "Cast to truth": lambda: chain(
        node("Cast", "x", "h", to=TensorProto.BOOL), node("Cast", "h", "y", to=TensorProto.FLOAT)
    ),
    "Transpose": lambda: one("Transpose", {"perm": [0, 2, 3, 1]}),
    "Flatten": lambda: one("Flatten"),
    "Flatten, negative": lambda: one("Flatten", {"axis": -3}),
    "Squeeze": lambda: one("Squeeze", shape=("N", 4, 1, 5), c=np.array([-2])),
    "Squeeze 11": lambda: one("Squeeze", {"axes": [2]}, ("N", 4, 1, 5), 11),
    "Unsqueeze": lambda: one("Unsqueeze", shape=ROW, c=np.array([-1, 1])),
    "Unsqueeze 11": lambda: one("Unsqueeze", {"axes": [3, 2]}, ROW, 11),
    "Concat": lambda: chain(node("Concat", "x x", "y", axis=-3)),
    "Split": lambda: chain(
        node("Split", "x c", "a b", axis=1), node("Concat", "b a", "y", axis=1), c=np.array([1, 3])
    ),
    "Split 11": lambda: chain(
        node("Split", "x", "a b", axis=1, split=[3, 1]),
        node("Concat", "b a", "y", axis=1),
        opset=11,
    ),
    "Split 18": lambda: chain(
        node("Split", "x", "a b", axis=3, num_outputs=2),
        node("Concat", "b a", "y", axis=3),
        opset=18,
    ),
    "Gather": lambda: one("Gather", {"axis": 1}, c=np.array([[3, -4], [0, 0]])),
    "Gather of one": lambda: one("Gather", {"axis": 2}, c=np.array(-1)),
    "Slice": lambda: one(
        "Slice", c=np.array([1, -3]), d=np.array([9, -1]), e=np.array([1, 3]), f=np.array([2, 1])
    ),
    "Slice backwards": lambda: one(
        "Slice", c=np.array([-1]), d=np.array([-(1 << 31)]), e=np.array([2]), f=np.array([-2])
    ),
    "Slice of all samples": lambda: one("Slice", c=np.array([0, 1]), d=np.array([1 << 62, 3])),
    "Slice 9": lambda: one("Slice", {"starts": [1], "ends": [3], "axes": [1]}, opset=9),
    "Pad": lambda: one("Pad", c=np.array([0, 0, 1, 2, 0, 0, 0, 3]), d=-1.0),
    "Pad crops": lambda: one("Pad", c=np.array([0, 0, -1, 2, 0, 0, 0, -3])),
    "Pad 10": lambda: one("Pad", {"pads": [0, 0, 1, 0, 0, 0, 0, 0], "value": 2.0}, opset=10),
    "Pad reflects": lambda: one("Pad", {"mode": "reflect"}, c=np.array([0, 0, 1, 2, 0, 0, 0, 3])),
    "Pad of edges": lambda: one("Pad", {"mode": "edge"}, c=np.array([0, 0, 1, 2, 0, 0, 0, 3])),
    "Pad of axes": lambda: chain(
        node("Pad", "x c - d", "y"), opset=18, c=np.array([1, 2]), d=np.array([2])
    ),
    "Reshape": lambda: one("Reshape", c=np.array([0, -1, 7])),
    "Reshape, first open": lambda: one("Reshape", c=np.array([-1, 7, 24])),
    "Expand": lambda: one("Expand", shape=("N", 4, 1), c=np.array([1, 1, 5])),
    "a shape from a shape": lambda: chain(
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axes", "m"),
        node("Concat", "m rest", "to", axis=0),
        node("Reshape", "x to", "y"),
        **{"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])},
    ),
    "sizes from a shape": lambda: chain(
        node("Shape", "x", "s"),
        node("Slice", "s one end", "sides"),
        node("Slice", "s zero one", "n"),
        node("ReduceSum", "sides", "sum"),
        node("Mul", "sides sides", "more"),
        node("Div", "more sides", "same"),
        node("Concat", "n same", "to", axis=0),
        node("Cast", "to", "cast", to=TensorProto.INT64),
        node("Reshape", "x cast", "y"),
        **{"zero": np.array([0]), "one": np.array([1]), "end": np.array([9])},
    ),
    "Expand from a shape": lambda: chain(
        node("Shape", "x", "s"),
        node("Equal", "s minus", "none"),
        node("Where", "none ones s", "to"),
        node("Expand", "x to", "y"),
        **{"minus": np.array([-1] * 4), "ones": np.array([1] * 4)},
    ),
    "ConstantOfShape": lambda: chain(
        node("ConstantOfShape", "c", "h", value=helper.make_tensor("v", 1, [1], [2.5])),
        node("Add", "x h", "y"),
        c=np.array([4, 1, 7]),
    ),
    "Constant": lambda: chain(
        node("Constant", "", "a", value_floats=[0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5]),
        node("Constant", "", "b", value_float=2.0),
        node("Mul", "a b", "c"),
        node("Add", "x c", "y"),
    ),
    "a constant is folded": lambda: chain(
        node("Transpose", "c", "t"),
        node("Reshape", "t to", "r"),
        node("Add", "x r", "y"),
        c=floats(4, 7),
        to=np.array([7, 1, -1]),
        shape=("N", 7, 6, 4),
    ),
}


# Sums of real numbers in any order, and functions whose last bits differ.
CLOSE = {
    "AveragePool": lambda: one("AveragePool", {"kernel_shape": [2, 3], "strides": [2, 2]}),
    "AveragePool, pads": lambda: one(
        "AveragePool", {"kernel_shape": [3, 3], "pads": [1, 0, 1, 1], "strides": [2, 1]}
    ),
    "AveragePool, wide pads": lambda: one(
        "AveragePool", {"kernel_shape": [3, 2], "pads": [2, 1, 0, 1]}
    ),
    "AveragePool, counted pads": lambda: one(
        "AveragePool", {"kernel_shape": [3, 3], "pads": [1, 0, 2, 1], "count_include_pad": 1}
    ),
    "AveragePool, ceil": lambda: one(
        "AveragePool", {"kernel_shape": [3, 3], "strides": [2, 3], "ceil_mode": 1}
    ),
    "AveragePool SAME": lambda: one(
        "AveragePool", {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER", "strides": [2, 2]}
    ),
    "GlobalAveragePool": lambda: one("GlobalAveragePool"),
    "ReduceMean": lambda: one("ReduceMean", {"axes": [2, 3], "keepdims": 0}),
    "ReduceMean 18": lambda: one("ReduceMean", opset=18, c=np.array([1])),
    "BatchNormalization": lambda: one(
        "BatchNormalization",
        {"epsilon": 1e-3},
        c=floats(4),
        d=floats(4),
        e=floats(4),
        f=np.abs(floats(4)),
    ),
    "Pow": lambda: chain(node("Abs", "x", "h"), node("Pow", "h c", "y"), c=0.5),
    "Pow of whole": lambda: one("Pow", c=np.array(2)),
    "Exp": lambda: one("Exp"),
    "Log": lambda: chain(node("Exp", "x", "h"), node("Log", "h", "y")),
    "Erf": lambda: one("Erf"),
    "Tanh": lambda: one("Tanh"),
    "Sigmoid": lambda: one("Sigmoid"),
    "Sin": lambda: one("Sin"),
    "Cos": lambda: one("Cos"),
    "Softplus": lambda: one("Softplus"),
    "Softsign": lambda: one("Softsign"),
    "Elu": lambda: one("Elu", {"alpha": 0.7}),
    "HardSigmoid": lambda: one("HardSigmoid", {"alpha": 0.3}),
    "HardSwish": lambda: one("HardSwish"),
    "Softmax": lambda: one("Softmax"),
    "Softmax 13": lambda: one("Softmax", {"axis": 1}, opset=13),
    "Softmax 12": lambda: one("Softmax", opset=12),
    "LogSoftmax 9": lambda: one("LogSoftmax", {"axis": 2}, opset=9),
}
QUANTIZERS = {
    "BipolarQuant": lambda: one("BipolarQuant", domain=QONNX, shape=(1, *MAP[1:]), c=1.0),
    "BipolarQuant, scale": lambda: one(
        "BipolarQuant", domain=QONNX, shape=(1, *MAP[1:]), c=floats(4, 1, 1)
    ),
    "BipolarQuant of Brevitas": lambda: one(
        "BipolarQuant", domain="onnx.brevitas", shape=(1, *MAP[1:]), c=0.1
    ),
    **{
        f"Quant {signed} {narrow} {rounding}": lambda s=signed, n=narrow, r=rounding: one(
            "Quant",
            {"signed": s, "narrow": n, "rounding_mode": r},
            domain=QONNX,
            shape=(1, *MAP[1:]),
            c=0.75,
            d=0.0,
            e=1.0,
        )
        for signed in (0, 1)
        for narrow in (0, 1)
        for rounding in ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
    },
    "Quant, zero point": lambda: one(
        "Quant",
        {"signed": 0, "narrow": 0},
        domain=QONNX,
        shape=(1, *MAP[1:]),
        c=floats(4, 1, 1),
        d=0.5,
        e=1.0,
    ),
    "Quant of an input": lambda: one(
        "IntQuant",
        {"signed": 1, "narrow": 0},
        domain=QONNX,
        shape=(1, *MAP[1:]),
        c=0.25,
        d=0.0,
        e=4.0,
    ),
    "MultiThreshold": lambda: one(
        "MultiThreshold",
        {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0},
        domain=QONNX,
        shape=(1, *MAP[1:]),
        c=whole(4, 1),
    ),
    "MultiThreshold for all": lambda: one(
        "MultiThreshold",
        {"out_dtype": "BINARY", "data_layout": "NCHW"},
        domain=QONNX,
        shape=(1, *MAP[1:]),
        c=whole(1, 1),
    ),
    "MultiThreshold, NHWC": lambda: one(
        "MultiThreshold",
        {"out_dtype": "FLOAT32", "data_layout": "NHWC", "out_scale": 0.3, "out_bias": 0.7},
        domain=QONNX,
        shape=(1, *MAP[1:]),
        c=whole(7, 1),
    ),
    "MultiThreshold of a sequence": lambda: one(
        "MultiThreshold", {"out_dtype": "BINARY"}, domain=QONNX, shape=(1, 3, 4), c=whole(4, 1)
    ),
    "MultiThreshold of rows": lambda: one(
        "MultiThreshold", {"out_dtype": "BINARY"}, domain=QONNX, shape=(1, 12), c=whole(12, 1)
    ),
    "XnorPopcountMatMul": lambda: one(
        "XnorPopcountMatMul", domain=QONNX, shape=(1, 12), c=(signs(12, 5) + 1) / 2
    ),
    "MaxPoolNHWC": lambda: one(
        "MaxPoolNHWC",
        {"kernel_shape": [2, 3], "strides": [2, 2], "pads": [0, 0, 0, 0]},
        domain=QONNX,
        shape=(1, 6, 7, 4),
    ),
    "Im2Col": lambda: annotated(
        one(
            "Im2Col",
            {
                **{"stride": [2, 1], "kernel_size": [2, 3], "input_shape": "(1, 6, 7, 4)"},
                **{"pad_amount": [1, 0, 2, 1], "dilations": [2, 1]},
            },
            domain=QONNX,
            shape=(1, 6, 7, 4),
        )
    ),
}


def annotated(proto):
    annotation = proto.graph.quantization_annotation.add(tensor_name="x")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="FLOAT32")
    return proto


def computed(proto, x, folder):
    """What the graph of the importer computes."""
    network, _ = opened(saved(proto, folder), Given())
    name = network.names.get("y", "y")
    with torch.no_grad():
        return network.graph.finish([name])(torch.from_numpy(x)).numpy()


def inputs_of(proto):
    """Halves and whole numbers, zeros among them."""
    shape = [axis.dim_value for axis in proto.graph.input[0].type.tensor_type.shape.dim]
    return np.random.default_rng(7).integers(-8, 9, (3, *shape[1:])).astype(np.float32) / 2


@pytest.mark.parametrize("name", EQUAL)
def test_bits_are_those_of_onnx_runtime(tmp_path, name):
    proto = EQUAL[name]()
    x = inputs_of(proto)
    wanted = in_onnx_runtime(proto, x)
    np.testing.assert_array_equal(computed(proto, x, tmp_path), wanted)


@pytest.mark.parametrize("name", CLOSE)
def test_numbers_are_those_of_onnx_runtime_but_for_their_rounding(tmp_path, name):
    proto = CLOSE[name]()
    x = inputs_of(proto)
    wanted = in_onnx_runtime(proto, x)
    np.testing.assert_allclose(computed(proto, x, tmp_path), wanted, 1e-5, 1e-6)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_bits_are_those_of_qonnx(tmp_path, name):
    proto = QUANTIZERS[name]()
    x = inputs_of(proto)
    np.testing.assert_array_equal(computed(proto, x, tmp_path), in_qonnx(proto, x))


def test_every_operator_is_in_a_table():
    tested = {
        (one.domain, one.op_type)
        for cases in (EQUAL, CLOSE, QUANTIZERS)
        for make in cases.values()
        for one in make().graph.node
    }
    domains = {"", QONNX}
    assert {one for one in known() if one[0] in domains} - tested == {("", "Size")}
