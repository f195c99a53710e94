"""Write arrays as text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import ArrayFormat
from signbit.export._interface import exporters
from signbit.export.txt.operations import OPERATIONS

# With so many digits, reading gives exactly the same number.
_DIGITS = {"float64": 17, "float32": 9, "float16": 5}


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    with path.open("w", encoding="ascii", newline="\n") as file:
        _print(file, key, array)


def _write_all(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    with path.open("w", encoding="ascii", newline="\n") as file:
        for key, array in arrays.items():
            _print(file, key, array)


def _print(file: TextIO, key: str, array: NDArray[Any]) -> None:
    digits = _DIGITS.get(array.dtype.name)
    form = "%d" if digits is None else f"%.{digits}g"
    rows = array.reshape(len(array), -1) if array.ndim and array.size else array.reshape(-1, 1)
    header = {"key": key, "shape": list(array.shape), "dtype": array.dtype.name}
    file.write(f"# {json.dumps(header)}\n")
    for row in np.ascontiguousarray(rows):
        file.write(" ".join(form % number for number in row.tolist()) + "\n")


txt = exporters.register("txt")(
    ArrayFormat(
        "txt",
        OPERATIONS,
        ".txt",
        _write,
        _write_all,
        {
            "files": "the first line is # and a JSON object with the key and the shape; a single "
            "file holds one array after the other, each after such a line",
            "rows": "one line for each index of the first axis, with the other axes in row-major "
            "order, the last axis fastest; one number a line where there is one axis or none",
            "numbers": "decimal, with enough digits to read exactly the same number",
        },
    )
)
