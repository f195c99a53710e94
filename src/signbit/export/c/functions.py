"""Functions of one number, of two numbers, and of all numbers along an axis, as C."""

from math import prod

from signbit.export.c.node_code import NodeCode, NodeView, Snippet
from signbit.format.types import ValueType

_BROADCAST = Snippet("broadcast")
# Functions of a float x, with those of math.h. NaN stays NaN.
UNARY = {
    "abs": "fabsf(x)",
    "cos": "cosf(x)",
    "elu": "x > 0 ? x : expm1f(x)",
    "erf": "erff(x)",
    "exp": "expf(x)",
    "floor": "floorf(x)",
    "log": "logf(x)",
    "reciprocal": "1.0f / x",
    "round": "rintf(x)",
    "sigmoid": "1.0f / (1.0f + expf(-x))",
    "sign": "isnan(x) ? x : (float)((x > 0) - (x < 0))",
    "sin": "sinf(x)",
    "softplus": "(x > 0 ? x : 0) + log1pf(expf(-fabsf(x)))",
    "sqrt": "sqrtf(x)",
    "tanh": "tanhf(x)",
}
# Functions of floats x and y.
BINARY = {
    "add": "x + y",
    "divide": "x / y",
    "masked": "y < 0 || y > 0 ? x : 0",
    "maximum": "isnan(x) || x > y ? x : y",
    "minimum": "isnan(x) || x < y ? x : y",
    "multiply": "x * y",
}
# The value that a result starts from, its value after a number *x, and its value at the end.
REDUCE = {
    "maximum": ("-INFINITY", "isnan(*into) || *into > *x ? *into : *x", "out[i]"),
    "mean": ("0", "*into + *x", "out[i] / (float)count"),
    "sum": ("0", "*into + *x", "out[i]"),
}


def unary(view: NodeView) -> NodeCode:
    """A function of each number."""
    name = view.node.attributes["function"]
    words = {"FUNCTION": name, "EXPRESSION": UNARY[name]}
    call = f"unary_{name}({view.gives.elements}, {{x0}}, {{out}})"
    return NodeCode([Snippet("unary", words)], call)


def binary(view: NodeView) -> NodeCode:
    """A function of two numbers; an axis of length 1 is broadcast."""
    name = view.node.attributes["function"]
    words = {"FUNCTION": name, "EXPRESSION": BINARY[name]}
    code = NodeCode([_BROADCAST, Snippet("binary", words)], "")
    strides = [
        code.add_struct("strides", f"{view.name}_{which}", _strides(view.model.types[source]))[1:]
        for which, source in zip(("left", "right"), view.node.inputs, strict=True)
    ]
    sizes = ", ".join(map(str, view.gives[1:]))
    code.call = f"binary_{name}({sizes}, {', '.join(strides)}, {{x0}}, {{x1}}, {{out}})"
    return code


def reduce(view: NodeView) -> NodeCode:
    """One number for all numbers along some axes."""
    name = view.node.attributes["function"]
    first, expression, result = REDUCE[name]
    words = {"FUNCTION": name, "FIRST": first, "EXPRESSION": expression, "RESULT": result}
    code = NodeCode([_BROADCAST, Snippet("reduce", words)], "")
    to = code.add_struct("strides", view.name, _strides(view.gives))[1:]
    sizes = ", ".join(map(str, view.source[1:]))
    count = prod(view.source[1:]) // prod(view.gives[1:])
    code.call = f"reduce_{name}({sizes}, {to}, {view.gives.elements}, {count}, {{x0}}, {{out}})"
    return code


def _strides(value: ValueType) -> list[int]:
    steps = (value.width * value.channels, value.channels, 1)
    return [step if side > 1 else 0 for step, side in zip(steps, value[1:], strict=True)]
