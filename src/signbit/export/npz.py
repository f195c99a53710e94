"""NumPy's files: an .npy for each array, or one .npz for all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import ArrayFormat
from signbit.export._interface import exporters


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


def _write_all(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    arguments: dict[str, Any] = dict(arrays)  # pyright takes arrays for its keyword options
    np.savez_compressed(path, **arguments)


exporters.register("npz")(
    ArrayFormat(
        ".npy",
        _write,
        _write_all,
        {
            "files": "each .npy file holds one array; a single .npz file each under its key; "
            "numpy.load reads both with allow_pickle=False"
        },
        suffix_all=".npz",
    )
)
