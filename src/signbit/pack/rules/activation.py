"""Functions of one number."""

import math
from collections.abc import Callable

import torch

from signbit.pack._draft import RealForm, RealNode, chain
from signbit.pack._layout import Placed
from signbit.pack._nodes import (
    DIVIDE,
    MULTIPLY,
    NOT,
    RECIPROCAL,
    affine,
    clamp,
    scaled,
    unary,
)
from signbit.pack._pairs import pair
from signbit.pack._pointwise import pointwise, rounded
from signbit.pack._rule import RuleCall
from signbit.pack.rules import rules


def _times_itself(*nodes: RealNode) -> RealForm:
    """x * f(x)."""
    return RealForm((0, chain(*nodes)), (MULTIPLY,))


_UP_TO_SIX = (affine(1.0, 3.0), clamp(0.0, 6.0))


def _sixth(form: RealForm) -> RealForm:
    return RealForm((form, torch.tensor(6.0)), (DIVIDE,))


def _plain(name: str, what: str, slope: float | None, form: Callable[[], RealForm | None]) -> None:
    @rules.register(name)
    def rule(c: RuleCall) -> Placed:
        return pointwise(c, {"self": slope}, form)

    rule.__name__, rule.__doc__ = name, what


_plain("relu", "max(x, 0).", 1.0, lambda: chain(clamp(0.0, math.inf)))
_plain("relu6", "min(max(x, 0), 6).", 1.0, lambda: chain(clamp(0.0, 6.0)))
_plain("tanh", "tanh(x).", 1.0, lambda: chain(unary("tanh")))
_plain("sigmoid", "1 / (1 + exp(-x)).", 1.0, lambda: chain(unary("sigmoid")))
_plain(
    "hardsigmoid",
    "x / 6 + 1/2, between 0 and 1.",
    1.0,
    lambda: _sixth(chain(*_UP_TO_SIX)),
)
_plain(
    "hardswish",
    "x times hardsigmoid(x).",
    None,
    lambda: _sixth(_times_itself(*_UP_TO_SIX)),
)
_plain("silu", "x times sigmoid(x).", None, lambda: _times_itself(unary("sigmoid")))
_plain(
    "mish",
    "x times tanh(softplus(x)).",
    None,
    lambda: _times_itself(unary("softplus"), unary("tanh")),
)
_plain("erf", "The error function.", 1.0, lambda: chain(unary("erf")))
_plain("exp", "exp(x).", 1.0, lambda: chain(unary("exp")))
_plain("log", "log(x).", 1.0, lambda: chain(unary("log")))
_plain("sqrt", "The square root.", 1.0, lambda: chain(unary("sqrt")))
_plain("abs", "The magnitude of the number.", None, lambda: chain(unary("abs")))
_plain("cos", "cos(x).", None, lambda: chain(unary("cos")))
_plain("sin", "sin(x).", None, lambda: chain(unary("sin")))
_plain("expm1", "exp(x) - 1.", 1.0, lambda: chain(unary("exp"), affine(1.0, -1.0)))
_plain("atan", "atan(x). Before a sign only.", 1.0, lambda: None)
_plain("asinh", "asinh(x). Before a sign only.", 1.0, lambda: None)
_plain("asin", "asin(x). Before a sign only.", 1.0, lambda: None)
_plain("atanh", "atanh(x). Before a sign only.", 1.0, lambda: None)
_plain("sinh", "sinh(x). Before a sign only.", 1.0, lambda: None)
_plain("exp2", "2 ** x.", 1.0, lambda: chain(scaled(math.log(2)), unary("exp")))
_plain(
    "log2", "The logarithm to base 2.", 1.0, lambda: chain(unary("log"), scaled(math.log2(math.e)))
)
_plain(
    "log10",
    "The logarithm to base 10.",
    1.0,
    lambda: chain(unary("log"), scaled(math.log10(math.e))),
)
_plain(
    "tan", "tan(x).", None, lambda: RealForm((chain(unary("sin")), chain(unary("cos"))), (DIVIDE,))
)
_plain("log1p", "log(1 + x).", 1.0, lambda: chain(affine(1.0, 1.0), unary("log")))


@rules.register("floor")
def floor(c: RuleCall) -> Placed:
    """The next whole number below."""
    return rounded(c, lambda: chain(unary("floor")))


@rules.register("ceil")
def ceil(c: RuleCall) -> Placed:
    """The next whole number above."""
    return rounded(c, lambda: chain(affine(-1.0, 0.0), unary("floor"), affine(-1.0, 0.0)))


@rules.register("round")
def nearest(c: RuleCall) -> Placed:
    """The nearest number with `decimals` decimals, 0 by default; a tie goes to the even one."""
    decimals = int(c.call.arguments.get("decimals") or 0)
    form = chain(unary("round"))
    if decimals == 0:
        return rounded(c, lambda: form)
    if decimals > 0:
        power = 10.0**decimals
        form = RealForm((chain(scaled(power), unary("round")), torch.tensor(power)), (DIVIDE,))
    else:
        power = 10.0**-decimals
        form = RealForm(
            (RealForm((0, torch.tensor(power)), (DIVIDE,)),), (unary("round"), scaled(power))
        )
    return pointwise(c, {"self": 1.0}, lambda: form)


@rules.register("logit")
def logit(c: RuleCall) -> Placed:
    """log(x / (1 - x)); where eps is given, x is limited by eps and 1 - eps."""
    eps = c.optional("eps")
    bounds = [] if eps is None else [clamp(float(eps), 1 - float(eps))]
    odds = RealForm((chain(*bounds), chain(*bounds, NOT)), (DIVIDE, unary("log")))
    return pointwise(c, {"self": 1.0}, lambda: odds)


@rules.register("rsqrt")
def rsqrt(c: RuleCall) -> Placed:
    """1 over the square root."""
    form = chain(unary("sqrt"), RECIPROCAL)
    return pointwise(c, {}, lambda: form, exact=False)


@rules.register("log_sigmoid_forward")
def log_sigmoid(c: RuleCall) -> list[Placed | None]:
    """-softplus(-x)."""
    form = chain(affine(-1.0, 0.0), unary("softplus"), affine(-1.0, 0.0))
    return [pointwise(c, {"self": 1.0}, lambda: form), None]


@rules.register("leaky_relu")
def leaky_relu(c: RuleCall) -> Placed:
    """The number, with a slope of its own below zero."""
    slope = c.number("negative_slope")
    form = chain(RealNode("prelu", {}, {"slope": torch.tensor(slope)}))
    return pointwise(c, {"self": 1.0 if slope >= 0 else None}, lambda: form)


@rules.register("rrelu_with_noise")
def rrelu(c: RuleCall) -> list[Placed | None]:
    """The number, with the mean of two slopes below zero; the noise of training cannot be read."""
    if c["training"]:
        c.refuse("it draws random slopes; do that in training only (training=self.training)")
    slope = (c.number("lower") + c.number("upper")) / 2
    form = chain(RealNode("prelu", {}, {"slope": torch.tensor(slope)}))
    arguments = {"self": c["self"], "negative_slope": slope}
    as_leaky = c.run_as("leaky_relu", torch.ops.aten.leaky_relu.default, arguments)
    found = pointwise(as_leaky, {"self": 1.0 if slope >= 0 else None}, lambda: form)
    return [None] * (len(c.call.results) - 1) + [found]


@rules.register("_prelu_kernel")
def prelu(c: RuleCall) -> Placed:
    """The number, with a learned slope of its own below zero."""
    slope = c.constant("weight").float()
    rising = torch.where(slope >= 0, 1.0, float("nan"))
    return pointwise(
        c,
        {"self": rising},
        lambda slope: chain(RealNode("prelu", {}, {"slope": slope})),
        {"slope": slope},
    )


@rules.register("elu")
def elu(c: RuleCall) -> Placed:
    """scale * x above zero, else scale * alpha * (exp(input_scale * x) - 1)."""
    alpha, scale, inner = c.number("alpha"), c.number("scale"), c.number("input_scale")
    rising = 1.0 if min(alpha, scale, inner) > 0 else None
    nodes = [unary("elu"), RealNode("prelu", {}, {"slope": torch.tensor(alpha)})]
    if scale != 1:
        nodes.append(affine(scale, 0.0))
    form = chain(*nodes) if inner == 1 else None
    return pointwise(c, {"self": rising}, lambda: form)


@rules.register("celu")
def celu(c: RuleCall) -> Placed:
    """alpha * elu(x / alpha), for a positive alpha."""
    alpha = c.number("alpha")
    form = chain(affine(1 / alpha, 0.0), unary("elu"), affine(alpha, 0.0))
    return pointwise(c, {"self": 1.0 if alpha > 0 else None}, lambda: form)


@rules.register("softplus")
def softplus(c: RuleCall) -> Placed:
    """log(1 + exp(beta * x)) / beta."""
    beta = c.number("beta")
    form = chain(affine(beta, 0.0), unary("softplus"), affine(1 / beta, 0.0))
    return pointwise(c, {"self": 1.0 if beta > 0 else None}, lambda: form)


@rules.register("fake_quantize_per_tensor_affine_cachemask")
def fake_quantize(c: RuleCall) -> list[Placed | None]:
    """The number, rounded to the nearest of some levels."""
    scale, zero = c.number("scale"), c.number("zero_point")
    shift, back = ([affine(1.0, by)] if zero else [] for by in (zero, -zero))
    bounds = clamp(float(c["quant_min"]), float(c["quant_max"]))
    inverse = 1 / torch.tensor(scale)
    form = chain(scaled(inverse), unary("round"), *shift, bounds, *back, scaled(scale))
    return [pointwise(c, {"self": 1.0}, lambda: form), None]


@rules.register("glu")
def glu(c: RuleCall) -> Placed:
    """One half of a dimension times the sigmoid of the other."""
    halves = c["self"].halves(int(c["dim"]))
    arguments = {"self": halves[0], "other": halves[1]}
    both = c.run_as("mul", torch.ops.aten.mul.Tensor, arguments)
    return pair(both, "multiply", {}, ((), (unary("sigmoid"),)))


@rules.register("gelu")
def gelu(c: RuleCall) -> Placed:
    """x times the cumulative normal distribution at x, or its approximation by tanh."""
    if c["approximate"] == "tanh":
        return pointwise(c, {}, _gelu_by_tanh)
    form = _times_itself(affine(0.7071067811865476, 0.0), unary("erf"), affine(0.5, 0.5))
    return pointwise(c, {}, lambda: form)


def _gelu_by_tanh() -> RealForm:
    """x * (1 + tanh(x * (k + 0.044715 * k * x^2))) / 2, k being sqrt(2 / pi)."""
    k = 0.7978845608028654
    inner = RealForm((0, 0), (MULTIPLY, affine(0.044715 * k, k)))
    gate = RealForm((0, inner), (MULTIPLY, unary("tanh"), affine(0.5, 0.5)))
    return RealForm((0, gate), (MULTIPLY,))
