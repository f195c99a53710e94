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
    """Some samples, and what the NumPy reference computes for them.

    values: for each number of the graph, its values for all samples, (N, H, W, C); the inputs come
        first. Bits are bool, True for +1. Sums are int32, real numbers float32, pixels uint8.
    inputs: the samples by the name of the input, (N, *shape of the input).
    outputs: the outputs by name, in their rank: (N, C), (N, L, C) or (N, H, W, C).
    """

    values: Sequence[NDArray[Any]]
    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]

    @classmethod
    def of(cls, model: PackedModel, inputs: Samples) -> "Golden":
        """Run the reference on some samples.  inputs: bits may be bool or words."""
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
        """The number of samples."""
        return len(self.values[0])


@dataclass(frozen=True)
class ExportRequest:
    """A packed network, and golden vectors that the exported network is checked with.

    model: the packed network.
    name: the name of the network. It is an identifier in C, Verilog and MATLAB.
    golden: the golden vectors.
    """

    model: PackedModel
    name: str
    golden: Golden


# Called as exporter(request, folder, **options). It writes into an empty folder and returns its own
# part of the manifest. It raises ExportError, before it writes anything, where it cannot express a
# layer. Options are keyword-only and have defaults.
Exporter = Callable[..., dict[str, Any]]
exporters: Registry[Exporter] = Registry("export format", "signbit.export")
