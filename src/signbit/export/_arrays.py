"""One file for each array: what the formats that hold plain arrays share."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from signbit.export._names import safe_names
from signbit.export._types import Parameters

Write = Callable[[Path, str, NDArray[Any]], None]

_CONVENTIONS = {
    "binary": "files with binary true hold -1 and +1: +1 where the latent weight is above 0, "
    "else -1; zero of either sign and NaN give -1",
    "activations": "a layer with binary input takes the sign of its input, by the same rule",
    "axes": "weights of convolutions are (out, in / groups, *kernel), of linear layers "
    "(out, in); convolutions correlate, the kernel is not flipped",
    "preprocessing": "real input of the network = scale * pixel + bias for each channel, for "
    "pixels 0 to 255, RGB",
}


def write_arrays(
    parameters: Parameters, folder: Path, suffix: str, write: Write, conventions: Mapping[str, str]
) -> dict[str, Any]:
    """Write `<key><suffix>` for every array, `<key>.binary<suffix>` for binary weights.

    write: takes the path, the key and the array.
    conventions: what is particular to the format.

    Returns the manifest.
    """
    entries = [(key, False, array) for key, array in parameters.arrays.items()]
    entries += [(key, True, array) for key, array in parameters.binary.items()]
    names = safe_names(f"{key}.binary" if binary else key for key, binary, _ in entries)
    listed = []
    for name, (key, binary, array) in zip(names, entries, strict=True):
        write(folder / f"{name}{suffix}", key, array)
        listed.append(
            {
                "key": key,
                "file": f"{name}{suffix}",
                "binary": binary,
                "shape": list(array.shape),
                "dtype": array.dtype.name,
            }
        )
    return {
        "conventions": {**_CONVENTIONS, **conventions},
        "model": dict(parameters.model),
        "preprocessing": parameters.preprocessing.to_dict(),
        "arrays": listed,
    }
