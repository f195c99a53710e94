"""MAT files, level 5, for MATLAB and GNU Octave."""

import io
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from signbit.errors import MissingDependencyError, OutputError
from signbit.export._arrays import write_arrays
from signbit.export._types import Parameters, exporters

VARIABLE = "array"
# The text of the header is free, but for its first word; scipy's says when and where.
_HEADER = b"MATLAB 5.0 MAT-file, written by signbit".ljust(116)


@exporters.register("mat")
def mat(parameters: Parameters, folder: Path) -> dict[str, Any]:
    """Write each array as the variable `array` of a file of its own.

    Raises: MissingDependencyError without scipy; OutputError for an array of 2 GB or more,
        which the format cannot hold.
    """
    conventions = {
        "files": f"each .mat file, level 5, holds one variable, `{VARIABLE}`",
        "shape": "axes in the order of `shape`; one axis becomes a column, no axis 1x1, and "
        "MATLAB drops axes of length 1 at the end",
    }
    return write_arrays(parameters, folder, ".mat", _write, conventions)


def _write(path: Path, key: str, array: NDArray[Any]) -> None:
    try:
        from scipy.io import savemat
        from scipy.io.matlab import MatWriteError
    except ImportError as error:
        raise MissingDependencyError(
            "MAT files need scipy; install it with: pip install 'signbit[export]'"
        ) from error
    buffer = io.BytesIO()
    try:
        savemat(buffer, {VARIABLE: array}, oned_as="column")
    except MatWriteError as error:
        raise OutputError(f"{key}: a MAT file cannot hold it: {error}; export to txt") from error
    path.write_bytes(_HEADER + buffer.getvalue()[len(_HEADER) :])
