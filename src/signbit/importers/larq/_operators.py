"""The operators that can be read, by their names in the file."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from signbit.errors import closest
from signbit.importers.larq._call import Call
from signbit.registry import import_modules

Reader = Callable[[Call], None]
_R = TypeVar("_R", bound=Reader)
_readers: dict[str, Reader] = {}


def reads(*kinds: str) -> Callable[[_R], _R]:
    """Decorator: the function adds operators of these kinds to the graph of the call."""

    def add(reader: _R) -> _R:
        _readers.update(dict.fromkeys(kinds, reader))
        return reader

    return add


@cache
def _load_all() -> None:
    import_modules("signbit.importers.larq.operators")


def known() -> list[str]:
    """The kinds of operators that can be read."""
    _load_all()
    return sorted(_readers)


def reader_of(call: Call) -> Reader:
    """The function for an operator. Raises: ConvertError that names it where there is none."""
    kinds = known()
    kind = call.operator.kind
    if kind not in kinds:
        raise call.error(
            f"this operator cannot be read.{closest(kind, kinds)} docs/import.md lists those that "
            "can; convert the network without it"
        )
    return _readers[kind]
