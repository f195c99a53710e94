"""What an exporter takes, and the registry of exporters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import PackedModel
from signbit.registry import Registry


@dataclass(frozen=True)
class Golden:
    """Some images and what a packed network makes of them, by the NumPy reference.

    values: of every node for all images, (N, H, W, C), the pixels being number 0. Bits are bool,
        True for +1; sums int32; real numbers float32; pixels uint8.
    """

    values: Sequence[NDArray[Any]]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The images, (N, H, W, C)."""
        return self.values[0]

    @property
    def scores(self) -> NDArray[np.float32]:
        """(N, classes)."""
        return self.values[-1].reshape(len(self.pixels), -1)


@dataclass(frozen=True)
class ExportRequest:
    """What an exporter takes: a packed network, and vectors that its output can be checked with.

    name: of the network, an identifier of C, Verilog and MATLAB.
    """

    model: PackedModel
    name: str
    golden: Golden


# Called as exporter(request, folder, **options): writes into an empty folder and returns what the
# manifest shall say besides the common facts. Raises ExportError, before it writes anything, where
# it cannot express a layer. Options are keyword-only and have defaults.
Exporter = Callable[..., dict[str, Any]]
exporters: Registry[Exporter] = Registry("export format", "signbit.export")
