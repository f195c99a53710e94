"""What an importer has, and the registry of importers."""

from pathlib import Path
from typing import Protocol

from signbit.format import PackedModel
from signbit.registry import Registry


class Importer(Protocol):
    """Reads the networks of one tool."""

    what: str
    """What it reads, in a few words, for messages."""

    def accepts(self, path: Path) -> bool:
        """Whether a file or folder looks like one of this tool, by its name or first bytes."""
        ...

    def read(self, path: Path, layers: Path | str | None) -> PackedModel:
        """The same network, exactly.

        layers: a YAML file, or a name that the importer knows, with what the files do not say.

        Raises: ConvertError that names the part of the network and the reason.
        """
        ...


importers: Registry[Importer] = Registry("importer", "signbit.importers")
