"""Image files in folders."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from signbit.data._files import expanded, images_in, kind_of, natural_key, number_of
from signbit.data._image import has_color, read_pixels
from signbit.data._image_files import ImageFiles
from signbit.data._places import NAMES_FILE, names_in
from signbit.data._synonyms import class_places
from signbit.data._types import SPLITS, ImageSet, Request, datasets
from signbit.errors import DataError
from signbit.format.checks import fits_a_line
from signbit.format.preprocessing import MAX_SIDE
from signbit.progress import note

# Up to here a set is read into memory at once; above, each image when it is asked for.
MAX_ARRAY_BYTES = 2**30
# A number in a file's name must not make us allocate.
MAX_CLASSES = 2**16


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
    root = expanded(request.path)
    bases = _split_folders(root)
    found = {base: images_in(base) for base in set(bases.values())}
    said = {path: _said(path, base) for base, paths in found.items() for path in paths}
    wanted = found.get(bases.get(request.split, root), [])
    if not wanted:
        raise DataError(f"{root}: no image file for the split {request.split!r}")
    _check_uniform(said)
    classes = _classes(root, said)
    for name in classes:
        if not fits_a_line(name):
            raise DataError(f"{root}: class {name!r}; rename it to text without control characters")
    places = _places_of(said, classes)
    labels = np.array([_label(path, said[path], places, classes) for path in wanted], np.int64)
    everything = [path for base in dict.fromkeys(bases.values()) for path in found[base]]
    files = _open(wanted, everything, request)
    small = math.prod(files.shape) <= MAX_ARRAY_BYTES
    images = files.read() if small else files
    return ImageSet(f"folder:{request.path}", request.split, images, labels, classes)


def splits_of(name: str) -> tuple[str, ...]:
    """The splits of a data set that have images; () where folder:PATH is not split.

    Raises: DataError for a folder that cannot be looked into.
    """
    kind, _, path = name.partition(":")
    if kind != "folder" or not path:
        return SPLITS
    bases = _split_folders(expanded(path))
    if len(set(bases.values())) < len(bases):
        return ()
    # With no image anywhere, `load` says so.
    return tuple(split for split, base in bases.items() if images_in(base)) or SPLITS


def _split_folders(root: Path) -> dict[str, Path]:
    """Split to the folder that holds its images."""
    if kind_of(root) != "folder":
        raise DataError(f"{root} is not a folder; give folder:PATH, PATH a folder of images")
    try:
        inside = {entry.name for entry in root.iterdir() if entry.is_dir()}
    except OSError as error:
        raise DataError(f"cannot look into {root}: {error.strerror}") from error
    visible = {name for name in inside if not name.startswith(".")}
    # `train` alone among other folders is a class: there are trains in photographs.
    if visible.issuperset(SPLITS) or (visible and visible.issubset(SPLITS)):
        return {split: root / split for split in SPLITS if split in visible}
    return dict.fromkeys(SPLITS, root)


def _said(path: Path, base: Path) -> str | int:
    """The class folder's name, or the number in the file's name."""
    inside = path.relative_to(base).parts
    if len(inside) > 1:
        return inside[0]
    number = number_of(path)
    if number is None:
        raise DataError(
            f"{path} has no label: put it into a folder named like its class, or name it "
            "<label>_<index> with a number for the label"
        )
    return number


def _check_uniform(said: Mapping[Path, str | int]) -> None:
    first, kind = next((path, type(value)) for path, value in said.items())
    for path, value in said.items():
        if type(value) is not kind:
            raise DataError(
                f"{path} and {first}: one has its label from a class folder, the other from its "
                "name; use one way for all images"
            )


def _classes(root: Path, said: Mapping[Path, str | int]) -> Sequence[str]:
    names = names_in(root)
    if names is not None:
        return names
    numbers = [value for value in said.values() if isinstance(value, int)]
    if numbers:
        return tuple(str(label) for label in range(min(max(numbers) + 1, MAX_CLASSES)))
    return tuple(sorted({str(value) for value in said.values()}, key=natural_key))


def _places_of(said: Mapping[Path, str | int], classes: Sequence[str]) -> dict[str, int | None]:
    """The places in `classes` of the class folders, which may have names that mean the same."""
    names = sorted({value for value in said.values() if isinstance(value, str)})
    return dict(zip(names, class_places(names, classes), strict=True))


def _label(
    path: Path, said: str | int, places: Mapping[str, int | None], classes: Sequence[str]
) -> int:
    if isinstance(said, int):
        if said >= len(classes):
            raise DataError(f"{path}: label {said}, where 0 to {len(classes) - 1} are allowed")
        return said
    place = places[said]
    if place is None:
        raise DataError(f"{path}: class {said!r} is not in {NAMES_FILE}; add it there")
    return place


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
