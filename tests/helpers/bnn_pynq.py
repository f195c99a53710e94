"""Folders of BNN-PYNQ with random parameters, and what a network of them computes."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.importers.bnn_pynq._layers import Layer, Layers

# A 3x3 convolution, one with pooling, and linear layers; rows and columns that fill no word.
TINY = Layers(
    (9, 8),
    2,
    "fixed-point",
    (
        Layer("conv", 6, 3, 2),
        Layer("conv", 5, 2, 3, pool=2),
        Layer("linear", 7, 4, 4),
        Layer("linear", 3, 5, 2),
    ),
)

TINY_YAML = {
    "size": list(TINY.size),
    "channels": TINY.channels,
    "pixels": TINY.pixels,
    "layers": [asdict(layer) for layer in TINY.layers],
}


def write_folder(
    folder: Path, layers: Layers, last_has_thresholds: bool = False
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Random memories; returns the matrix of each layer, as bits, and its thresholds."""
    rng = np.random.default_rng(5)
    folder.mkdir(parents=True)
    parameters = []
    (height, width), channels = layers.size, layers.channels
    for number, layer in enumerate(layers.layers):
        kernel = (3, 3) if layer.kind == "conv" else (height, width)
        used = kernel[0] * kernel[1] * channels
        columns = -(-used // layer.simd) * layer.simd
        rows = -(-layer.channels // layer.pe) * layer.pe
        matrix = rng.random((rows, columns)) < 0.5
        first = number == 0 and layers.pixels == "fixed-point"
        middle, spread = (0, used) if first else (columns // 2, 1)
        limits = middle + rng.integers(-spread, spread + 1, rows)
        parameters.append((matrix, limits))
        is_last = number == len(layers.layers) - 1
        write_layer(
            folder, number, layer, matrix, None if is_last and not last_has_thresholds else limits
        )
        height, width = (
            (side - one + 1) // layer.pool
            for side, one in zip((height, width), kernel, strict=True)
        )
        channels = layer.channels
    return parameters


def write_layer(
    folder: Path, number: int, layer: Layer, matrix: NDArray[Any], limits: NDArray[Any] | None
) -> None:
    """The files of each processing element, row by row and word by word."""
    for pe in range(layer.pe):
        words = []
        for row in matrix[pe :: layer.pe]:
            for start in range(0, len(row), layer.simd):
                some = row[start : start + layer.simd]
                words.append(sum(int(bit) << place for place, bit in enumerate(some)))
        content = b"".join(word.to_bytes(8, "little") for word in words)
        (folder / f"{number}-{pe}-weights.bin").write_bytes(content)
        if limits is not None:
            own = limits[pe :: layer.pe].astype("<i8")
            (folder / f"{number}-{pe}-thres.bin").write_bytes(own.tobytes())


def scores(
    layers: Layers, parameters: list[tuple[NDArray[Any], NDArray[Any]]], image: NDArray[np.uint8]
) -> NDArray[Any]:
    """What the FPGA computes for an image, one window and one row after the other."""
    value: Any = image > 127
    if layers.pixels == "fixed-point":
        value = np.minimum(np.floor((image / 255 * 2 - 1) * 128 + 0.5), 127) / 128
    for number, (layer, (matrix, limits)) in enumerate(zip(layers.layers, parameters, strict=True)):
        side = (3, 3) if layer.kind == "conv" else value.shape[:2]
        first = number == 0 and layers.pixels == "fixed-point"
        last = number == len(layers.layers) - 1
        height, width = value.shape[0] - side[0] + 1, value.shape[1] - side[1] + 1
        found = np.zeros((height, width, layer.channels), int)
        for y, x, row in np.ndindex(found.shape):
            window = value[y : y + side[0], x : x + side[1]].reshape(-1)
            weights = matrix[row, : len(window)]
            if first:
                found[y, x, row] = 256 * (window * np.where(weights, 1, -1)).sum() > limits[row]
                continue
            padded = np.zeros(matrix.shape[1] - len(window), bool)
            agree = (np.concatenate([window, padded]) == matrix[row]).sum()
            sums = 2 * (window == weights).sum() - len(window)
            found[y, x, row] = sums if last else agree > limits[row]
        if last:
            return found.reshape(-1)
        value = found.astype(bool)
        if layer.pool > 1:
            height, width = (size // layer.pool * layer.pool for size in value.shape[:2])
            blocks = value[:height, :width].reshape(
                height // layer.pool, layer.pool, width // layer.pool, layer.pool, -1
            )
            value = blocks.any((1, 3))
    raise AssertionError("no last layer")
