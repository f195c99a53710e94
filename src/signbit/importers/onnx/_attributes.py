"""The attributes of operators, each with one type."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from onnx import AttributeProto

from signbit.errors import printable


class Kind(Enum):
    """The type of an attribute without a default. Its value is None where the file lacks it."""

    INT = AttributeProto.INT
    FLOAT = AttributeProto.FLOAT
    STRING = AttributeProto.STRING
    INTS = AttributeProto.INTS
    FLOATS = AttributeProto.FLOATS
    TENSOR = AttributeProto.TENSOR


Declared = Mapping[str, Kind | int | float | str]
"""For each attribute its default, which has its type; or only the type."""

_DEFAULTS = {int: Kind.INT, float: Kind.FLOAT, str: Kind.STRING}
_MOST_NUMBERS = 1 << 16


def values_of(declared: Declared, given: Mapping[str, AttributeProto]) -> dict[str, Any]:
    """The value of each declared attribute.

    Raises: ValueError for an attribute that is not declared, or has another type. What it would
        change is not known.
    """
    for name in given:
        if name not in declared:
            allowed = ", ".join(sorted(declared)) or "none"
            raise ValueError(f"attribute {printable(name)!r} cannot be read; known: {allowed}")
    return {
        name: _value(name, default, given[name]) if name in given else _default(default)
        for name, default in declared.items()
    }


def _default(default: Any) -> Any:
    return None if isinstance(default, Kind) else default


def _value(name: str, default: Any, proto: AttributeProto) -> Any:
    kind = default if isinstance(default, Kind) else _DEFAULTS[type(default)]
    if proto.type != kind.value or proto.ref_attr_name:
        raise ValueError(f"attribute {name!r} has another type than {kind.name}")
    if kind is Kind.TENSOR:
        return proto.t
    if kind is Kind.STRING:
        return proto.s.decode("ascii")
    if kind in (Kind.INTS, Kind.FLOATS):
        numbers = proto.ints if kind is Kind.INTS else proto.floats
        if len(numbers) > _MOST_NUMBERS:
            raise ValueError(f"attribute {name!r} has {len(numbers)} numbers")
        return list(numbers)
    return proto.i if kind is Kind.INT else proto.f
