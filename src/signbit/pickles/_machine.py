"""The stack machine that runs a pickle."""

from dataclasses import dataclass, field
from pickletools import opcodes
from typing import Any, NoReturn

from signbit.pickles._dialect import Dialect, ForbiddenError, Inert, Name, PickleError

MARK = object()
_LAST_PROTOCOL = 5
_MOST_ARGUMENTS = 16
_MOST_NAME = 256
# A tuple as a key would have to be hashed, which can take exponential time.
_KEYS = (str, bytes, int, float, type(None))
# Whole numbers of more bits can all have the same hash.
_KEY_BITS = 64


def read_pickle(
    content: bytes, dialect: Dialect, most_steps: int, start: int = 0
) -> tuple[Any, int]:
    """Read the pickle that begins at byte `start`; returns its value, and the byte where it ends.

    Memory and time are bounded by the size of the content and by `most_steps`.

    content: the bytes of the file.
    dialect: what the pickles of this kind of file may hold.
    most_steps: the largest number of instructions.
    Raises: PickleError for something that data does not need; ForbiddenError where that is a
        function or class. EOFError where the pickle is cut off. LookupError, TypeError or
        ValueError where it is damaged. Whatever the functions of the dialect raise.
    """
    machine = Machine(content, start, dialect)
    for _ in range(most_steps):
        code = machine.take(1)
        if code == b".":
            return machine.pop(), machine.at
        step = dialect.steps.get(code)
        if step is None:
            machine.refuse_step(code)
        step(machine)
    raise PickleError(f"has more than {most_steps} instructions, which no data needs")


@dataclass
class Machine:
    """A stack, a memo, and a place in the content."""

    content: bytes
    at: int
    dialect: Dialect
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def take(self, size: int) -> bytes:
        """The next bytes of the content."""
        end = self.at + size
        if end > len(self.content):
            raise EOFError("a pickle that is cut off")
        taken = self.content[self.at : end]
        self.at = end
        return taken

    def number(self, size: int, *, signed: bool = False) -> int:
        """The next bytes as an integer."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def sized(self, size: int) -> bytes:
        """As many bytes as the next `size` bytes say."""
        return self.take(self.number(size))

    def string(self, size: int) -> str | bytes:
        """A text of Python 2."""
        taken = self.sized(size)
        return taken if self.dialect.strings == "bytes" else taken.decode("latin-1")

    def line(self) -> bytes:
        """The content up to the end of a line, with the end."""
        return self.take(self.content.index(b"\n", self.at) + 1 - self.at)

    def protocol(self) -> None:
        """Raises: ValueError for a protocol that does not exist yet."""
        if self.number(1) > _LAST_PROTOCOL:
            raise ValueError(f"a protocol after {_LAST_PROTOCOL}")

    def top(self) -> Any:
        """The value on top of the stack."""
        if self.stack[-1] is MARK:
            raise ValueError("a mark in place of a value")
        return self.stack[-1]

    def pop(self) -> Any:
        """Remove a value from the stack and return it."""
        value = self.top()
        self.stack.pop()
        return value

    def pop_several(self, count: int) -> tuple[Any, ...]:
        """Remove this many values; the last one was on top."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def pop_to_mark(self) -> list[Any]:
        """Remove all values above the last mark, and the mark."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]

    def memoize(self, index: int) -> None:
        """Store the value on top of the stack in the memo."""
        if not 0 <= index < 1 << 32:
            raise ValueError("a place in the memo that does not exist")
        self.memo[index] = self.top()

    def refuse_step(self, code: bytes) -> NoReturn:
        """Raises: PickleError that names the instruction, or what it asks for."""
        if code == b"i":  # INST
            self.name_in_lines()
        names = [opcode.name for opcode in opcodes if opcode.code == code.decode("latin-1")]
        name = names[0] if names else repr(code)
        raise PickleError(f"has the instruction {name}, which no data needs; nothing was run")

    def name(self, module: Any, name: Any) -> None:
        """Push what stands for a function or class."""
        asked = f"{_require(module, str)}.{_require(name, str)}"
        if asked in self.dialect.functions:
            self.stack.append(Name(self.dialect.functions[asked]))
        # A hostile pickle could make a long name of the memo a million times.
        elif len(asked) <= _MOST_NAME and self.dialect.inert(asked):
            self.stack.append(Inert(asked))
        else:
            raise ForbiddenError(asked)

    def name_in_lines(self) -> None:
        """Push what stands for the function or class that the next two lines name."""
        module, name = self.line(), self.line()
        self.name(module[:-1].decode("utf-8"), name[:-1].decode("utf-8"))

    def call(self) -> None:
        """Push the result of a known name for its arguments."""
        function, arguments = self.pop_several(2)
        if isinstance(function, Inert):
            self.stack.append(function)
        elif isinstance(function, Name) and callable(function.meaning):
            if len(_require(arguments, tuple)) > _MOST_ARGUMENTS:
                raise ValueError(f"a call with {len(arguments)} arguments")
            self.stack.append(function.meaning(*arguments))
        else:
            raise PickleError(f"calls a {type(function).__name__}; nothing was run")

    def set_state(self) -> None:
        """Complete the object on the stack."""
        state = self.pop()
        self.dialect.set_state(self.top(), state)

    def extend(self, values: list[Any]) -> None:
        """Add to the list on the stack."""
        target = self.top()
        if not isinstance(target, Inert):
            _require(target, list).extend(self.values(values))

    def add(self, values: list[Any]) -> None:
        """Drop values for the set on the stack: no reader needs sets."""
        _require(self.top(), Inert)

    def update(self, parts: list[Any]) -> None:
        """Add keys and values, in turn, to the dict on the stack."""
        target = self.top()
        if not isinstance(target, Inert):
            _require(target, dict).update(self.pairs(parts))

    def pairs(self, parts: list[Any]) -> dict[Any, Any]:
        """A dict of keys and values, in turn."""
        return dict_of(parts[::2], self.values(parts[1::2]))

    def values(self, parts: list[Any]) -> list[Any]:
        """A list with what is stored for these values."""
        return [self.dialect.stored(part) for part in parts]


def dict_of(keys: list[Any], values: list[Any]) -> dict[Any, Any]:
    """A dict. Raises: ValueError for keys that are slow to hash, or more keys than values."""
    for key in keys:
        if not isinstance(key, _KEYS):
            raise ValueError(f"{type(key).__name__} as a key")
        if isinstance(key, int) and key.bit_length() > _KEY_BITS:
            raise ValueError(f"a number of {key.bit_length()} bits as a key")
    return dict(zip(keys, values, strict=True))


def _require(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} in place of {kind.__name__}")
    return value
