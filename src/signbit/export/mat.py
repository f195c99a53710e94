"""MAT files, level 5, for MATLAB and GNU Octave."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from signbit.errors import MissingDependencyError, OutputError
from signbit.export._arrays import ArrayFormat
from signbit.export._types import exporters

VARIABLE = "array"
# The text of the header is free, but for its first word; scipy's says when and where.
_HEADER = b"MATLAB 5.0 MAT-file, written by signbit".ljust(116)


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    _save(path, {VARIABLE: array}, key)


def _write_all(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    _save(path, dict(arrays), path.name)


def _save(path: Path, variables: dict[str, NDArray[Any]], what: str) -> None:
    try:
        from scipy.io import savemat
        from scipy.io.matlab import MatWriteError
    except ImportError as error:
        raise MissingDependencyError(
            "MAT files need scipy; install it with: pip install 'signbit[export]'"
        ) from error
    buffer = io.BytesIO()
    try:
        savemat(buffer, variables, oned_as="column")
    except MatWriteError as error:
        raise OutputError(f"{what}: a MAT file cannot hold it: {error}; export to txt") from error
    path.write_bytes(_HEADER + buffer.getvalue()[len(_HEADER) :])


exporters.register("mat")(
    ArrayFormat(
        ".mat",
        _write,
        _write_all,
        {
            "files": f"each .mat file, level 5, holds one variable, `{VARIABLE}`; a single one "
            "holds each under its key",
            "shape": "axes in the order of `shape`; one axis becomes a column, no axis 1x1, and "
            "MATLAB drops axes of length 1 at the end",
        },
    )
)
