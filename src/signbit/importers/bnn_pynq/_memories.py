"""The files of a folder: the memories of the processing elements."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.errors import ConvertError
from signbit.importers._files import read_file
from signbit.importers.bnn_pynq._layers import Layer

# The largest layer of the published networks has 256 KB. Each word becomes 64 bytes.
_MOST_BYTES = 1 << 24
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
        text = read_file(file, _MOST_TEXT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConvertError(f"{file}: not text: {error}") from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def weights_of(folder: Path, number: int, layer: Layer, columns: int) -> NDArray[np.bool_]:
    """The matrix of a layer, (rows, columns), True for +1.

    Row r lies in element r % pe; its words follow each other, `simd` weights a word, the first in
    bit 0. The matrix may have more rows than the layer has channels.
    """
    words = _words(folder, [f"{number}-{pe}-weights.bin" for pe in range(layer.pe)])
    folded = columns // layer.simd
    sizes = {len(one) for one in words}
    rows = len(words[0]) // folded
    if columns % layer.simd or sizes != {rows * folded} or rows * layer.pe < layer.channels:
        raise ConvertError(
            f"{folder}: layer {number}: its files have {sorted(8 * size for size in sizes)} bytes; "
            f"{layer.channels} rows or more of {columns} columns need, with simd {layer.simd} and "
            f"pe {layer.pe}, {8 * folded} bytes for each row of an element"
        )
    bytes_of = np.stack(words).view(np.uint8).reshape(layer.pe, rows, folded, 8)
    bits = np.unpackbits(bytes_of, axis=-1, bitorder="little")
    if bits[..., layer.simd :].any():
        raise ConvertError(
            f"{folder}: layer {number}: a word has bits beyond its {layer.simd} weights"
        )
    in_order = bits[..., : layer.simd].transpose(1, 0, 2, 3)
    return in_order.reshape(rows * layer.pe, columns).astype(bool)


def thresholds_of(folder: Path, number: int, layer: Layer, rows: int) -> NDArray[np.int64] | None:
    """A number for each row; None where the layer has no such files."""
    names = [f"{number}-{pe}-thres.bin" for pe in range(layer.pe)]
    if not (folder / names[0]).exists():
        return None
    words = _words(folder, names)
    if {len(one) for one in words} != {rows // layer.pe}:
        raise ConvertError(
            f"{folder}: layer {number}: its thresholds have "
            f"{sorted({8 * len(one) for one in words})} bytes; {rows} rows with pe {layer.pe} need "
            f"{8 * rows // layer.pe} for each element"
        )
    return np.ascontiguousarray(np.stack(words).T).reshape(rows).view("<i8").astype(np.int64)


def _words(folder: Path, names: Sequence[str]) -> list[NDArray[np.uint64]]:
    """The 64-bit words of each file, little-endian."""
    words, left = [], _MOST_BYTES
    for name in names:
        content = read_file(folder / name, left)
        if not content or len(content) % 8:
            raise ConvertError(f"{folder / name}: {len(content)} bytes; give 64-bit words")
        words.append(np.frombuffer(content, "<u8"))
        left -= len(content)
    return words
