"""Read a network by the importer that knows its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from signbit.errors import ConvertError
from signbit.format import Input, PackedModel, Preprocessing
from signbit.importers._interface import Given, importers

if TYPE_CHECKING:
    from signbit.pack import OutputSpec


def read(
    path: Path | str,
    layers: Path | str | None = None,
    *,
    preprocessing: Preprocessing | None = None,
    inputs: Sequence[Input] | None = None,
    outputs: "Sequence[OutputSpec] | None" = None,
) -> PackedModel:
    """A trained network of another tool, as a packed network that computes the same.

    path: a `.tflite` file of Larq Compute Engine; an `.onnx` file of QONNX, FINN or signbit; or
        parameters of BNN-PYNQ, a folder with `0-0-weights.bin` and so on.
    layers: for BNN-PYNQ, `cnv` or `lfc`, or a YAML file with the layers of the network
        (docs/import.md).
    preprocessing: for a `.tflite` or `.onnx` file with one input: how pixels become its input.
    inputs: likewise, one for each input in the order of the file, as in `pack`. The default is
        real numbers with the names and shapes of the file, channels last.
    outputs: one for each output in the order of the file, as in `pack`. The default is class scores
        for one row, else numbers.

    Raises: ConvertError that names the part of the network and the reason. MissingDependencyError
        for a `.tflite` or `.onnx` file without torch or the package that reads the file.
    """
    path = Path(path)
    given = Given(layers, preprocessing, inputs, outputs)
    if not path.exists():
        raise ConvertError(f"{path} does not exist")
    known = [importers.get(name) for name in importers.names()]
    for importer in known:
        if importer.accepts(path):
            return importer.read(path, given)
    kinds = "; ".join(one.what for one in known)
    raise ConvertError(f"{path}: no importer knows this; known: {kinds}")
