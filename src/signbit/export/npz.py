"""NumPy's .npy and .npz files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import ArrayFormat
from signbit.export._types import exporters


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    _write_all(path, {VARIABLE: array})


def _write_all(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    arguments: dict[str, Any] = dict(arrays)  # pyright takes arrays for its keyword options
    np.savez_compressed(path, **arguments)


VARIABLE = "array"

exporters.register("npz")(
    ArrayFormat(
        ".npz",
        _write,
        _write_all,
        {
            "files": f"each .npz file holds one array, `{VARIABLE}`; a single one each under its "
            "key; numpy.load reads them with allow_pickle=False"
        },
    )
)
