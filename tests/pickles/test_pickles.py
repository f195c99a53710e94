import pickle
import struct
import tracemalloc
from typing import Any

import pytest

from signbit.pickles import (
    ALL_STEPS,
    DATA_STEPS,
    Dialect,
    ForbiddenError,
    Inert,
    PickleError,
    read_pickle,
)

VALUE: dict[Any, Any] = {
    "whole": [0, 1, -1, 255, 256, 65536, -(1 << 31), 1 << 40, -(1 << 70)],
    "real": [0.5, -1e300, float("inf")],
    "text": ["", "a", "é\n", "\udcff", "x" * 300],
    "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "known": (None, True, False),
    5: {None: {}, 2.5: []},
}
ANY = Dialect(ALL_STEPS, inert=lambda name: True)


def read(content: bytes, dialect: Dialect = ANY, most_steps: int = 100_000) -> Any:
    value, end = read_pickle(content, dialect, most_steps)
    assert end == len(content)
    return value


def text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_gives_plain_values(protocol):
    assert read(pickle.dumps(VALUE, protocol)) == VALUE


def test_one_value_that_stands_twice_is_one():
    one: list[Any] = []
    for protocol in range(6):
        first, second = read(pickle.dumps([one, one], protocol))
        assert first is second


def test_pickles_one_after_the_other():
    content = b"--" + pickle.dumps(1) + pickle.dumps("b")
    first, at = read_pickle(content, ANY, 100, 2)
    assert (first, read_pickle(content, ANY, 100, at)) == (1, ("b", len(content)))


@pytest.mark.parametrize(("strings", "value"), [("bytes", b"\xe9"), ("latin1", "é")])
def test_texts_of_python_2_become_what_the_dialect_says(strings, value):
    for content in (b"U\x01\xe9.", b"T\x01\0\0\0\xe9."):
        assert read(content, Dialect(DATA_STEPS, strings=strings)) == value


@pytest.mark.parametrize("protocol", range(2, 6))
def test_sets_and_all_that_inert_names_make_are_inert(protocol):
    found = read(pickle.dumps({"a": {1, 2}, "b": 1j, "c": bytearray(b"x")}, protocol))
    # Protocol 5 has an instruction for a bytearray.
    assert all(isinstance(found[key], Inert) for key in ("ab" if protocol == 5 else "abc"))


HOSTILE = {
    "a name that is not allowed": (b"cos\nsystem\n.", ForbiddenError, r"asks for os\.system"),
    "a protocol to come": (b"\x80\x06N.", ValueError, "protocol after 5"),
    "a value in a set that is a list": (b"](K\x01\x90.", ValueError, "list in place of Inert"),
    "an item of what is no dict": (b"]K\x01K\x02s.", ValueError, "list in place of dict"),
    "an item of what is no list": (b"}K\x01a.", ValueError, "dict in place of list"),
    "a mark as a value": (b"(.", ValueError, "a mark"),
    "a mark that gets a state": (b"(Nb.", ValueError, "a mark"),
    "a long integer": (b"\x8a\xff" + b"\x7f" * 255 + b".", ValueError, "of 255 bytes"),
    "a place in the memo of many digits": (b"Np" + b"9" * 4000 + b"\n.", ValueError, "memo"),
    # Thousands of these have one hash.
    "a key that is long": (
        b"}\x8a\x10" + (((1 << 61) - 1) << 60).to_bytes(16, "little") + b"Ns.",
        ValueError,
        "a number of 121 bits as a key",
    ),
    "a long key of DICT": (b"(L" + b"9" * 99 + b"L\nNd.", ValueError, "bits as a key"),
    "a persistent id": (b"K\x01Q.", ValueError, "a persistent id"),
    "an instruction of a line": (b"Pname\n.", PickleError, "instruction PERSID"),
    "LONG4": (b"\x8b\0\0\0\x40.", PickleError, "instruction LONG4"),
    "no end": (b"N", EOFError, "cut off"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_data_does_not_need_is_refused(name):
    content, error, message = HOSTILE[name]
    with pytest.raises(error, match=message):
        read(content, Dialect(ALL_STEPS))


BOMBS = {
    "long names": text(b"n" * 50_000) + b"q\x01" + b"h\x01h\x01\x93" * 3_000 + b".",
    "many arguments": b"(" + b"N" * 30_000 + b"tq\x01" + b"cx\ncount\nh\x01R" * 20_000 + b".",
    "many instructions": b"]" * 200_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_little_memory(name):
    dialect = Dialect(ALL_STEPS, functions={"x.count": lambda *_: _}, inert=lambda name: True)
    tracemalloc.start()
    try:
        with pytest.raises((PickleError, ValueError)):
            read(BOMBS[name], dialect)
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()
