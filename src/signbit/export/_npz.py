"""Arrays in NumPy's .npz files."""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from signbit.errors import DataError, first_line
from signbit.files import open_regular
from signbit.format.signature import MAX_NAMED
from signbit.format.types import shown

# Of all arrays of a file that is read, unpacked.
MAX_BYTES = 1 << 30


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the file that `numpy.savez_compressed` writes, under any names.

    That function takes the arrays as keyword arguments, so an array cannot have the name of one of
    its own arguments, such as `file`.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                npy.write_array(member, np.asanyarray(array), allow_pickle=False)


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names; nothing is unpickled.

    Raises: DataError for a file that cannot be read, is damaged, or holds too much.
    """
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if len(members) > MAX_NAMED or size > MAX_BYTES:
                raise DataError(
                    f"{path} holds {len(members)} arrays of {size} bytes; at most {MAX_NAMED} of "
                    f"{MAX_BYTES} bytes together are allowed"
                )
            return {
                member.filename.removesuffix(".npy"): _array(archive.read(member), member, path)
                for member in members
            }
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    # A member that is encrypted, or packed in a way that this Python lacks, is a RuntimeError.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataError(f"{path}: not a .npz file: {first_line(error)}") from error


def _array(content: bytes, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    file, place = io.BytesIO(content), f"{path}, {shown(member.filename)}"
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # a header may make Python's parser raise almost anything
        raise DataError(f"{place}: not an array of NumPy: {first_line(error)}") from error
    if dtype.hasobject:
        raise DataError(f"{place}: an array of objects; save numbers or bool")
    size, left = math.prod(shape) * dtype.itemsize, len(content) - file.tell()
    if min(shape, default=0) < 0 or left != size:
        raise DataError(f"{place}: {left} bytes where its header says {size}")
    values = np.frombuffer(content, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if fortran else "C")
