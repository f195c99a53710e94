"""A choice between two values by a comparison."""

from collections.abc import Mapping

from torch import Tensor

from signbit.pack._draft import RealForm
from signbit.pack._layout import Placed
from signbit.pack._nodes import ADD, MASKED, NOT, scaled
from signbit.pack._pairs import several
from signbit.pack._pointwise import Slope
from signbit.pack._rule import RuleCall


def chosen(
    c: RuleCall, condition: str, one: str, other: str, slopes: Mapping[str, Slope]
) -> Placed:
    """`one` where the condition holds, else `other`. All three are names of arguments.

    On real numbers it is the sum of both, where each is 0 wherever the other is chosen. A number
    that is not chosen may be infinite or NaN.
    """
    if not c.is_value(condition):
        c.refuse(
            "a choice that does not depend on the input, between values that do; compute only the "
            "chosen values"
        )
    places = c.value_names
    gate = places.index(condition)

    def form(**constants: Tensor) -> RealForm:
        parts: list[RealForm] = []
        for name, before in ((one, ()), (other, (NOT,))):
            kept = RealForm((gate,), before)
            if name in constants and bool(constants[name].isfinite().all()):
                parts.append(RealForm((kept,), (scaled(constants[name]),)))
            else:
                part = constants[name] if name in constants else places.index(name)
                parts.append(RealForm((part, kept), (MASKED,)))
        return RealForm(tuple(parts), (ADD,))

    return several(c, slopes, form, c.constants(one, other))
