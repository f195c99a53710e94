"""The files of a folder: the memories of the processing elements."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ConvertError, printable
from signbit.files import read_regular
from signbit.importers.bnn_pynq._layers import Layer

# The largest memory of the family has 2 MB.
_MOST_BYTES = 1 << 25
_MOST_TEXT = 1 << 16


def is_folder(path: Path) -> bool:
    """Whether a folder has the first file of such a network."""
    return path.is_dir() and (path / "0-0-weights.bin").is_file()


def class_names(folder: Path) -> tuple[str, ...]:
    """The lines of `classes.txt`; empty where the folder has none."""
    file = folder / "classes.txt"
    if not file.exists():
        return ()
    try:
        text = _read(file, _MOST_TEXT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConvertError(f"{file}: not text: {error}") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def weights_of(folder: Path, number: int, layer: Layer, columns: int) -> NDArray[np.bool_]:
    """The matrix of a layer, (rows, columns), True for +1.

    Row r lies in element r % pe; its words follow each other, `simd` weights a word, the first in
    bit 0. The matrix may have more rows than the layer has channels.
    """
    words = [_words(folder / f"{number}-{pe}-weights.bin") for pe in range(layer.pe)]
    folded = columns // layer.simd
    sizes = {len(one) for one in words}
    rows = len(words[0]) // folded
    if columns % layer.simd or sizes != {rows * folded} or rows * layer.pe < layer.channels:
        raise ConvertError(
            f"{folder}: layer {number}: its files have {sorted(8 * size for size in sizes)} bytes; "
            f"{layer.channels} rows or more of {columns} columns need, with simd {layer.simd} and "
            f"pe {layer.pe}, {8 * folded} bytes for each row of an element"
        )
    bits = np.stack(words).reshape(layer.pe, rows, folded)
    if (bits >> np.uint64(layer.simd - 1) > 1).any():
        raise ConvertError(
            f"{folder}: layer {number}: a word has bits beyond its {layer.simd} weights"
        )
    spread = bits[..., None] >> np.arange(layer.simd, dtype=np.uint64) & np.uint64(1)
    return spread.transpose(1, 0, 2, 3).reshape(rows * layer.pe, columns).astype(bool)


def thresholds_of(folder: Path, number: int, layer: Layer, rows: int) -> NDArray[np.int64] | None:
    """A number for each row; None where the layer has no such files."""
    files = [folder / f"{number}-{pe}-thres.bin" for pe in range(layer.pe)]
    if not files[0].exists():
        return None
    words = [_words(file) for file in files]
    if {len(one) for one in words} != {rows // layer.pe}:
        raise ConvertError(
            f"{folder}: layer {number}: its thresholds have "
            f"{sorted({8 * len(one) for one in words})} bytes; {rows} rows with pe {layer.pe} need "
            f"{8 * rows // layer.pe} for each element"
        )
    return np.stack(words).T.reshape(rows).view(np.int64)


def _words(file: Path) -> NDArray[np.uint64]:
    content = _read(file, _MOST_BYTES)
    if not content or len(content) % 8:
        raise ConvertError(f"{file}: {len(content)} bytes; give 64-bit words")
    return np.frombuffer(content, "<u8").astype(np.uint64)


def _read(file: Path, most: int) -> bytes:
    try:
        return read_regular(file, most)
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or str(error))
        raise ConvertError(f"{file}: cannot be read: {reason}") from error
