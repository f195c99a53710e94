"""What an importer has, and the registry of importers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from signbit.errors import ConvertError
from signbit.format import Input, PackedModel, Preprocessing
from signbit.registry import Registry

if TYPE_CHECKING:
    from signbit.pack import OutputSpec


@dataclass(frozen=True)
class Given:
    """What the caller says about a network, because its files do not.

    layers: a YAML file, or a name that the importer knows, with the layers.
    preprocessing: how pixels become the one input of the network.
    inputs: one for each input of the network, in the order of the file.
    outputs: one for each output of the network, in the order of the file.
    """

    layers: Path | str | None = None
    preprocessing: Preprocessing | None = None
    inputs: Sequence[Input] | None = None
    outputs: "Sequence[OutputSpec] | None" = None

    def refuse(self, path: Path, *names: str) -> None:
        """Raises: ConvertError where one of these is given, because the files say it themselves."""
        for name in names:
            if getattr(self, name) is not None:
                raise ConvertError(f"{path}: its files say the {name} themselves; leave it out")


class Importer(Protocol):
    """Reads the networks of one tool."""

    what: str
    """What it reads, in a few words, for messages."""

    def accepts(self, path: Path) -> bool:
        """Whether a file or folder looks like one of this tool, by its name or first bytes."""
        ...

    def read(self, path: Path, given: Given) -> PackedModel:
        """The same network, exactly.

        Raises: ConvertError that names the part of the network and the reason.
        """
        ...


importers: Registry[Importer] = Registry("importer", "signbit.importers")
