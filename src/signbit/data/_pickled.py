"""Read pickles of plain data and NumPy arrays, without Python's own unpickler.

A pickle is a program for a small stack machine. Here it runs on a machine that knows the few
instructions that data needs and calls nothing that a file names: NumPy's arrays are recognized
by name and built from their bytes, after their sizes are checked.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pickletools import opcodes
from typing import Any, NoReturn

from signbit.data._pickled_arrays import (
    KNOWN,
    MOST_SHOWN,
    Array,
    Name,
    RefusalError,
    array_of,
    plain,
    refuse,
    set_state,
    text_of,
    type_named,
)
from signbit.errors import DataError, printable

_MARK = object()


def read_pickled(content: bytes, place: str, most_steps: int) -> dict[str, Any]:
    """The dict that a pickle of protocol 2 to 5 holds, strings of Python 2 as bytes.

    Its keys are text, whether the file has them as text or bytes. NumPy arrays of integers are
    read-only views of the file's bytes. Which key has which type of value is up to the file.
    Memory and time are bounded by the size of the file and by `most_steps`.

    place: what errors name.    most_steps: how many instructions the file may have.

    Raises: DataError for anything else, naming what the file asks for. Nothing is run or
    imported for it.
    """
    try:
        result = _Machine(content).run(most_steps)
        if not isinstance(result, dict):
            refuse(f"a pickle of a {type(result).__name__} where a dict belongs")
        return {text_of(key): value for key, value in result.items()}
    except RefusalError as refusal:
        raise DataError(f"{place}: {refusal}") from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{place}: a damaged pickle; get it from its source again") from error


@dataclass
class _Machine:
    """A stack, a memo, and a place in the content.

    encoded: letters that have been turned into bytes so far.
    """

    content: bytes
    at: int = 0
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    encoded: int = 0

    def run(self, most_steps: int) -> Any:
        """What is on top of the stack at the end."""
        if self.take(1) != b"\x80" or not 2 <= self.number(1) <= 5:
            refuse("not a pickle of protocol 2 to 5")
        for _ in range(most_steps):
            code = self.take(1)
            if code == b".":
                return self.pop()
            step = _STEPS.get(code)
            if step is None:
                self.refuse_step(code)
            step(self)
        refuse(f"a pickle of more than {most_steps} instructions; the data set needs fewer")

    def take(self, size: int) -> bytes:
        """The next bytes of the content."""
        end = self.at + size
        if end > len(self.content):
            refuse("a pickle that is cut off; get it from its source again")
        taken = self.content[self.at : end]
        self.at = end
        return taken

    def number(self, size: int, signed: bool = False) -> int:
        """The next bytes as an integer."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def sized(self, size: int) -> bytes:
        """As many bytes as the next `size` bytes say."""
        return self.take(self.number(size))

    def line(self) -> str:
        """The content up to the end of a line."""
        return self.take(self.content.index(b"\n", self.at) + 1 - self.at).decode("utf-8")[:-1]

    def pop(self) -> Any:
        """Take a value from the stack."""
        value = self.stack.pop()
        if value is _MARK:
            raise IndexError
        return value

    def pop_to_mark(self) -> list[Any]:
        """Take all values above the last mark, and the mark."""
        values: list[Any] = []
        while (value := self.stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    def pop_several(self, count: int) -> tuple[Any, ...]:
        """Take this many values, the last one from the top."""
        return tuple([self.pop() for _ in range(count)][::-1])

    def memoize(self, index: int) -> None:
        """Keep what is on top of the stack."""
        if self.stack[-1] is _MARK:
            raise IndexError
        self.memo[index] = self.stack[-1]

    def refuse_step(self, code: bytes) -> NoReturn:
        """Raises: RefusalError that names the instruction, or what it asks for."""
        if code == b"i":  # INST
            self.name(self.line(), self.line())
        names = [opcode.name for opcode in opcodes if opcode.code == code.decode("latin-1")]
        name = names[0] if names else repr(code)
        refuse(f"a pickle with the instruction {name}, which no data needs; nothing was run")

    def name(self, module: Any, name: Any) -> None:
        """Push what stands for a function or class."""
        asked = f"{text_of(module)}.{text_of(name)}"
        if asked not in KNOWN:
            refuse(
                f"a pickle that asks for {printable(asked[:MOST_SHOWN])}, which no data needs; "
                "nothing was run"
            )
        self.stack.append(Name(KNOWN[asked]))

    def call(self) -> None:
        """Push what a known name and its arguments describe."""
        function, arguments = self.pop_several(2)
        meaning = function.meaning if isinstance(function, Name) else None
        if meaning == "array":
            self.stack.append(Array())
        elif meaning == "dtype":
            self.stack.append(type_named(arguments[0]))
        elif meaning == "from buffer":
            content, kind, shape, order = arguments
            self.stack.append(Array(array_of(content, kind, shape, by_columns=order == "F")))
        elif meaning == "encode":
            self.stack.append(self.encode(*arguments))
        else:
            refuse(f"a pickle that calls a {type(function).__name__}; nothing was run")

    def encode(self, text: str, encoding: str) -> bytes:
        """The bytes that Python 3 writes as text in protocol 2."""
        # One text of the memo could be encoded a million times.
        self.encoded += len(text)
        if encoding != "latin1" or self.encoded > len(self.content):
            raise ValueError
        return text.encode("latin-1")

    def set_state(self) -> None:
        """Complete the array or type on the stack."""
        state = self.pop()
        set_state(self.stack[-1], state)

    def append(self, values: list[Any]) -> None:
        """Add to the list on the stack."""
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError
        target += map(plain, values)

    def set_items(self, keys_and_values: list[Any] | tuple[Any, ...]) -> None:
        """Add keys and values, in turn, to the dict on the stack."""
        target = self.stack[-1]
        keys, values = keys_and_values[::2], keys_and_values[1::2]
        # Other keys could be nested so deep that hashing them would end the process.
        if not isinstance(target, dict) or not all(isinstance(key, (str, bytes)) for key in keys):
            raise TypeError
        target.update(zip(keys, map(plain, values), strict=True))


_Step = Callable[[_Machine], object]


def _push(read: Callable[[_Machine], Any]) -> _Step:
    return lambda machine: machine.stack.append(read(machine))


def _long(machine: _Machine) -> int:
    size = machine.number(1)
    if size > 8:
        raise ValueError
    return machine.number(size, signed=True)


# Codes and meanings are those of the module pickletools.
_STEPS: dict[bytes, _Step] = {
    b"\x95": lambda machine: machine.number(8),  # FRAME: how much to read at once
    b"(": _push(lambda machine: _MARK),
    b"N": _push(lambda machine: None),
    b"\x88": _push(lambda machine: True),
    b"\x89": _push(lambda machine: False),
    b"K": _push(lambda machine: machine.number(1)),
    b"M": _push(lambda machine: machine.number(2)),
    b"J": _push(lambda machine: machine.number(4, signed=True)),
    b"\x8a": _push(_long),
    b"U": _push(lambda machine: machine.sized(1)),
    b"T": _push(lambda machine: machine.sized(4)),
    b"C": _push(lambda machine: machine.sized(1)),
    b"B": _push(lambda machine: machine.sized(4)),
    b"\x96": _push(lambda machine: machine.sized(8)),  # a bytearray, here bytes
    b"\x8c": _push(lambda machine: machine.sized(1).decode("utf-8")),
    b"X": _push(lambda machine: machine.sized(4).decode("utf-8")),
    b"}": _push(lambda machine: {}),
    b"]": _push(lambda machine: []),
    b")": _push(lambda machine: ()),
    b"\x85": _push(lambda machine: machine.pop_several(1)),
    b"\x86": _push(lambda machine: machine.pop_several(2)),
    b"\x87": _push(lambda machine: machine.pop_several(3)),
    b"t": _push(lambda machine: tuple(machine.pop_to_mark())),
    b"a": lambda machine: machine.append([machine.pop()]),
    b"e": lambda machine: machine.append(machine.pop_to_mark()),
    b"s": lambda machine: machine.set_items(machine.pop_several(2)),
    b"u": lambda machine: machine.set_items(machine.pop_to_mark()),
    b"q": lambda machine: machine.memoize(machine.number(1)),
    b"r": lambda machine: machine.memoize(machine.number(4)),
    b"\x94": lambda machine: machine.memoize(len(machine.memo)),
    b"h": _push(lambda machine: machine.memo[machine.number(1)]),
    b"j": _push(lambda machine: machine.memo[machine.number(4)]),
    b"c": lambda machine: machine.name(machine.line(), machine.line()),
    b"\x93": lambda machine: machine.name(*machine.pop_several(2)),
    b"R": lambda machine: machine.call(),
    b"b": lambda machine: machine.set_state(),
}
