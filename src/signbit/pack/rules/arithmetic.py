"""Sums, products, quotients, and the lower or higher of two."""

import math

import torch
from torch import Tensor

from signbit.pack._draft import Pointwise, RealForm, RealNode, chain
from signbit.pack._layout import Placed
from signbit.pack._nodes import (
    ADD,
    DIVIDE,
    MULTIPLY,
    NEGATED,
    RECIPROCAL,
    affine,
    binary,
    clamp,
    scaled,
    unary,
)
from signbit.pack._pairs import pair
from signbit.pack._pointwise import pointwise, rounded
from signbit.pack._rule import RuleCall
from signbit.pack.rules import rules

_MOST_PRODUCTS = 8


@rules.register("add")
def add(c: RuleCall) -> Placed:
    """self + alpha * other."""
    return _sum(c, 1.0, float(c["alpha"]))


@rules.register("sub")
def sub(c: RuleCall) -> Placed:
    """self - alpha * other."""
    return _sum(c, 1.0, -float(c["alpha"]))


@rules.register("rsub")
def rsub(c: RuleCall) -> Placed:
    """other - alpha * self."""
    return _sum(c, -float(c["alpha"]), 1.0)


def _sum(c: RuleCall, one: float, other: float) -> Placed:
    """one * self + other * other. One of the factors is 1. Torch may fuse product and sum."""
    factors = {"self": one, "other": other}
    exact = math.frexp(one * other)[0] in (-0.5, 0.5)
    if _both(c):
        return pair(c, "add", factors, _factors(one, other), exact=exact)
    name, constant = ("self", "other") if c.is_value("self") else ("other", "self")
    constants = {
        "scale": torch.tensor(factors[name]),
        "bias": factors[constant] * c.constant(constant).float(),
    }
    return pointwise(c, factors, _affine, constants, exact=exact)


@rules.register("mul")
def mul(c: RuleCall) -> Placed:
    """The product."""
    if not _both(c):
        name, other = ("self", "other") if c.is_value("self") else ("other", "self")
        scale = c.constant(other).float()
        return pointwise(c, {name: scale}, _affine, {"scale": scale, "bias": torch.tensor(0.0)})
    return pair(c, "multiply", {})


@rules.register("neg")
def neg(c: RuleCall) -> Placed:
    """-self."""
    constants = {"scale": torch.tensor(-1.0), "bias": torch.tensor(0.0)}
    return pointwise(c, {"self": -1.0}, _affine, constants)


@rules.register("div")
def div(c: RuleCall) -> Placed:
    """self / other."""
    mode = c.call.arguments.get("rounding_mode")
    if mode is not None:
        return _floored(c) if mode == "floor" else _truncated(c)
    if not c.is_value("other"):
        divisor = c.constant("other").float()
        return pointwise(c, {"self": divisor}, _quotient, {"divisor": divisor})
    if c.is_value("self"):
        value = pair(c, "divide", {})
        if isinstance(value.step, Pointwise):
            # A number divided by its own magnitude is a sign.
            value.step.stepwise = True
        return value
    return pointwise(c, {}, _of_reciprocal, {"dividend": c.constant("self").float()})


@rules.register("floor_divide")
def floor_divide(c: RuleCall) -> Placed:
    """floor(self / other)."""
    return _floored(c)


def _floored(c: RuleCall) -> Placed:
    """Torch floors the exact quotient. Dividing by a power of two is exact here as well."""
    divisor = _divisor(c)
    form = chain(scaled(1 / divisor), unary("floor")) if _is_power_of_two(divisor) else None
    return pointwise(c, {"self": divisor}, lambda: form)


def _truncated(c: RuleCall) -> Placed:
    divisor = _divisor(c)
    return pointwise(
        c, {"self": divisor}, lambda found: _trunc(_quotient(found)), {"found": divisor}
    )


@rules.register("remainder")
def remainder(c: RuleCall) -> Placed:
    """self - other * floor(self / other)."""
    return _left(c, unary("floor"))


@rules.register("fmod")
def fmod(c: RuleCall) -> Placed:
    """self - other * trunc(self / other)."""
    return _left(c, None)


@rules.register("trunc")
def trunc(c: RuleCall) -> Placed:
    """The next whole number towards zero."""
    return rounded(c, lambda: _trunc(chain()))


@rules.register("frac")
def frac(c: RuleCall) -> Placed:
    """self - trunc(self)."""
    return pointwise(c, {}, lambda: RealForm((0, RealForm((_trunc(chain()),), (NEGATED,))), (ADD,)))


def _left(c: RuleCall, floor: RealNode | None) -> Placed:
    """self minus a multiple of other. With a power of two no step is rounded."""
    divisor = _divisor(c)
    if not _is_power_of_two(divisor):
        return pointwise(c)
    quotient = chain(scaled(1 / divisor))
    whole = _trunc(quotient) if floor is None else RealForm((quotient,), (floor,))
    form = RealForm((0, RealForm((whole,), (scaled(-divisor),))), (ADD,))
    return pointwise(c, {}, lambda: form)


def _trunc(form: RealForm) -> RealForm:
    return RealForm(
        (RealForm((form,), (unary("abs"), unary("floor"))), RealForm((form,), (unary("sign"),))),
        (MULTIPLY,),
    )


def _divisor(c: RuleCall) -> Tensor:
    """One number for all. Raises: PackError where there are several, or it is not constant."""
    divisor = c.constant("other").float()
    if divisor.numel() != 1:
        c.refuse("division that rounds, by several numbers; divide, then call torch.floor")
    return divisor.reshape(())


def _is_power_of_two(divisor: Tensor) -> bool:
    return bool((torch.frexp(1 / divisor).mantissa.abs() == 0.5).all())


@rules.register("reciprocal")
def reciprocal(c: RuleCall) -> Placed:
    """1 / self."""
    return pointwise(c, {}, lambda: chain(RECIPROCAL))


@rules.register("maximum")
def maximum(c: RuleCall) -> Placed:
    """The higher of two."""
    if _both(c):
        return pair(c, "maximum", {"self": 1.0, "other": 1.0})
    name, other = ("self", "other") if c.is_value("self") else ("other", "self")
    return pointwise(c, {name: 1.0}, _at_least, {"bound": c.constant(other).float()})


@rules.register("minimum")
def minimum(c: RuleCall) -> Placed:
    """The lower of two."""
    if _both(c):
        return pair(c, "minimum", {"self": 1.0, "other": 1.0})
    name, other = ("self", "other") if c.is_value("self") else ("other", "self")
    return pointwise(c, {name: 1.0}, _at_most, {"bound": c.constant(other).float()})


@rules.register("pow")
def power(c: RuleCall) -> Placed:
    """self ** exponent, with a constant exponent or a positive constant base."""
    if not c.is_value("self") and bool((c.constant("self") > 0).all()):
        base = c.constant("self").float().log()
        return pointwise(
            c, {"exponent": base}, lambda found: chain(scaled(found), unary("exp")), {"found": base}
        )
    if c.is_value("exponent"):
        c.refuse(
            "an exponent that depends on the input; give a number, or a positive constant as base"
        )
    exponent = c.number("exponent")
    if exponent == 2:
        return pair(c, "multiply", {}, names=("self", "self"))
    # Torch itself multiplies no more than three times.
    exact = abs(exponent) <= 3
    return pointwise(c, {"self": _slope_of_power(exponent)}, lambda: _power(exponent), exact=exact)


def _slope_of_power(exponent: float) -> float | None:
    odd = exponent > 0 and exponent % 2 == 1
    # With a fraction as exponent, it is defined for positive numbers only.
    return 1.0 if odd or (exponent > 0 and exponent % 1) else None


def _power(exponent: float) -> RealForm:
    if exponent < 0:
        return RealForm((_power(-exponent),), (RECIPROCAL,))
    if exponent == 0.5:
        return chain(unary("sqrt"))
    if exponent % 1 or exponent > _MOST_PRODUCTS:
        return chain(unary("log"), scaled(exponent), unary("exp"))
    if exponent == 0:
        return chain(affine(0.0, 1.0))
    form = chain()
    for _ in range(int(exponent) - 1):
        form = RealForm((0, form), (MULTIPLY,))
    return form


@rules.register("square")
def square(c: RuleCall) -> Placed:
    """self * self."""
    return pair(c, "multiply", {}, names=("self", "self"))


def _both(c: RuleCall) -> bool:
    return c.is_value("self") and c.is_value("other")


def _factors(*factors: float) -> list[list[RealNode]]:
    return [[] if factor == 1 else [scaled(factor)] for factor in factors]


def _affine(scale: Tensor, bias: Tensor) -> RealForm:
    return chain(affine(scale, bias))


def _quotient(divisor: Tensor) -> RealForm:
    """x / divisor. A product with 1 / divisor is the same only for a power of two."""
    if _is_power_of_two(divisor):
        return chain(scaled(1 / divisor))
    return RealForm((0, divisor), (DIVIDE,))


def _of_reciprocal(dividend: Tensor) -> RealForm:
    return RealForm((dividend, 0), (DIVIDE,))


def _at_least(bound: Tensor) -> RealForm:
    if bound.ndim == 0:
        return chain(clamp(float(bound), math.inf))
    return RealForm((0, bound), (binary("maximum"),))


def _at_most(bound: Tensor) -> RealForm:
    if bound.ndim == 0:
        return chain(clamp(-math.inf, float(bound)))
    return RealForm((0, bound), (binary("minimum"),))
