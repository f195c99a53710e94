"""Read arrays in .npy and .npz files in pieces. Nothing is unpickled."""

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from signbit.errors import DataError, first_line
from signbit.files import open_regular, read_at_most
from signbit.format.types import shown

MAX_HEADER = 10_000
MAX_MEMBERS = 256
# For one sample, and for an array in Fortran's order, which must be read as a whole.
MAX_BYTES = 1 << 30
MAX_TEXT = 1 << 14
_KINDS = "biufU"
# The errors of zipfile. RuntimeError is for a member that is encrypted or packed in an unknown way.
_DAMAGES = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, RuntimeError, UnicodeDecodeError),
    *(zlib.error, lzma.LZMAError, struct.error, OverflowError),
)


@dataclass(frozen=True)
class ArrayHeader:
    """The header of an array. Its first axis goes over the samples."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def count(self) -> int:
        """Number of samples."""
        return next(iter(self.shape))

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


class ArrayFile:
    """The arrays of a .npz file by their names, or the array of a .npy file, whose name is ''.

    headers: the headers of the arrays, by name.

    Raises: DataError for a damaged file, and for an array that does not hold numbers, bool or text.
    """

    def __init__(self, path: Path):
        self.path = path
        self.headers: dict[str, ArrayHeader] = {}
        with self._opened() as members:
            for name in members:
                with members[name]() as file:
                    self.headers[name] = _header(file, self.place(name))

    def place(self, name: str) -> str:
        """The name of an array in messages."""
        return f"{self.path}, array {shown(name)}" if name else str(self.path)

    def whole(self) -> dict[str, NDArray[Any]]:
        """All arrays by their names.

        Raises: DataError where they have more than MAX_BYTES together, or where the file ends
            early.
        """
        size = sum(one.count * one.sample_bytes for one in self.headers.values())
        if size > MAX_BYTES:
            raise DataError(f"{self.path}: arrays of {size} bytes; at most {MAX_BYTES} are allowed")
        return {
            name: next(self.pieces(name, header.count)) for name, header in self.headers.items()
        }

    def pieces(self, name: str, size: int) -> Iterator[NDArray[Any]]:
        """The samples of an array in order, at most `size` at a time.

        Raises: DataError where the file ends earlier than its header says.
        """
        header, place = self.headers[name], self.place(name)
        with self._opened() as members, members[name]() as file:
            _header(file, place)
            if header.fortran:
                count = math.prod(header.shape)
                flat = _read(file, count * header.dtype.itemsize, header.dtype, place)
                whole = flat.reshape(header.shape, order="F")
                for start in range(0, len(whole), size):
                    yield whole[start : start + size]
                return
            for start in range(0, header.count, size):
                count = min(size, header.count - start)
                flat = _read(file, count * header.sample_bytes, header.dtype, place)
                yield flat.reshape(count, *header.shape[1:])

    @contextmanager
    def _opened(self) -> Iterator[dict[str, Any]]:
        """A function to open each array, by name."""
        try:
            with open_regular(self.path) as file:
                if self.path.suffix.lower() != ".npz":
                    yield {"": lambda: _kept_open(file)}
                    return
                with zipfile.ZipFile(file) as archive:
                    yield _members(archive)
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {error.strerror or error}") from error
        except _DAMAGES as error:
            raise DataError(f"{self.path}: damaged .npz: {first_line(error)}") from error


def read_arrays(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """Read the array of a .npy file, or the arrays of a .npz file by their names.

    Nothing is unpickled.

    path: the file.

    Raises: DataError for a file that cannot be read or is damaged, for arrays of more than 1 GiB
        together, and for an array that does not hold numbers, bool or text.
    """
    arrays = ArrayFile(path).whole()
    return arrays.get("", arrays)


@contextmanager
def _kept_open(file: IO[bytes]) -> Iterator[IO[bytes]]:
    file.seek(0)
    yield file


def _members(archive: zipfile.ZipFile) -> dict[str, Any]:
    names = archive.namelist()
    if len(names) > MAX_MEMBERS:
        raise zipfile.BadZipFile(f"{len(names)} members; at most {MAX_MEMBERS} are allowed")
    return {name.removesuffix(".npy"): lambda name=name: archive.open(name) for name in names}


def _header(file: IO[bytes], place: str) -> ArrayHeader:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file, max_header_size=MAX_HEADER)
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # Python's parser may raise almost any error for a bad header
        raise DataError(f"{place}: not an array of NumPy: {first_line(error)}") from error
    if dtype.kind not in _KINDS or dtype.hasobject:
        raise DataError(f"{place}: an array of {dtype}; give numbers, bool or text")
    if dtype.kind == "U" and dtype.itemsize > MAX_TEXT:
        raise DataError(f"{place}: texts of {dtype.itemsize} bytes; at most {MAX_TEXT} are allowed")
    if min(shape, default=0) < 1:
        raise DataError(f"{place}: shape {shape}; give one or more samples along the first axis")
    header = ArrayHeader(tuple(shape), dtype, fortran and len(shape) > 1)
    held = header.sample_bytes * (header.count if header.fortran else 1)
    if held > MAX_BYTES:
        what = "in Fortran's order" if header.fortran else "in one sample"
        raise DataError(f"{place}: {held} bytes {what}; at most {MAX_BYTES} are allowed")
    return header


def _read(file: IO[bytes], size: int, dtype: np.dtype, place: str) -> NDArray[Any]:
    # Not read in one call: a header may promise far more bytes than the file has.
    content = read_at_most(file, size - 1) if size else b""
    if len(content) != size:
        raise DataError(f"{place}: the file ends early, after {len(content)} of {size} bytes")
    return np.frombuffer(content, dtype)
