"""The operators that can be read, by their domains and names in the file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from signbit.errors import closest
from signbit.importers.onnx._attributes import Declared
from signbit.registry import import_modules

if TYPE_CHECKING:
    from signbit.importers.onnx._call import Call

# The names that QONNX has had for the domain of its quantizers.
QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
MANY = 1 << 10

Reader = Callable[["Call"], None]
_R = TypeVar("_R", bound=Reader)


@dataclass(frozen=True)
class Operator:
    """How an operator is read.

    inputs: the fewest and the most inputs.
    attributes: all attributes that it may have.
    """

    reader: Reader
    inputs: tuple[int, int]
    attributes: Declared = field(default_factory=dict)


_known: dict[tuple[str, str], Operator] = {}


def reads(
    *kinds: str,
    inputs: tuple[int, int] = (1, 1),
    attributes: Declared | None = None,
    domains: Sequence[str] = ("",),
) -> Callable[[_R], _R]:
    """Decorator: the function adds operators of these kinds to the graph of the call."""

    def add(reader: _R) -> _R:
        operator = Operator(reader, inputs, attributes or {})
        _known.update({(domain, kind): operator for domain in domains for kind in kinds})
        return reader

    return add


@cache
def _load_all() -> None:
    import_modules("signbit.importers.onnx.operators")


def known() -> Mapping[tuple[str, str], Operator]:
    """How operators are read, by domain and name."""
    _load_all()
    return _known


def operator_of(domain: str, kind: str) -> Operator:
    """How an operator is read. Raises: ValueError with the reason where it cannot be."""
    found = known().get((domain, kind))
    if found is not None:
        return found
    if domain in ("", *QONNX):
        kinds = sorted({name for _, name in known()})
        raise ValueError(
            f"this operator cannot be read.{closest(kind, kinds)} docs/import.md lists those that "
            "can; export the network without it, or before a tool adds it"
        )
    raise ValueError(
        f"its domain {domain!r} is not known; ONNX's own operators can be read, and those of "
        f"{QONNX[0]}; export the network before a tool adds it"
    )
