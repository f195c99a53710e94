"""Image files in folders."""

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from signbit.data._files import expanded, files_in
from signbit.data._image import has_color, read_pixels
from signbit.data._image_files import ImageFiles
from signbit.data._labelled_files import labelled_files, split_folders
from signbit.data._types import SPLITS, ImageSet, Request, datasets
from signbit.errors import DataError
from signbit.format.preprocessing import MAX_SIDE
from signbit.progress import note

# Up to here a set is read into memory at once; above, each image when it is asked for.
MAX_ARRAY_BYTES = 2**30


@datasets.register("folder")
def folder(request: Request) -> ImageSet:
    """The image files of `folder:PATH`, in natural order.

    Layout: class folders, `PATH/<class>/...`, or names like `PATH/<label>_<index>.<ext>`, not
    both. Where PATH holds `train` and `test`, these are the splits, laid out in the same way;
    else every image belongs to either split.

    Classes: the lines of `PATH/classes.txt` where it exists; else the class folders of all
    splits that hold an image, in natural order, or the numbers from 0 to the highest label.

    Images: an array up to MAX_ARRAY_BYTES, above that files that are read when asked for. All
    are converted to the size and channels requested. By default the size is that of the first
    image; images are RGB where any of either split has color, as its header says, and grey else.
    Where that is not the first image, a note on standard error names it.

    Shape:  (N, H, W, C) uint8.
    Raises: DataError naming the file without a label or the damaged image.
    """
    found = labelled_files(expanded(request.path), request.split)
    files = _open(found.paths, found.everything, request)
    small = math.prod(files.shape) <= MAX_ARRAY_BYTES
    images = files.read() if small else files
    name = f"folder:{request.path}"
    return ImageSet(name, request.split, images, found.labels, found.classes)


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a data set that have images; () where folder:PATH is not split.

    Raises: DataError for a folder that cannot be looked into.
    """
    kind, _, path = name.partition(":")
    if kind != "folder" or not path:
        return SPLITS
    bases = split_folders(expanded(path))
    if len(set(bases.values())) < len(bases):
        return ()
    # With no image anywhere, `load` says so.
    return tuple(split for split, base in bases.items() if files_in(base)) or SPLITS


def _open(paths: Sequence[Path], everything: Sequence[Path], request: Request) -> ImageFiles:
    """The images at `paths`, with what is not requested taken from those of all splits."""
    size, channels, first = request.size, request.channels, everything[0]
    if size is None or channels is None:
        height, width, depth = read_pixels(first).shape
        if size is None and max(height, width) > MAX_SIDE:
            raise DataError(f"{first}: {width}x{height} pixels; {MAX_SIDE} a side are allowed")
        size = (height, width) if size is None else size
        if channels is None:
            channels = 3 if depth == 1 and _any_color(everything) else depth
    return ImageFiles(paths, size, channels)


def _any_color(paths: Sequence[Path]) -> bool:
    """Whether one of the images has color; a note says which. The first is grey."""
    for path in paths:
        # Those that cannot be read are named when they are read.
        with suppress(DataError):
            if has_color(path):
                _note(f"{path} has color, so all images are RGB; the first, {paths[0]}, is grey")
                return True
    return False


@cache
def _note(text: str) -> None:
    """Print a note on standard error; the same one once, though both splits may lead to it."""
    note(text)
