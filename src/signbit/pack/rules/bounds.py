"""Bounds, numbers near zero, and NaN."""

import math

import torch

from signbit.pack._draft import RealForm, chain
from signbit.pack._layout import Placed
from signbit.pack._nodes import ADD, MASKED, NEGATED, NOT, affine, binary, clamp, scaled, unary
from signbit.pack._pairs import several
from signbit.pack._pointwise import pointwise
from signbit.pack._rule import RuleCall
from signbit.pack.rules import rules


@rules.register("hardtanh")
def hardtanh(c: RuleCall) -> Placed:
    """The number, limited by two bounds."""
    form = chain(clamp(c.number("min_val"), c.number("max_val")))
    return pointwise(c, {"self": 1.0}, lambda: form)


@rules.register("clamp")
def clamped(c: RuleCall) -> Placed:
    """The number, limited by two bounds, of which one may be missing."""
    return _bounded(c, "min", "max")


@rules.register("clamp_min")
def clamp_min(c: RuleCall) -> Placed:
    """The number, limited by a lower bound."""
    return _bounded(c, "min", None)


@rules.register("clamp_max")
def clamp_max(c: RuleCall) -> Placed:
    """The number, limited by an upper bound."""
    return _bounded(c, None, "max")


def _bounded(c: RuleCall, low: str | None, high: str | None) -> Placed:
    """min(max(x, low), high). The bounds may be numbers, constants or values, or missing."""
    given = [name for name in (low, high) if name is not None and c[name] is not None]
    constants = c.constants(*given)
    if len(constants) == len(given) and all(one.numel() == 1 for one in constants.values()):
        most = float(constants.get("max", math.inf))
        least = min(float(constants.get("min", -math.inf)), most)
        form = chain(clamp(least, most))
        return pointwise(c, {"self": 1.0}, lambda: form)
    names = c.value_names

    def form_of(**found: torch.Tensor) -> RealForm:
        form = chain()
        for name in given:
            bound = found[name] if name in found else names.index(name)
            form = RealForm((form, bound), (binary(_BOUNDS[name]),))
        return form

    return several(c, {"self": 1.0, "min": 1.0, "max": 1.0}, form_of, constants)


_BOUNDS = {"min": "maximum", "max": "minimum"}


@rules.register("threshold")
def threshold(c: RuleCall) -> Placed:
    """The number where it is above a threshold, else a constant."""
    limit, value = c.number("threshold"), c.number("value")
    above = chain(affine(1.0, -limit), clamp(0.0, math.inf))
    # NaN is not masked by the first part, but stays through the second.
    rest = RealForm((above,), (unary("sign"), affine(-value, value)))
    form = RealForm((RealForm((0, above), (MASKED,)), rest), (ADD,))
    return pointwise(c, {"self": 1.0 if value <= limit else None}, lambda: form)


@rules.register("hardshrink")
def hardshrink(c: RuleCall) -> Placed:
    """x, and 0 near 0."""
    above = chain(unary("abs"), affine(1.0, -c.number("lambd")), clamp(0.0, math.inf))
    nothing = RealForm((above,), (unary("sign"), scaled(0.0)))
    form = RealForm((RealForm((0, above), (MASKED,)), nothing), (ADD,))
    return pointwise(c, {"self": 1.0}, lambda: form)


@rules.register("softshrink")
def softshrink(c: RuleCall) -> Placed:
    """x moved towards 0, and 0 near 0."""
    near = c.number("lambd")
    form = RealForm((0, chain(clamp(-near, near), NEGATED)), (ADD,))
    return pointwise(c, {"self": 1.0}, lambda: form)


@rules.register("nan_to_num")
def nan_to_num(c: RuleCall) -> Placed:
    """The number; finite numbers replace NaN and both infinities."""
    largest = torch.finfo(torch.float32).max
    instead = [
        default if c[name] is None else float(c[name])
        for name, default in (("nan", 0.0), ("neginf", -largest), ("posinf", largest))
    ]
    if instead[1:] != [-largest, largest]:
        c.refuse("posinf or neginf is given; leave them out, and clamp the result")
    finite = clamp(-largest, largest)
    # 1 for a number, NaN for NaN.
    known = chain(finite, affine(0.0, 1.0))
    form = RealForm((chain(finite), known), (MASKED,))
    if instead[0] != 0:
        lost = RealForm((torch.tensor(1.0), known), (MASKED, NOT, scaled(instead[0])))
        form = RealForm((form, lost), (ADD,))
    return pointwise(c, {}, lambda: form)
