"""Plain numbers in text files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import write_arrays
from signbit.export._types import Parameters, exporters

# Digits after which reading gives back the very number.
_DIGITS = {"float64": 17, "float32": 9, "float16": 5}


@exporters.register("txt")
def txt(parameters: Parameters, folder: Path) -> dict[str, Any]:
    """Write each array as a header line that starts with # and rows of decimal numbers."""
    conventions = {
        "files": "the first line, after #, is a JSON object with the key and the shape",
        "rows": "one line for each index of the first axis; in it the other axes in row-major "
        "order, the last axis fastest; one number a line where there is one axis or none",
        "numbers": "decimal, with digits enough to give back the very number",
    }
    return write_arrays(parameters, folder, ".txt", _write, conventions)


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    digits = _DIGITS.get(array.dtype.name)
    form = "%d" if digits is None else f"%.{digits}g"
    rows = array.reshape(len(array), -1) if array.ndim and array.size else array.reshape(-1, 1)
    header = {"key": key, "shape": list(array.shape), "dtype": array.dtype.name}
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"# {json.dumps(header)}\n")
        for row in np.ascontiguousarray(rows):
            file.write(" ".join(form % number for number in row.tolist()) + "\n")
