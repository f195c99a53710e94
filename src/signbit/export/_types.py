"""What an exporter takes, and the registry of exporters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from signbit.format import Preprocessing
from signbit.registry import Registry


@dataclass(frozen=True)
class Parameters:
    """The arrays of a network under their names, and what explains them.

    arrays: every parameter and buffer; a convolution's weight is (out, in / groups, *kernel),
        that of a linear layer (out, in).
    binary: the weights that the network multiplies with as bits, int8 of -1 and +1, under the
        key of the latent weight in `arrays`.
    model: name and options of the architecture.
    """

    arrays: Mapping[str, NDArray[Any]]
    binary: Mapping[str, NDArray[Any]]
    preprocessing: Preprocessing
    model: Mapping[str, Any] = field(default_factory=dict)


# Writes into an empty folder and returns the manifest, which lists every file written.
Exporter = Callable[[Parameters, Path], dict[str, Any]]
exporters: Registry[Exporter] = Registry("export format", "signbit.export")
