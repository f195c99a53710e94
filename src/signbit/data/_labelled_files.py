"""Files of a folder that are labelled by their class folders or names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._files import SUFFIXES, files_in, kind_of, natural_key, number_of
from signbit.data._places import NAMES_FILE, names_in
from signbit.data._synonyms import class_places
from signbit.data._types import SPLITS
from signbit.errors import DataError
from signbit.format.checks import fits_a_line

# A number in a file's name must not make us allocate.
MAX_CLASSES = 2**16


@dataclass(frozen=True)
class LabelledFiles:
    """The files of one split.

    labels: (N,) int64, indices into `classes`.
    everything: the files of all splits.
    """

    paths: Sequence[Path]
    labels: NDArray[np.int64]
    classes: Sequence[str]
    everything: Sequence[Path]


def labelled_files(
    root: Path, split: str, what: str = "image", suffixes: Sequence[str] = SUFFIXES
) -> LabelledFiles:
    """The files of a split in natural order, laid out as for `folder:PATH`.

    Raises: DataError for a split without files, and for a file without a label or with one that
        is not known.
    """
    bases = split_folders(root)
    found = {base: files_in(base, suffixes) for base in set(bases.values())}
    said = {path: _said(path, base) for base, paths in found.items() for path in paths}
    wanted = found.get(bases.get(split, root), [])
    if not wanted:
        raise DataError(f"{root}: no {what} file for the split {split!r}")
    _check_uniform(said)
    classes = _classes(root, said)
    for name in classes:
        if not fits_a_line(name):
            raise DataError(f"{root}: class {name!r}; rename it to text without control characters")
    places = _places_of(said, classes)
    labels = np.array([_label(path, said[path], places, classes) for path in wanted], np.int64)
    everything = [path for base in dict.fromkeys(bases.values()) for path in found[base]]
    return LabelledFiles(wanted, labels, classes, everything)


def split_folders(root: Path) -> dict[str, Path]:
    """Split to the folder that holds its images."""
    if kind_of(root) != "folder":
        raise DataError(f"{root} is not a folder; give folder:PATH, PATH a folder of files")
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
                "name; use one way for all files"
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
