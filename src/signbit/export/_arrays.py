"""Formats that hold plain arrays: one file for each array, or one file for all."""

from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from signbit.errors import ExportError, UsageError
from signbit.export._interface import ExportRequest, exporters
from signbit.export._names import safe_names
from signbit.export._operations import require_operations
from signbit.export._write_folder import write_folder
from signbit.format import PackedModel
from signbit.format.parameters import Parameters, node_name, packed_arrays, signs

Array = NDArray[Any]

_WORDS = {"words": "channel c is bit c % 64 of the 64-bit word c // 64; bits after the last are 0"}
_STATE_CONVENTIONS = {
    "binary": "files with binary true hold +1 where the latent weight is above 0, else -1; zero of "
    "either sign and NaN become -1",
    "activations": "a layer with binary input uses the sign of its input, by the same rule",
    "axes": "weights of convolutions are (out, in / groups, *kernel), of linear layers "
    "(out, in); convolutions correlate, the kernel is not flipped",
    "preprocessing": "real input of the network = scale * pixel + bias for each channel, for "
    "pixels 0 to 255, RGB",
}


@dataclass(frozen=True)
class ArrayFormat:
    """An exporter that writes arrays under their names.

    name: the name of the format, such as "npz".
    operations: the operations of the packed format that it accepts.
    suffix: the suffix of a file with one array.
    write: writes one array, under its key, to a path.
    write_all: writes all arrays, under their keys, to one path.
    conventions: texts for the manifest about this format.
    companions: writes the files that come with the arrays of a packed network.
    suffix_all: the suffix of one file for all arrays; None where it is `suffix`.
    require: raises ExportError for a packed network that the format cannot express.
    """

    name: str
    operations: Container[str]
    suffix: str
    write: Callable[[Path, str, Array], None]
    write_all: Callable[[Path, Mapping[str, Array]], None]
    conventions: Mapping[str, str]
    companions: Callable[[ExportRequest, Path], None] | None = None
    suffix_all: str | None = None
    require: Callable[[PackedModel], None] | None = None

    def __call__(
        self, request: ExportRequest, folder: Path, *, single: bool = False
    ) -> dict[str, Any]:
        """Write every tensor of a packed network, unpacked and as words, and golden vectors.

        single: write one file for all arrays.

        Returns: the part of the manifest about this format.
        Raises: ExportError where two arrays would have one name.
        """
        require_operations(request.model, self.name, self.operations)
        if self.require is not None:
            self.require(request.model)
        arrays = arrays_of(request)
        if single:
            name = f"{request.name}{self.suffix_all or self.suffix}"
            self.write_all(folder / name, arrays)
            names = [name] * len(arrays)
        else:
            names = self._write_each(folder, list(arrays.items()))
        if self.companions is not None:
            self.companions(request, folder)
        return {
            "array_conventions": {**_WORDS, **self.conventions},
            "arrays": [
                {"key": key, "file": name, "shape": list(array.shape), "dtype": array.dtype.name}
                for name, (key, array) in zip(names, arrays.items(), strict=True)
            ],
        }

    def _write_each(self, folder: Path, arrays: Sequence[tuple[str, Array]]) -> list[str]:
        names = [f"{name}{self.suffix}" for name in safe_names(key for key, _ in arrays)]
        for name, (key, array) in zip(names, arrays, strict=True):
            self.write(folder / name, key, array)
        return names

    def write_state(self, parameters: Parameters, folder: Path) -> dict[str, Any]:
        """Write `<key><suffix>` for each array, and `<key>.binary<suffix>` for binary weights."""
        entries = [(key, False, array) for key, array in parameters.arrays.items()]
        entries += [(key, True, array) for key, array in parameters.binary.items()]
        names = self._write_each(
            folder, [(f"{key}.binary" if binary else key, array) for key, binary, array in entries]
        )
        return {
            "conventions": {**_STATE_CONVENTIONS, **self.conventions},
            "model": dict(parameters.model),
            "preprocessing": parameters.preprocessing.to_dict(),
            "arrays": [
                {
                    "key": key,
                    "file": name,
                    "binary": binary,
                    "shape": list(array.shape),
                    "dtype": array.dtype.name,
                }
                for name, (key, binary, array) in zip(names, entries, strict=True)
            ],
        }


def export_state(
    parameters: Parameters, to: str, folder: Path | str, *, force: bool = False
) -> dict[str, Any]:
    """Write the arrays of a trained, unpacked network into a new folder; returns its manifest.

    parameters: the arrays, and facts that explain them.
    to: the name in `exporters` of a format that holds plain arrays, such as "npz".
    force: replace an earlier export; see `export`.

    Raises: UsageError for any other format. OutputError as in `export`.
    """
    exporter = array_format(to)
    return write_folder(
        lambda temporary: exporter.write_state(parameters, temporary), to, folder, force=force
    )


def array_format(to: str) -> ArrayFormat:
    """The format of that name. Raises: UsageError where it does not hold plain arrays."""
    exporter = exporters.get(to)
    if isinstance(exporter, ArrayFormat):
        return exporter
    raise UsageError(
        f"{to} needs a packed network; make one first: signbit pack RUN -o FILE.signbit"
    )


def arrays_of(request: ExportRequest) -> dict[str, Array]:
    """`packed_arrays`, and the golden values.

    `golden_nNN` is the value of node NN, `golden_NAME` that of an input or output; bits are int8
    of -1 and +1.

    Raises: ExportError where two arrays would have one key.
    """
    model, golden = request.model, request.golden
    found = list(packed_arrays(model).items())
    found += [(f"golden_{name}", _plain(value)) for name, value in golden.inputs.items()]
    found += [
        (f"golden_{node_name(number)}", _plain(golden.values[number]))
        for number, _ in model.numbered()
    ]
    found += [(f"golden_{name}", _plain(value)) for name, value in golden.outputs.items()]
    for key, count in Counter(key for key, _ in found).items():
        if count > 1:
            raise ExportError(
                f"two arrays have the key {key!r}: an array of input 'golden', and the golden "
                f"values of {key.removeprefix('golden_')!r}; give the input another name"
            )
    return dict(found)


def _plain(value: Array) -> Array:
    return signs(value) if value.dtype == bool else value
