"""Write arrays as NumPy's files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import ArrayFormat
from signbit.export._interface import exporters
from signbit.export.npz.operations import OPERATIONS


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


def _write_all(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    arguments: dict[str, Any] = dict(arrays)  # else pyright reads arrays as keyword options
    np.savez_compressed(path, **arguments)


npz = exporters.register("npz")(
    ArrayFormat(
        "npz",
        OPERATIONS,
        ".npy",
        _write,
        _write_all,
        {
            "files": "each .npy file holds one array; a single .npz file holds each array under "
            "its key; numpy.load reads both with allow_pickle=False"
        },
        suffix_all=".npz",
    )
)
