"""Write arrays as MAT files."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.errors import MissingDependencyError, OutputError
from signbit.export._arrays import ArrayFormat
from signbit.export._interface import exporters
from signbit.export._signature import name_refusal
from signbit.export.mat.operations import OPERATIONS
from signbit.export.mat.scripts import write_scripts
from signbit.format import PackedModel

VARIABLE = "array"
# MATLAB cannot read a larger variable from a level 5 file, but scipy would write it.
LARGEST = 2**31 - 1
# Names have at most 63 letters; golden_ needs 7 of them.
_LONGEST_NAME = 56
# The header is free text after its first word. scipy writes the time and the platform into it.
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
    for name, array in variables.items():
        if array.nbytes > LARGEST:
            raise OutputError(
                f"{what}: {name} has {array.nbytes} bytes, but a variable of a MAT file has at "
                f"most {LARGEST}; export to npz or txt, or with fewer samples"
            )
    buffer = io.BytesIO()
    try:
        known = {name: _known(array) for name, array in variables.items()}
        savemat(buffer, known, oned_as="row")
    except MatWriteError as error:
        raise OutputError(f"{what}: a MAT file cannot hold it: {error}; export to txt") from error
    path.write_bytes(_HEADER + buffer.getvalue()[len(_HEADER) :])


def _known(array: NDArray[Any]) -> NDArray[Any]:
    """The array in a type that MATLAB has."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _require_names(model: PackedModel) -> None:
    """Raises: ExportError for a name that no variable, or no file of its own, can have."""
    ends = [*model.inputs, *model.outputs]
    folded = [one.name.lower() for one in ends]
    for one in ends:
        reason = ""
        if one.name.startswith("_") or len(one.name) > _LONGEST_NAME:
            reason = (
                f"MATLAB needs a name that starts with a letter, of at most {_LONGEST_NAME} letters"
            )
        elif folded.count(one.name.lower()) > 1:
            reason = "on some systems, names that differ only in case are one file"
        if reason:
            raise name_refusal("mat", one, f"{reason}; pack it under another name, or use npz")


mat = exporters.register("mat")(
    ArrayFormat(
        "mat",
        OPERATIONS,
        ".mat",
        _write,
        _write_all,
        {
            "files": f"each .mat file, level 5, holds one variable, `{VARIABLE}`; a single file "
            "holds each array under its key",
            "shape": "axes in the order of `shape`; an array of one axis is 1xn, a number is 1x1, "
            "and MATLAB drops axes of length 1 at the end",
        },
        write_scripts,
        require=_require_names,
    )
)
