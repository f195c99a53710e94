"""Signs, comparisons, and choices by a comparison."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from signbit.pack._choice import chosen
from signbit.pack._draft import Pointwise, RealForm, base_of, chain
from signbit.pack._layout import Placed
from signbit.pack._nodes import ADD, MULTIPLY, NEGATED, NOT, affine, binary, unary
from signbit.pack._pairs import aligned, pair, several
from signbit.pack._pointwise import Slope, function, of_one_base, pointwise
from signbit.pack._rule import RuleCall, then
from signbit.pack._view import View
from signbit.pack.rules import rules

_COMPARISONS: Mapping[str, tuple[str, float | None, float | None]] = {
    "gt": ("above", 1.0, -1.0),
    "ge": ("above or equal to", 1.0, -1.0),
    "lt": ("below", -1.0, 1.0),
    "le": ("below or equal to", -1.0, 1.0),
    "eq": ("equal to", None, None),
    "ne": ("not equal to", None, None),
}

# The largest float32 in each type.
_LIMITS = {torch.int32: 2147483520.0, torch.int64: 9223371487098961920.0}


def _comparison(name: str, what: str, *slopes: float | None) -> None:
    @rules.register(name)
    def rule(c: RuleCall) -> Placed:
        return _comparison_of(c, name, *slopes)

    rule.__name__, rule.__doc__ = name, f"Whether a number is {what} another."


def _comparison_of(c: RuleCall, name: str, *slopes: float | None) -> Placed:
    given: dict[str, Slope] = {"self": slopes[0], "other": slopes[1]}
    if not (c.is_value("self") and c.is_value("other")) or of_one_base(c, "self", "other"):
        return _equality(c, name) if slopes[0] is None else pointwise(c, given, stepwise=True)
    return _of_difference(c, name, slopes[0])


def _equality(c: RuleCall, name: str) -> Placed:
    """Equal is neither below nor above. So there are two comparisons, each of them monotone."""
    least = pointwise(c.run_as("ge"), {"self": 1.0, "other": -1.0}, stepwise=True)
    most = pointwise(c.run_as("le"), {"self": -1.0, "other": 1.0}, stepwise=True)
    for part in (least.step, most.step):
        assert isinstance(part, Pointwise)
        # Torch computes neither of them.
        part.result = None

    def compute(least: Tensor, most: Tensor) -> Tensor:
        return ~(least & most) if name == "ne" else least & most

    step = Pointwise(
        c.place,
        (least.step, most.step),
        least.step.size,
        base_of(least.step),
        compute,
        [None, None],
        RealForm((0, 1), (MULTIPLY, NOT) if name == "ne" else (MULTIPLY,)),
        uniform=True,
        result=c.call.results[0],
    )
    return Placed(step, least.shape, least.index)


def _of_difference(c: RuleCall, name: str, slope: Slope) -> Placed:
    """Two numbers compare like their difference and 0. Float32 rounds no difference to 0."""
    left, right = aligned(c, ("self", "other"))
    minus = then(c, right.step, [NEGATED])
    size = tuple(max(a, b) for a, b in zip(left.step.size, minus.size, strict=True))
    difference = c.real("binary", (left.step, minus), size, function="add")
    known = torch.tensor(float("nan") if slope is None else slope)
    compare = getattr(torch.ops.aten, name)
    step = function(c, difference, lambda rows: compare(rows, 0), known)
    step.stepwise, step.result = True, c.call.results[0]
    step.form = None
    if slope is None:
        step.form = chain(unary("sign"), unary("abs"), *([NOT] if name == "eq" else []))
    return Placed(step, c.image_shape, left.index)


for _name, (_what, *_slopes) in _COMPARISONS.items():
    _comparison(_name, _what, *_slopes)


def _sign(c: RuleCall) -> Placed:
    """-1, 0 or +1."""
    return pointwise(c, {"self": 1.0}, lambda: chain(unary("sign")), stepwise=True)


rules.register("sign")(_sign)
rules.register("sgn")(_sign)


@rules.register("heaviside")
def heaviside(c: RuleCall) -> Placed:
    """0, 1, or a constant at zero."""
    between = bool(((c.constant("values") >= 0) & (c.constant("values") <= 1)).all())
    return pointwise(c, {"self": 1.0 if between else None}, stepwise=True)


@rules.register("copysign")
def copysign(c: RuleCall) -> Placed:
    """The size of a constant with the sign of a value."""
    return pointwise(c, {"other": 1.0} if c.is_value("other") else {}, stepwise=True)


@rules.register("signbit")
def sign_bit(c: RuleCall) -> Placed:
    """Whether a number is negative."""
    return pointwise(c, {"self": -1.0}, stepwise=True)


def _logical(
    name: str, what: str, slopes: Mapping[str, Slope], of_truths: Callable[[RuleCall], Placed]
) -> None:
    @rules.register(name)
    def rule(c: RuleCall) -> Placed:
        given = [one for one in c.call.arguments.values() if isinstance(one, View)]
        if name.startswith("logical") and any(one.dtype != torch.bool for one in given):
            c.refuse("reads numbers, not truth values; compare with 0 before: x != 0, or x == 0")
        if any(one.dtype != torch.bool for one in given):
            return pointwise(c, slopes)
        return of_truths(c)

    rule.__name__, rule.__doc__ = name, what


def _opposite(c: RuleCall) -> Placed:
    return pointwise(c, {"self": -1.0}, lambda: chain(NOT))


def _both(c: RuleCall) -> Placed:
    return _joined(c, "minimum")


def _one_of_two(c: RuleCall) -> Placed:
    return _joined(c, "maximum")


def _just_one(c: RuleCall) -> Placed:
    """The distance between the two as numbers, 0 and 1."""
    if not (c.is_value("self") and c.is_value("other")):
        constant = c.constant("other" if c.is_value("self") else "self").float()
        return pointwise(
            c, {}, lambda found: chain(affine(1.0, -found), unary("abs")), {"found": constant}
        )
    difference = RealForm((0, RealForm((1,), (NEGATED,))), (ADD, unary("abs")))
    return several(c, {}, lambda: difference)


def _joined(c: RuleCall, function: str) -> Placed:
    """The lower or higher of the two as numbers, 0 and 1."""
    if c.is_value("self") and c.is_value("other"):
        return pair(c, function, _RISING)
    constant = "other" if c.is_value("self") else "self"
    return pointwise(
        c,
        _RISING,
        lambda found: RealForm((0, found), (binary(function),)),
        {"found": c.constant(constant).float()},
    )


_RISING = {"self": 1.0, "other": 1.0}
for _name in ("logical", "bitwise"):
    _logical(f"{_name}_not", "The opposite of a truth value.", {"self": -1.0}, _opposite)
    _logical(f"{_name}_and", "Whether both are true.", _RISING, _both)
    _logical(f"{_name}_or", "Whether one of two is true.", _RISING, _one_of_two)
    _logical(f"{_name}_xor", "Whether just one of two is true.", {}, _just_one)


@rules.register("isnan")
def isnan(c: RuleCall) -> Placed:
    """Whether it is NaN."""
    return pointwise(c)


@rules.register("_to_copy")
def to_copy(c: RuleCall) -> Placed:
    """Conversion to another type. Truth values and numbers become float32."""
    kept = c["dtype"] in (None, torch.float32, torch.float64, torch.bool)
    is_truth = c["self"].dtype == torch.bool
    if c["dtype"] in (torch.float16, torch.bfloat16, torch.complex64, torch.complex128):
        c.refuse(f"numbers of {c['dtype']}; stay in float32")
    if not (kept or is_truth):
        return _whole_numbers(c)
    if c["dtype"] == torch.bool and not is_truth:
        # Any other number than 0 is true.
        arguments = {"self": c["self"], "other": 0}
        return _equality(c.run_as("ne", torch.ops.aten.ne.Scalar, arguments), "ne")
    return pointwise(c, {"self": 1.0}, chain)


def _whole_numbers(c: RuleCall) -> Placed:
    """Rounded towards zero. Numbers outside the range of a short type wrap around."""
    if torch.iinfo(c["dtype"]).bits < 32:
        return pointwise(c)
    value = pointwise(c, {"self": 1.0})
    if c["self"].dtype.is_floating_point and isinstance(value.step, Pointwise):
        # Outside the range of a long type the result is undefined. Sums do not reach that far.
        compute, limit = value.step.compute, _LIMITS[c["dtype"]]
        value.step.compute = lambda rows: compute(rows.clamp(-limit, limit))
    return value


@rules.register("where")
def where(c: RuleCall) -> Placed:
    """One of two values, chosen by a comparison."""
    slopes: dict[str, Slope] = {}
    if not (c.is_value("self") or c.is_value("other")):
        slopes = {"condition": c.constant("self").float() - c.constant("other").float()}
    return chosen(c, "condition", "self", "other", slopes)


@rules.register("masked_fill")
def masked_fill(c: RuleCall) -> Placed:
    """A constant where a comparison holds."""
    slopes: dict[str, Slope] = {}
    if not c.is_value("self"):
        slopes = {"mask": c.constant("value").float() - c.constant("self").float()}
    return chosen(c, "mask", "value", "self", slopes)


@rules.register("index_put")
def index_put(c: RuleCall) -> Placed:
    """A constant where a comparison holds, written `x[mask] = 1`."""
    indices = c["indices"]
    masks = len(indices) == 1 and indices[0] is not None and indices[0].dtype == torch.bool
    one = masks and indices[0].shape == c["self"].shape and c.constant("values").numel() == 1
    if not one or c["accumulate"]:
        c.refuse(
            "numbers put at places that depend on the input; put one constant where a comparison "
            "of the same shape holds, or call torch.where"
        )
    arguments = {"condition": indices[0], "self": c["values"], "other": c["self"]}
    as_where = c.run_as("where", torch.ops.aten.where.self, arguments)
    return chosen(as_where, "condition", "self", "other", {})
