"""Sums with a product or a quotient, and weighted means of two numbers."""

from torch import Tensor

from signbit.pack._draft import RealForm, RealNode
from signbit.pack._layout import Placed
from signbit.pack._nodes import ADD, DIVIDE, MULTIPLY, NOT, scaled
from signbit.pack._pairs import several
from signbit.pack._pointwise import Slope
from signbit.pack._rule import RuleCall
from signbit.pack.rules import rules


@rules.register("addcmul")
def addcmul(c: RuleCall) -> Placed:
    """self + value * tensor1 * tensor2."""
    value, factors = float(c["value"]), ("tensor1", "tensor2")
    slopes: dict[str, Slope] = {"self": 1.0}
    for name, other in (factors, factors[::-1]):
        if not c.is_value(other):
            slopes[name] = value * c.constant(other).float()
    # Torch may fuse the product and the sum, or not.
    return _sum(c, slopes, MULTIPLY, exact=False)


@rules.register("addcdiv")
def addcdiv(c: RuleCall) -> Placed:
    """self + value * tensor1 / tensor2."""
    slopes: dict[str, Slope] = {"self": 1.0}
    if not c.is_value("tensor2"):
        slopes["tensor1"] = float(c["value"]) * c.constant("tensor2").float()
    return _sum(c, slopes, DIVIDE, exact=True)


def _sum(c: RuleCall, slopes: dict[str, Slope], node: RealNode, exact: bool) -> Placed:
    """self plus the result of an operation on value * tensor1 and tensor2."""
    value = float(c["value"])
    constants = c.constants("self", "tensor1", "tensor2")
    if "tensor1" in constants:
        constants["tensor1"] = value * constants["tensor1"]
    before = [] if value == 1 or "tensor1" in constants else [scaled(value)]

    def form(**found: Tensor) -> RealForm:
        first, second = (_operand(c, name, found) for name in ("tensor1", "tensor2"))
        factor = RealForm((first,), before) if before else first
        return RealForm((_operand(c, "self", found), RealForm((factor, second), (node,))), (ADD,))

    return several(c, slopes, form, constants, exact)


@rules.register("lerp")
def lerp(c: RuleCall) -> Placed:
    """self + weight * (end - self), computed as (1 - weight) * self + weight * end."""
    constants = c.constants("self", "end", "weight")

    def form(**found: Tensor) -> RealForm:
        parts: list[RealForm] = []
        for name in ("self", "end"):
            operand = _operand(c, name, found)
            if "weight" not in found:
                weight = RealForm((_operand(c, "weight", found),), [NOT] if name == "self" else [])
                parts.append(RealForm((operand, weight), (MULTIPLY,)))
                continue
            share = found["weight"] if name == "end" else 1 - found["weight"]
            if isinstance(operand, Tensor):
                parts.append(RealForm((operand * share,), ()))
            else:
                parts.append(RealForm((operand,), (scaled(share),)))
        return RealForm(tuple(parts), (ADD,))

    # Torch computes it in one of two orders. Neither is monotone for every number.
    return several(c, {}, form, constants, exact=False)


def _operand(c: RuleCall, name: str, constants: dict[str, Tensor]) -> int | Tensor:
    """A source of a form, or a constant."""
    if name in constants:
        return constants[name]
    return c.value_names.index(name)
