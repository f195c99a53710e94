"""Sums that only carry a gradient: `y.detach() - x.detach() + x` is y.

Rounding in such a sum would turn the sign 1.0 into 0.99999994.
"""

from typing import Any

import torch
from torch import Tensor

from signbit.pack._storage import storage_key
from signbit.pack._view import View

# By the address of a storage: the operator, its result, and the two numbers that it read.
Sums = dict[int, tuple[str, Tensor, Tensor, Tensor]]


def cancelled(operator: str, arguments: dict[str, Any]) -> View | None:
    """The result of a sum or difference in which one part cancels another."""
    pair = _pair(arguments, View) if operator in ("add", "sub") else None
    if pair is None:
        return None
    left, right = pair
    found = _rest(operator, left, right, _parts, lambda one, other: one.same_as(other))
    if found is None or found.shape != _broadcast(left, right) or found.dtype != left.dtype:
        return None
    # Code may add a constant and subtract it again in order to round.
    removed_input = not (left.is_constant or right.is_constant)
    return found if removed_input and not found.is_constant else None


def cancelled_constant(sums: Sums, operator: str, arguments: dict[str, Any]) -> Tensor | None:
    """The same for numbers that do not depend on the input, such as weights."""
    pair = _pair(arguments, Tensor) if operator in ("add", "sub") else None
    if pair is None or pair[0].shape != pair[1].shape or pair[0].ndim == 0:
        return None

    def parts(tensor: Tensor) -> tuple[str, Tensor, Tensor] | None:
        known = sums.get(storage_key(tensor))
        if known is None or known[1].shape != tensor.shape or not torch.equal(known[1], tensor):
            return None
        return known[0], known[2], known[3]

    return _rest(operator, *pair, parts, torch.equal)


def note_sum(sums: Sums, operator: str, arguments: dict[str, Any], out: Any) -> None:
    """Keep the two parts of a sum or difference of constants."""
    pair = _pair(arguments, Tensor) if operator in ("add", "sub") else None
    if pair is None or pair[0].shape != pair[1].shape or pair[0].ndim == 0:
        return
    if isinstance(out, Tensor) and storage_key(out) not in (storage_key(one) for one in pair):
        result, left, right = (one.detach().clone() for one in (out, *pair))
        sums[storage_key(out)] = operator, result, left, right


def _pair(arguments: dict[str, Any], kind: type) -> tuple[Any, Any] | None:
    left, right = arguments.get("self"), arguments.get("other")
    both = isinstance(left, kind) and isinstance(right, kind)
    return (left, right) if both and arguments.get("alpha", 1) == 1 else None


def _parts(view: View) -> tuple[str, View, View] | None:
    call = None if view.whole is None else view.whole.call
    if call is None or call.operator not in ("add", "sub"):
        return None
    pair = _pair(call.arguments, View)
    return None if pair is None else (call.operator, *pair)


def _rest(operator: str, left: Any, right: Any, parts: Any, same: Any) -> Any:
    """a, from (a - b) + b, b + (a - b), (a + b) - b, (b + a) - b, b - (b - a), a + (b - b)."""
    if operator == "add":
        for one, other in ((left, right), (right, left)):
            made = parts(one)
            if made is not None and made[0] == "sub":
                if same(made[2], other):
                    return made[1]
                if same(made[1], made[2]):
                    return other
        return None
    made = parts(left)
    if made is not None and made[0] == "add":
        for kept, taken in ((made[1], made[2]), (made[2], made[1])):
            if same(taken, right):
                return kept
    made = parts(right)
    if made is not None and made[0] == "sub" and same(made[1], left):
        return made[2]
    return None


def _broadcast(left: View, right: View) -> tuple[int, ...]:
    return tuple(torch.broadcast_shapes(left.shape, right.shape))
