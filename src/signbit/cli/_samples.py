"""Samples that a command is given for a packed network."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from signbit.cli._model import read_images
from signbit.errors import UsageError, printable

if TYPE_CHECKING:
    from signbit.format import Input
    from signbit.runtime.samples import Samples


def read_samples(
    paths: Sequence[Path], inputs: "Sequence[Input]", answers: Collection[str] = ()
) -> "Samples":
    """What --samples names: one file of arrays, or images for the one input.

    answers: names of outputs. Arrays of these names are true answers, and left out.

    Raises: UsageError for images that no input takes; DataError for files that cannot be read.
    """
    from signbit.data import read_arrays
    from signbit.format import Preprocessing
    from signbit.format.signature import takes_picture

    first = printable(str(paths[0]))
    if any(path.suffix in (".npz", ".npy") for path in paths):
        if len(paths) > 1:
            raise UsageError(f"--samples {first}: one file holds all inputs; give it alone")
        given = read_arrays(paths[0])
        if not isinstance(given, Mapping):
            return given
        spare = set(answers) - {one.name for one in inputs}
        return {name: array for name, array in given.items() if name not in spare}
    if not takes_picture(inputs):
        taken = ", ".join(map(str, inputs))
        raise UsageError(
            f"--samples {first}: the network takes {taken}, not one image; give a .npz file with "
            "an array for each input"
        )
    (image,) = inputs
    height, width, _ = image.shape
    whole = Preprocessing(image.scale, image.bias, (height, width), crop=image.crop)
    return read_images(paths, whole)
