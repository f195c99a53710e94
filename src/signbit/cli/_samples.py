"""The samples of --samples."""

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
    """The samples that --samples names: one file of arrays, or images for the only input.

    answers: names of outputs. Arrays with these names are true answers, and are left out.

    Raises: UsageError for images where the network does not accept one image; DataError for files
        that cannot be read.
    """
    from signbit.data import read_arrays
    from signbit.format import Preprocessing
    from signbit.format.signature import takes_picture

    first = printable(str(paths[0]))
    if any(path.suffix in (".npz", ".npy") for path in paths):
        if len(paths) > 1:
            raise UsageError(
                f"--samples {first}: a file of arrays must hold all inputs; give only one such file"
            )
        given = read_arrays(paths[0])
        if not isinstance(given, Mapping):
            return given
        spare = set(answers) - {one.name for one in inputs}
        return {name: array for name, array in given.items() if name not in spare}
    if not takes_picture(inputs):
        taken = ", ".join(map(str, inputs))
        raise UsageError(
            f"--samples {first}: the network accepts {taken}, not one image; give a .npz file with "
            "an array for each input"
        )
    (image,) = inputs
    height, width, _ = image.shape
    whole = Preprocessing(image.scale, image.bias, (height, width), crop=image.crop)
    return read_images(paths, whole)
