"""Reading and writing .npz files."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signbit.errors import DataError
from signbit.export import _npz
from signbit.export._npz import read_npz, write_npz

ARRAYS: dict[str, Any] = {
    "bits": np.array([True, False]),
    "number": np.array(2.5),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "codes": np.arange(4, dtype=np.uint8).reshape(1, 2, 2),
}


def test_the_file_is_that_of_numpy(tmp_path):
    write_npz(tmp_path / "ours.npz", ARRAYS)
    np.savez_compressed(tmp_path / "numpys.npz", allow_pickle=False, **ARRAYS)
    assert (tmp_path / "ours.npz").read_bytes() == (tmp_path / "numpys.npz").read_bytes()


def test_arrays_may_have_the_names_of_arguments(tmp_path):
    wanted = {
        name: np.array([index]) for index, name in enumerate(("file", "allow_pickle", "kwds"))
    }
    write_npz(tmp_path / "x.npz", wanted)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert {name: found[name].tolist() for name in found} == {
            "file": [0],
            "allow_pickle": [1],
            "kwds": [2],
        }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path, save):
    save(tmp_path / "x.npz", **ARRAYS)
    found = read_npz(tmp_path / "x.npz")
    assert list(found) == list(ARRAYS)
    for name, wanted in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (wanted.dtype, wanted.shape)
        np.testing.assert_array_equal(found[name], wanted)


def with_header(path: Path, shape: str, content: bytes, dtype: str = "<f4") -> None:
    """A file of one array whose header says what it likes."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header + content)


@pytest.mark.parametrize(
    ("shape", "content", "says"),
    [
        ("(3,)", bytes(8), "x.npy': 8 bytes where its header says 12"),
        ("(1000000000000,)", bytes(8), "8 bytes where its header says 4000000000000"),
        ("(-2, -1)", bytes(8), "8 bytes where its header says 8"),
        ("[" * 500, b"", "not an array of NumPy"),
        ("(3", b"", "not an array of NumPy"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, shape, content, says):
    with_header(tmp_path / "x.npz", shape, content)
    with pytest.raises(DataError, match=says) as told:
        read_npz(tmp_path / "x.npz")
    assert "\n" not in str(told.value)


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([print], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy': an array of objects; save numbers or bool"):
        read_npz(tmp_path / "x.npz")


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DataError, match=r"text\.npz: not a \.npz file"):
        read_npz(tmp_path / "text.npz")
    with pytest.raises(DataError, match=r"cannot read .*none\.npz: No such file"):
        read_npz(tmp_path / "none.npz")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("x.txt", "no array")
    with pytest.raises(DataError, match=r"zip\.npz, 'x\.txt': not an array of NumPy"):
        read_npz(tmp_path / "zip.npz")
    content = bytearray((tmp_path / "zip.npz").read_bytes())
    content[content.index(b"no array")] ^= 1
    (tmp_path / "zip.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"zip\.npz: not a \.npz file: Bad CRC"):
        read_npz(tmp_path / "zip.npz")


def test_more_than_the_limits_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros(1000))
    monkeypatch.setattr(_npz, "MAX_BYTES", 8000)
    with pytest.raises(DataError, match="holds 1 arrays of 8128 bytes; at most"):
        read_npz(tmp_path / "x.npz")
    monkeypatch.setattr(_npz, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(_npz, "MAX_NAMED", 0)
    with pytest.raises(DataError, match="at most 0 of"):
        read_npz(tmp_path / "x.npz")
