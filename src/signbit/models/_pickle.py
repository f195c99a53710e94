"""Interpret a pickle as data: nothing that it names is imported or called."""

import pickletools
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

_MARK = object()
# Arguments of these are numbers, texts and bytes, which the file itself holds.
_PUSHES_ARGUMENT = (
    *("INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"),
)
_PUSHES_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_SIZES_OF_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = ("PROTO", "FRAME")
# A tuple as key would be hashed, which can take exponential time.
_KEYS = (str, bytes, int, float, type(None))


class Inert(NamedTuple):
    """Stands for what a pickle would make with a function or class of this name."""

    name: str


class ForbiddenError(Exception):
    """The pickle asks for a function or class that is not among the allowed ones."""


Function = Callable[..., Any]


def read_pickle(
    file: BinaryIO,
    functions: Mapping[str, Function],
    inert: Callable[[str], bool],
    persistent: Callable[[Any], Any],
) -> Any:
    """The value of one pickle; `file` then stands after it.

    functions: what stands for the functions and classes of these names, such as
        `collections.OrderedDict`.
    inert: whether objects of other names may be in the pickle; they become `Inert`.
    persistent: the value of a persistent id.

    Raises: ForbiddenError with the name of any other function or class; whatever else for a
        pickle that is damaged.
    """
    machine = _Machine(functions, inert, persistent)
    for opcode, argument, _ in pickletools.genops(file):
        if opcode.name == "STOP":
            break
        machine.step(opcode.name, argument)
    return machine.pop()


class _Machine:
    """The stack and the memo."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        inert: Callable[[str], bool],
        persistent: Callable[[Any], Any],
    ):
        self.functions, self.inert, self.persistent = functions, inert, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark in place of a value")
        return value

    def step(self, name: str, argument: Any) -> None:
        """Carry out one operation."""
        if name in _IGNORED:
            return
        if name in _PUSHES_ARGUMENT:
            self.stack.append(argument)
        elif name in _PUSHES_NEW:
            self.stack.append(_PUSHES_NEW[name]())
        elif name in _SIZES_OF_TUPLES:
            parts = [self.pop() for _ in range(_SIZES_OF_TUPLES[name])]
            self.stack.append(tuple(reversed(parts)))
        else:
            operation = getattr(self, f"_{name.lower()}", None)
            if operation is None:
                raise ValueError(f"operation {name} is not allowed")
            operation(argument)

    def _mark(self, _: Any) -> None:
        self.stack.append(_MARK)

    def _to_mark(self) -> list[Any]:
        """What was pushed since the last mark, which is taken off."""
        parts = []
        while (value := self.stack.pop()) is not _MARK:
            parts.append(value)
        return parts[::-1]

    def _tuple(self, _: Any) -> None:
        self.stack.append(tuple(self._to_mark()))

    def _memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def _binput(self, index: Any) -> None:
        self.memo[int(index)] = self.stack[-1]

    _put = _long_binput = _binput

    def _binget(self, index: Any) -> None:
        self.stack.append(self.memo[int(index)])

    _get = _long_binget = _binget

    def _pop(self, _: Any) -> None:
        self.stack.pop()

    def _empty_set(self, _: Any) -> None:
        self.stack.append(Inert("builtins.set"))

    def _additems(self, _: Any) -> None:
        self._to_mark()

    def _append(self, _: Any) -> None:
        self._extend([self.pop()])

    def _appends(self, _: Any) -> None:
        self._extend(self._to_mark())

    def _extend(self, parts: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, Inert):
            _require(target, list).extend(parts)

    def _setitem(self, _: Any) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def _setitems(self, _: Any) -> None:
        self._set(self._to_mark())

    def _set(self, parts: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Inert):
            return
        _require(target, dict).update(pairs_of(parts))

    def _list(self, _: Any) -> None:
        self.stack.append(self._to_mark())

    def _dict(self, _: Any) -> None:
        self.stack.append(pairs_of(self._to_mark()))

    def _global(self, argument: Any) -> None:
        self._push_named(argument.replace(" ", "."))

    def _stack_global(self, _: Any) -> None:
        name, module = _require(self.pop(), str), _require(self.pop(), str)
        self._push_named(f"{module}.{name}")

    def _push_named(self, name: str) -> None:
        if name not in self.functions and not self.inert(name):
            raise ForbiddenError(name)
        self.stack.append(self.functions.get(name, Inert(name)))

    def _reduce(self, _: Any) -> None:
        arguments, function = _require(self.pop(), tuple), self.pop()
        if isinstance(function, Inert):
            self.stack.append(function)
        elif any(function is known for known in self.functions.values()):
            self.stack.append(function(*arguments))
        else:
            raise ValueError("a call of what is no function")

    _newobj = _reduce

    def _newobj_ex(self, _: Any) -> None:
        self.pop()
        self._reduce(None)

    def _build(self, _: Any) -> None:
        """Attributes of objects say nothing that is asked for."""
        self.pop()

    def _binpersid(self, _: Any) -> None:
        self.stack.append(self.persistent(self.pop()))


def _require(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} in place of {kind.__name__}")
    return value


def pairs_of(parts: list[Any]) -> dict[Any, Any]:
    """A dict of key, value, key, value. Raises: ValueError for a key of another type."""
    keys, values = parts[::2], parts[1::2]
    for key in keys:
        if not isinstance(key, _KEYS):
            raise ValueError(f"{type(key).__name__} as a key")
    return dict(zip(keys, values, strict=True))
