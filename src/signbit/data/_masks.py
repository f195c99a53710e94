"""Image files with masks. A mask is a picture whose pixels are the classes of an image's pixels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._files import files_in, kind_of
from signbit.data._image import errors_named, grey_levels, read_image
from signbit.data._image_memory import opened
from signbit.data._samples import Batch, Target
from signbit.data._types import SPLITS
from signbit.errors import DataError
from signbit.files import open_regular
from signbit.format import Input

IMAGES, MASKS = "images", "masks"


class MaskSamples:
    """`PATH/images/NAME.*` with `PATH/masks/NAME.png`, with the interface `Samples`.

    NAME may contain folders. If PATH has a folder `train` or `test` with such folders, it is the
    split. A mask is grey or has a palette. Its pixels are indices of classes, and a pixel of 255 is
    not counted.

    Raises: DataError for an image without a mask.
    """

    def __init__(self, root: Path, split: str, one: Input, target: Target):
        self._input, self._target = one, target
        self.name, self.targets = f"folder:{root}", (target.name,)
        base = root / split if kind_of(root / split) == "folder" else root
        for part in (IMAGES, MASKS):
            if kind_of(base / part) != "folder":
                raise DataError(
                    f"folder {base / part} does not exist; put the {part} of {split!r} there"
                )
        masks = {path.with_suffix(""): path for path in files_in(base / MASKS, (".png",))}
        self._pairs = []
        for path in files_in(base / IMAGES):
            name = base / MASKS / path.relative_to(base / IMAGES).with_suffix("")
            if name not in masks:
                raise DataError(f"{path} has no mask; add {name}.png, or remove the image")
            self._pairs.append((path, masks[name]))
        if not self._pairs:
            raise DataError(f"{base / IMAGES} holds no image; put image files there")

    @property
    def count(self) -> int | None:
        """Number of images."""
        return len(self._pairs)

    @property
    def clipped(self) -> Mapping[str, int]:
        """Empty, because pixels are codes."""
        return {}

    def batches(self, size: int) -> Iterator[Batch]:
        """As in `Samples`. The places are the paths of images."""
        for start in range(0, len(self._pairs), size):
            pairs = self._pairs[start : start + size]
            inputs = {self._input.name: np.stack([self._image(path) for path, _ in pairs])}
            targets = {self._target.name: np.stack([self._mask(path) for _, path in pairs])}
            yield Batch([str(path) for path, _ in pairs], inputs, targets)

    def _image(self, path: Path) -> NDArray[np.uint8]:
        height, width, channels = self._input.shape
        return read_image(path, (height, width), channels, exact=True)

    def _mask(self, path: Path) -> NDArray[np.int64]:
        labels, wanted = read_mask(path), self._target.true_shape
        if labels.shape != wanted:
            raise DataError(
                f"{path}: a mask of {_shown(labels.shape)} pixels, but the network returns a map "
                f"of {_shown(wanted)}; resize the mask"
            )
        return self._target.decode(labels, lambda index: f"{path}, pixel {index}")


def read_mask(path: Path) -> NDArray[np.integer[Any]]:
    """The indices in a PNG that is grey or has a palette.

    Shape:  (height, width).
    Raises: DataError naming the file, for any other picture. Pillow would change the indices there.
    """
    with errors_named(path), open_regular(path) as file, opened(file) as image:
        grey = image.mode in ("P", "L") or image.mode.startswith("I")
        if image.format != "PNG" or not grey:
            raise DataError(
                f"{image.format} of mode {image.mode}; save the mask as a PNG that is grey or has "
                "a palette"
            )
        if grey_levels(image) < 256:
            raise DataError("grey of less than 8 bits; save the mask with 8 bits")
        return np.array(image)


def without_masks(paths: Sequence[Path], files: Sequence[Path]) -> list[Path]:
    """The files without those in a folder `masks` that is next to a folder `images`.

    paths: the files and folders of the user. Only folders inside these count.
    """
    given = set(paths)

    def is_mask(file: Path) -> bool:
        for folder in (file, *file.parents):
            if folder in given:
                return False
            if folder.name == MASKS and kind_of(folder.parent / IMAGES) == "folder":
                return True
        return False

    return [file for file in files if not is_mask(file)]


def is_masked(root: Path) -> bool:
    """Whether a folder, or one of its splits, has images and masks."""
    bases = (root, *(root / split for split in SPLITS))
    return any(all(kind_of(base / part) == "folder" for part in (IMAGES, MASKS)) for base in bases)


def _shown(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
