"""The arguments of an exporter, and the registry of exporters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from signbit.format import PackedModel
from signbit.registry import Registry
from signbit.runtime import reference
from signbit.runtime.samples import Samples


@dataclass(frozen=True)
class Golden:
    """Some samples and what a packed network makes of them, by the NumPy reference.

    values: of every number of the graph for all samples, (N, H, W, C), the inputs first. Bits are
        bool, True for +1; sums int32; real numbers float32; pixels uint8.
    inputs: by name, (N, *shape of the input).
    outputs: by name, of the rank of the output, (N, C), (N, L, C) or (N, H, W, C).
    """

    values: Sequence[NDArray[Any]]
    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, model: PackedModel, inputs: Samples) -> "Golden":
        """What the reference makes of some samples, bits as bool or words."""
        values = reference.run(model, inputs)
        taken = {
            one.name: value.reshape(len(value), *one.shape)
            for one, value in zip(model.inputs, values, strict=False)
        }
        given = {
            one.name: reference.output_array(model, one, values[one.node]) for one in model.outputs
        }
        return cls(values, taken, given)

    @property
    def samples(self) -> int:
        """How many."""
        return len(self.values[0])


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
