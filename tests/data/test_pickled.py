import builtins
import hashlib
import os
import pickle
import struct
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
from helpers.python2 import python2_pickle

from signbit.data._pickled import read_pickled
from signbit.errors import DataError

NAMES = b"airplane automobile bird cat deer dog frog horse ship truck".split()
PIXELS = np.arange(12, dtype=np.uint8).reshape(4, 3)
BATCH: dict[Any, Any] = {
    b"batch_label": b"training batch 1 of 5",
    b"labels": [6, 9, 9, 300],
    b"data": PIXELS,
    b"filenames": [b"leptodactylus_\xe9.png", b"b" * 300],
}


def read(content: bytes, most_steps: int = 10_000) -> dict[str, Any]:
    return read_pickled(content, "batch", most_steps)


def test_python_2_wrote_the_official_names_like_this():
    meta = python2_pickle({b"num_cases_per_batch": 10_000, b"label_names": NAMES, b"num_vis": 3072})
    # The checksum of batches.meta that torchvision has.
    assert hashlib.md5(meta).hexdigest() == "5ff9c542aee3614f3951f8cda6e48888"
    assert read(meta) == {"num_cases_per_batch": 10_000, "label_names": NAMES, "num_vis": 3072}


@pytest.mark.parametrize("protocol", ["python 2", 2, 3, 4, 5])
def test_every_protocol_gives_the_same(protocol):
    is_old = protocol == "python 2"
    content = python2_pickle(BATCH) if is_old else pickle.dumps(BATCH, protocol)
    found = read(content)
    np.testing.assert_array_equal(found.pop("data"), PIXELS)
    assert found == {key.decode(): value for key, value in BATCH.items() if key != b"data"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("code", ["<u1", "<i2", ">i2", "<u4", ">i8"])
def test_arrays_keep_type_and_order(protocol, code):
    rows = np.arange(12).reshape(4, 3).astype(code)
    found = read(pickle.dumps({"a": rows, "b": np.asfortranarray(rows), "c": -5}, protocol))
    for key in "ab":
        np.testing.assert_array_equal(found[key], rows)
        assert found[key].dtype == rows.dtype
        assert not found[key].flags.writeable
    assert found["c"] == -5


class Evil:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call


def pickled(*call: Any, protocol: int = 2) -> bytes:
    return pickle.dumps({"data": Evil(*call)}, protocol)


def text(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def array(shape: bytes, content: bytes, code: bytes = b"u1", order: bytes = b"|") -> bytes:
    """A dict with an array whose parts are what the arguments say."""
    return (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\n)R(K\x01"
        + shape
        + b"cnumpy\ndtype\n("
        + text(code)
        + b"K\0K\x01tR(K\x03"
        + text(order)
        + b"NNNK\0K\0K\0tb\x89"
        + content
        + b"tbs."
    )


def test_the_handmade_array_is_one():
    found = read(array(b"K\x02K\x03\x86", b"U\x06abcdef"))["data"]
    assert found.tolist() == [[97, 98, 99], [100, 101, 102]]


HOSTILE = {
    "os.system by REDUCE": (pickled(os.system, ("touch /tmp/x",)), r"asks for posix\.system"),
    "os.system by STACK_GLOBAL": (
        pickled(os.system, ("touch /tmp/x",), protocol=4),
        r"asks for posix\.system, which no data needs; nothing was run",
    ),
    "eval": (pickled(eval, ("1",)), r"asks for __builtin__\.eval"),
    "GLOBAL alone": (b"\x80\x02cos\nsystem\n.", r"asks for os\.system"),
    "GLOBAL with controls": (b"\x80\x02co\x1bs\nsystem\n.", r"asks for o\\x1bs\.system"),
    "GLOBAL of another of NumPy": (
        b"\x80\x02cnumpy\nload\n.",
        r"asks for numpy\.load",
    ),
    "STACK_GLOBAL of a list": (b"\x80\x04" + b"]" + b"]a" + text(b"x") + b"\x93.", "damaged"),
    "INST": (b"\x80\x02(S'x'\nios\nsystem\n.", "instruction STRING"),
    "INST without arguments": (b"\x80\x02(ios\nsystem\n.", r"asks for os\.system"),
    "INST of a known name": (b"\x80\x02(inumpy\nndarray\n.", "instruction INST"),
    "OBJ": (b"\x80\x02(cnumpy\nndarray\no.", "instruction OBJ"),
    "NEWOBJ": (b"\x80\x02cnumpy\nndarray\n)\x81.", "instruction NEWOBJ"),
    "NEWOBJ_EX": (b"\x80\x04cnumpy\nndarray\n)}\x92.", "instruction NEWOBJ_EX"),
    "EXT1": (b"\x80\x02\x82\x01.", "instruction EXT1"),
    "EXT4": (b"\x80\x02\x84\x01\0\0\0.", "instruction EXT4"),
    "PERSID": (b"\x80\x02Pname\n.", "instruction PERSID"),
    "BINPERSID": (b"\x80\x02K\x01Q.", "instruction BINPERSID"),
    "NEXT_BUFFER": (b"\x80\x05\x97.", "instruction NEXT_BUFFER"),
    "an unknown instruction": (b"\x80\x02\xff.", r"instruction b'\\xff'"),
    "BUILD of a dict": (b"\x80\x02}}b.", "sets the state of a dict"),
    "BUILD of a name": (b"\x80\x02cnumpy\nndarray\n}b.", "sets the state of a Name"),
    "a call of a class": (b"\x80\x02cnumpy\nndarray\n)R.", "calls a Name"),
    "a call of text": (b"\x80\x02U\x01x)R.", "calls a bytes"),
    "LONG4 of a gigabyte": (b"\x80\x02\x8b\0\0\0\x40.", "instruction LONG4"),
    "LONG1 of 255 bytes": (b"\x80\x02}U\x01a\x8a\xff" + b"\x7f" * 255 + b"s.", "damaged"),
    "INT of many digits": (b"\x80\x02I" + b"9" * 99 + b"\n.", "instruction INT"),
    "text of four gigabytes": (b"\x80\x02X\xff\xff\xff\xffx", "cut off"),
    "bytes of two exabytes": (b"\x80\x05\x96" + b"\xff" * 8, "cut off"),
    "text that is no UTF-8": (b"\x80\x02}X\x01\0\0\0\xff.", "damaged"),
    "a memo that is not there": (b"\x80\x02j\xff\xff\xff\xff.", "damaged"),
    "a mark in the memo": (b"\x80\x02(q\x01h\x01.", "damaged"),
    "an empty stack": (b"\x80\x02.", "damaged"),
    "no mark": (b"\x80\x02e.", "damaged"),
    "a list instead of a dict": (b"\x80\x02].", "a list instead of a dict"),
    "an odd number of items": (b"\x80\x02}(K\x01u.", "damaged"),
    "a list as key": (b"\x80\x02}]K\x01s.", "damaged"),
    "a tuple as key": (b"\x80\x02})K\x01s.", "damaged"),
    "a name as a value": (b"\x80\x02}U\x01acnumpy\nndarray\ns.", "part of an array"),
    "a name in a list": (b"\x80\x02]cnumpy\nndarray\na.", "part of an array"),
    "an array that was never filled": (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n)Rs.",
        "part of an array",
    ),
    "encoding to rot13": (
        b"\x80\x02c_codecs\nencode\n" + text(b"x") + text(b"rot13") + b"\x86R.",
        "damaged",
    ),
    "encoding of a number": (b"\x80\x02c_codecs\nencode\nK\x01K\x01\x86R.", "damaged"),
    "an array of objects": (array(b"K\x01\x85", b"U\x08abcdefgh", b"O8"), "type 'O8'"),
    "an array of objects in Python": (
        pickle.dumps({"data": np.array([{}], object)}, 2),
        "type 'O8'",
    ),
    "an array with fields": (
        pickle.dumps({"data": np.zeros(2, [("a", "u1"), ("b", "O")])}, 4),
        "type 'V9'",
    ),
    "an array of floats": (array(b"K\x01\x85", b"U\x04abcd", b"f4"), "type 'f4'"),
    "a type that is no text": (
        array(b"K\x01\x85", b"U\x01a").replace(text(b"u1"), b"]"),
        "damaged",
    ),
    "an order of bytes that is none": (array(b"K\x01\x85", b"U\x01a", order=b"?"), "damaged"),
    "a negative side": (array(b"J\xff\xff\xff\xffJ\xff\xff\xff\xff\x86", b"U\x01a"), "damaged"),
    "a side of nothing": (array(b"K\0\x85", b"U\0"), "damaged"),
    "no side": (array(b")", b"U\x01a"), "damaged"),
    "sides that overflow": (
        array((b"\x8a\x08" + b"\0" * 7 + b"\x40") * 2 + b"\x86", b"U\x01a"),
        "damaged",
    ),
    "a side that is true": (array(b"\x88\x85", b"U\x01a"), "damaged"),
    "five sides": (array(b"(K\x01K\x01K\x01K\x01K\x01t", b"U\x01a"), "damaged"),
    "too few bytes": (array(b"K\x02K\x02\x86", b"U\x03abc"), r"needs 4 bytes, but has 3"),
    "too many bytes": (array(b"K\x02\x85", b"U\x04abcd"), r"shape \(2,\) that needs 2 bytes"),
    "values in a list": (array(b"K\x01\x85", b"(K\x01t"), "not made of bytes"),
    "protocol 0": (pickle.dumps({}, 0), "not a pickle of protocol 2 to 5"),
    "protocol 6": (b"\x80\x06}.", "not a pickle of protocol 2 to 5"),
    "nothing": (b"", "cut off"),
}


def watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where one of the functions is called that the hostile files ask for."""
    for place, function in ((os, "system"), (builtins, "eval"), (builtins, "__import__")):
        monkeypatch.setattr(place, function, lambda *_, **__: pytest.fail("was called"))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_data_does_not_need_is_refused_in_one_line(name, monkeypatch):
    content, message = HOSTILE[name]
    with monkeypatch.context() as watched:
        watch(watched)
        with pytest.raises(DataError, match=message) as caught:
            read(content)
    said = str(caught.value)
    assert said.startswith("batch: ")
    assert len(said.splitlines()) == 1
    assert len(said) < 300


def measured(content: bytes) -> tuple[str, int]:
    """The error that reading gives, and the bytes that it needed at most."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read(content, most_steps=20_000)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMBS = {
    "deep lists": (b"]" * 50_000, "more than 20000 instructions"),
    "a list in itself, deep": (b"]q\x01" + b"h\x01a" * 30_000, "more than 20000 instructions"),
    "deep tuples": (b")" + b"\x85" * 15_000 + b".", "a tuple instead of a dict"),
    "a deep tuple as key": (b"})" + b"\x85" * 15_000 + b"K\x01s.", "damaged"),
    "doubled tuples as key": (b"})" + b"q\x01h\x01\x86" * 60 + b"K\x01s.", "damaged"),
    "doubled lists as a name": (
        b"]q\x01" + b"](h\x01h\x01eq\x01" * 60 + text(b"x") + b"\x93.",
        "damaged",
    ),
    "memo": (b"K\x01" + b"r\xff\xff\xff\x7f" * 50_000, "more than 20000 instructions"),
    "text encoded again and again": (
        text(b"x" * 100_000)
        + b"q\x01c_codecs\nencode\nq\x02"
        + text(b"latin1")
        + b"q\x03"
        + b"h\x02h\x01h\x03\x86R" * 3_000,
        "damaged",
    ),
    "one array again and again": (
        text(b"x") + b"q\x01" + b"h\x01" * 50_000,
        "more than 20000 instructions",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_take_little_memory(name):
    content, message = BOMBS[name]
    said, peak = measured(b"\x80\x02" + content)
    assert message in said
    assert peak < 8 * 2**20


def outcome(content: bytes) -> dict[str, Any] | str:
    """What is read, or the error."""
    try:
        return read(content)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("protocol", ["python 2", 2, 4, 5])
def test_mutated_pickles_are_data_or_errors(protocol):
    is_old = protocol == "python 2"
    whole = python2_pickle(BATCH) if is_old else pickle.dumps(BATCH, protocol)
    interesting = b"(.0125NKMJIGFDSUTXCBRQPOboicdeastul]})\x80\x81\x82\x85\x86\x8a\x8b\x93\x94\xff"
    random = np.random.default_rng(7)
    read_whole = 0
    modules = set(sys.modules)
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(random.integers(1, 5)):
            place = int(random.integers(len(content)))
            kind = random.integers(4)
            if kind == 0:
                content[place] = random.integers(256)
            elif kind == 1:
                content[place] = interesting[random.integers(len(interesting))]
            elif kind == 2:
                del content[place : place + int(random.integers(1, 9))]
            else:
                start = int(random.integers(len(content)))
                content[place:place] = content[start : start + int(random.integers(1, 20))]
        found = outcome(bytes(content))
        assert isinstance(found, dict) or len(found.splitlines()) == 1, bytes(content)
        read_whole += isinstance(found, dict)
    assert 0 < read_whole < 3000
    assert set(sys.modules) == modules
