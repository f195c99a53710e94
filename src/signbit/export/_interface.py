"""The arguments of an exporter, and the registry of exporters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.format import PackedModel
from signbit.registry import Registry


@dataclass(frozen=True)
class Golden:
    """Some images, and the values of a packed network for them, computed by the NumPy reference.

    values: the values of every node for all images, (N, H, W, C); number 0 is the pixels. Bits are
        bool, True for +1; sums are int32; real numbers are float32; pixels are uint8.
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
    """A packed network, and golden vectors to check the exported network with.

    name: name of the network, an identifier in C, Verilog and MATLAB.
    """

    model: PackedModel
    name: str
    golden: Golden


# Called as exporter(request, folder, **options). It writes into an empty folder and returns its own
# part of the manifest. It raises ExportError, before it writes anything, where it cannot express a
# layer. Options are keyword-only and have defaults.
Exporter = Callable[..., dict[str, Any]]
exporters: Registry[Exporter] = Registry("export format", "signbit.export")
