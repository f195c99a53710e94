"""Write arrays as NumPy's files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.export._arrays import ArrayFormat
from signbit.export._interface import exporters
from signbit.export._npz import write_npz
from signbit.export.npz.operations import OPERATIONS


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    np.save(path, array, allow_pickle=False)


npz = exporters.register("npz")(
    ArrayFormat(
        "npz",
        OPERATIONS,
        ".npy",
        _write,
        write_npz,
        {
            "files": "each .npy file holds one array; a single .npz file holds all arrays by their "
            "keys; numpy.load reads both with allow_pickle=False"
        },
        suffix_all=".npz",
    )
)
