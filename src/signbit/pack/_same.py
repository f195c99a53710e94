"""Check that a network runs the same operators for other images; else it cannot be packed."""

from typing import Any

import torch

from signbit.errors import PackError
from signbit.pack._record import Recording
from signbit.pack._view import OperatorCall, View


def difference(first: Recording, second: Recording) -> PackError | None:
    """The first difference between the recordings of different images; None where they agree."""
    for one, other in zip(first.calls, second.calls, strict=False):
        found = _difference(one, other)
        if found:
            return PackError(
                f"{other.place}: {other.operator}: {found}, so what it computes depends on "
                "the values, on chance or on earlier calls; let the same operators run for every "
                "image (torch.where chooses between values)"
            )
    if len(first.calls) == len(second.calls):
        return None
    longer = max(first.calls, second.calls, key=len)
    place = longer[min(len(first.calls), len(second.calls))].place
    return PackError(
        f"{place}: runs for one image and not for another; let the same operators run for "
        "every image (torch.where chooses between values)"
    )


def _difference(one: OperatorCall, other: OperatorCall) -> str:
    if one.overload is not other.overload:
        return f"it ran in the place where {one.operator} ran for another image"
    if [result.shape for result in one.results] != [result.shape for result in other.results]:
        return "it returned a different shape for another image"
    for name, given in one.arguments.items():
        if not _alike(given, other.arguments[name]):
            return f"argument {name!r} was different for another image"
    return ""


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, View) and isinstance(other, View):
        return _same_view(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, torch.Generator) or one == other or (one != one and other != other)


def _same_view(one: View, other: View) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.is_constant and other.is_constant:
        assert one.constants is not None
        assert other.constants is not None
        return _equal(one.constants, other.constants)
    if one.is_constant != other.is_constant:
        return False
    if one.whole is not None and other.whole is not None:
        return one.whole.first == other.whole.first
    if not torch.equal(one.numbered(), other.numbered()):
        return False
    if one.constants is None or other.constants is None:
        return one.constants is other.constants
    held = one.numbered() < 0
    return _equal(one.constants[held], other.constants[held])


def _equal(one: Any, other: Any) -> bool:
    return bool(torch.equal(one, other)) or bool(
        torch.equal(one.isnan(), other.isnan())
        and torch.equal(one.nan_to_num(), other.nan_to_num())
    )
