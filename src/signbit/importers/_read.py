"""Read a network by the importer that knows its files."""

from pathlib import Path

from signbit.errors import ConvertError
from signbit.format import PackedModel
from signbit.importers._interface import importers


def read(path: Path | str, layers: Path | str | None = None) -> PackedModel:
    """A trained network of another tool, as a packed network that computes the same.

    path: parameters of BNN-PYNQ, a folder with `0-0-weights.bin` and so on.
    layers: for BNN-PYNQ, `cnv` or `lfc`, or a YAML file with the layers of the network
        (docs/import.md).

    Raises: ConvertError that names the part of the network and the reason.
    """
    path = Path(path)
    if not path.exists():
        raise ConvertError(f"{path} does not exist")
    known = [importers.get(name) for name in importers.names()]
    for importer in known:
        if importer.accepts(path):
            return importer.read(path, layers)
    kinds = "; ".join(one.what for one in known)
    raise ConvertError(f"{path}: no importer knows this; known: {kinds}")
