"""Functions of one number, of two numbers, and of all numbers along an axis, in ONNX."""

from typing import TYPE_CHECKING

import numpy as np

from signbit.format import Node

if TYPE_CHECKING:
    from signbit.export._onnx.writer import OnnxWriter

_FUNCTIONS = {
    "abs": "Abs",
    "cos": "Cos",
    "elu": "Elu",
    "erf": "Erf",
    "exp": "Exp",
    "floor": "Floor",
    "log": "Log",
    "reciprocal": "Reciprocal",
    "round": "Round",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "softplus": "Softplus",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "add": "Add",
    "divide": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "multiply": "Mul",
}


def unary(to: "OnnxWriter", node: Node, x: str) -> str:
    """A function of each number."""
    return to.graph.add(_FUNCTIONS[node.attributes["function"]], x)


def binary(to: "OnnxWriter", node: Node, x: str, y: str) -> str:
    """A function of two numbers; an axis of length 1 is broadcast."""
    if not to.is_row(to.number):  # one of the two may still be a row
        x, y = (to.as_map(source, name) for source, name in zip(node.inputs, (x, y), strict=True))
    if node.attributes["function"] == "masked":
        zero = to.graph.constant("zero", np.zeros((), np.float32))
        kept = to.graph.add("Or", to.graph.add("Less", y, zero), to.graph.add("Greater", y, zero))
        return to.graph.add("Where", kept, x, zero)
    return to.graph.add(_FUNCTIONS[node.attributes["function"]], x, y)


def reduce(to: "OnnxWriter", node: Node, x: str) -> str:
    """One number for all numbers along some axes."""
    numbers = {"height": 2, "width": 3, "channels": 1}
    axes = [numbers[axis] for axis in node.attributes["axes"]]
    x, function = to.as_map(node.inputs[0], x), node.attributes["function"]
    if function == "sum":
        reduced = to.graph.add("ReduceSum", x, to.graph.constant("axes", np.array(axes)))
    else:  # these operators have their axes as an attribute up to operator set 17
        name = {"mean": "ReduceMean", "maximum": "ReduceMax"}[function]
        reduced = to.graph.add(name, x, axes=axes)
    return to.as_value(reduced)
