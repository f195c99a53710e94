"""The instructions that the machine runs. Codes and meanings are those of `pickletools`."""

import io
import struct
from collections.abc import Callable
from pickletools import opcodes
from typing import Any

from signbit.pickles._dialect import Inert
from signbit.pickles._machine import MARK, Machine

_Step = Callable[[Machine], object]
# In Python, the time of calculating with whole numbers grows faster than their size.
_MOST_LONG = 128


def _push(read: Callable[[Machine], Any]) -> _Step:
    return lambda machine: machine.stack.append(read(machine))


def _long(machine: Machine) -> int:
    size = machine.number(1)
    if size > _MOST_LONG:
        raise ValueError(f"a whole number of {size} bytes")
    return machine.number(size, signed=True)


def _text(machine: Machine, size: int) -> str:
    # Python writes halves of surrogate pairs in this way; names of files may contain them.
    return machine.sized(size).decode("utf-8", "surrogatepass")


DATA_STEPS: dict[bytes, _Step] = {
    b"\x80": lambda machine: machine.protocol(),
    b"\x95": lambda machine: machine.number(8),  # FRAME: how much to read at once
    b"(": _push(lambda machine: MARK),
    b"N": _push(lambda machine: None),
    b"\x88": _push(lambda machine: True),
    b"\x89": _push(lambda machine: False),
    b"K": _push(lambda machine: machine.number(1)),
    b"M": _push(lambda machine: machine.number(2)),
    b"J": _push(lambda machine: machine.number(4, signed=True)),
    b"\x8a": _push(_long),
    b"U": _push(lambda machine: machine.string(1)),
    b"T": _push(lambda machine: machine.string(4)),
    b"C": _push(lambda machine: machine.sized(1)),
    b"B": _push(lambda machine: machine.sized(4)),
    b"\x8e": _push(lambda machine: machine.sized(8)),
    b"\x96": _push(lambda machine: machine.sized(8)),  # a bytearray, here bytes
    b"\x8c": _push(lambda machine: _text(machine, 1)),
    b"X": _push(lambda machine: _text(machine, 4)),
    b"\x8d": _push(lambda machine: _text(machine, 8)),
    b"}": _push(lambda machine: {}),
    b"]": _push(lambda machine: []),
    b")": _push(lambda machine: ()),
    b"\x85": _push(lambda machine: machine.pop_several(1)),
    b"\x86": _push(lambda machine: machine.pop_several(2)),
    b"\x87": _push(lambda machine: machine.pop_several(3)),
    b"t": _push(lambda machine: tuple(machine.pop_to_mark())),
    b"a": lambda machine: machine.extend([machine.pop()]),
    b"e": lambda machine: machine.extend(machine.pop_to_mark()),
    b"s": lambda machine: machine.update([*machine.pop_several(2)]),
    b"u": lambda machine: machine.update(machine.pop_to_mark()),
    b"q": lambda machine: machine.memoize(machine.number(1)),
    b"r": lambda machine: machine.memoize(machine.number(4)),
    b"\x94": lambda machine: machine.memoize(len(machine.memo)),
    b"h": _push(lambda machine: machine.memo[machine.number(1)]),
    b"j": _push(lambda machine: machine.memo[machine.number(4)]),
    b"c": lambda machine: machine.name_in_lines(),
    b"\x93": lambda machine: machine.name(*machine.pop_several(2)),
    b"R": lambda machine: machine.call(),
    b"b": lambda machine: machine.set_state(),
}
"""Dicts, lists, tuples, text, bytes, whole numbers and calls, in protocol 2 to 5."""

# Protocols 0 and 1 write a number or a text as a line.
_LINES = {one.code: one.arg.reader for one in opcodes if one.arg and one.code in "ILFSVpg"}


def _written(code: str) -> Callable[[Machine], Any]:
    reader = _LINES[code]
    return lambda machine: reader(io.BytesIO(machine.line()))


def _call_with_names(machine: Machine) -> None:
    machine.pop()
    machine.call()


_read_index = _written("p")

ALL_STEPS: dict[bytes, _Step] = {
    **DATA_STEPS,
    **{code.encode(): _push(_written(code)) for code in "ILFSV"},
    b"G": _push(lambda machine: struct.unpack(">d", machine.take(8))[0]),
    b"0": lambda machine: machine.stack.pop(),
    b"l": _push(lambda machine: machine.values(machine.pop_to_mark())),
    b"d": _push(lambda machine: machine.pairs(machine.pop_to_mark())),
    b"p": lambda machine: machine.memoize(_read_index(machine)),
    b"g": _push(lambda machine: machine.memo[_read_index(machine)]),
    b"\x8f": _push(lambda machine: Inert("builtins.set")),
    b"\x90": lambda machine: machine.add(machine.pop_to_mark()),
    b"\x81": lambda machine: machine.call(),
    b"\x92": _call_with_names,
    b"Q": _push(lambda machine: machine.dialect.persistent(machine.pop())),
}
"""The instructions of all protocols, with objects, sets and persistent ids. No set is made."""
