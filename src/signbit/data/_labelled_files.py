"""Files in a folder, whose class folders or names are their labels."""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._files import SUFFIXES, kind_of, natural_key, number_of, walk_files
from signbit.data._labels import MAX_CLASSES
from signbit.data._places import NAMES_FILE, names_in
from signbit.data._synonyms import class_places
from signbit.data._texts import Texts
from signbit.data._types import SPLIT_NAMES, SPLITS
from signbit.errors import DataError
from signbit.format.checks import fits_a_line
from signbit.progress import late_progress_bar


@dataclass(frozen=True)
class LabelledFiles:
    """The files of one split.

    paths: the N files.
    labels: (N,) int64, indices into `classes`.
    classes: the names of the classes.
    everything: the files of all splits: one sequence for each split with a folder of its own.
    """

    paths: Sequence[str]
    labels: NDArray[np.int64]
    classes: Sequence[str]
    everything: Sequence[Sequence[str]]


def labelled_files(
    root: Path, split: str, what: str = "image", suffixes: Sequence[str] = SUFFIXES
) -> LabelledFiles:
    """The files of a split in natural order, laid out as for `folder:PATH`.

    Raises: DataError for a split without files, and for a file without a label or with an unknown
        label.
    """
    bases = split_folders(root)
    with late_progress_bar(f"listing {what} files", None) as advance:
        found = {base: _listing(base, suffixes, advance) for base in dict.fromkeys(bases.values())}
    wanted = found.get(bases.get(split, root))
    if wanted is None or not len(wanted.paths):
        raise DataError(
            f"{root}: no {what} file for the split {split!r}; put its files into {root / split}"
        )
    listings = [one for one in found.values() if len(one.paths)]
    _check_uniform(listings)
    classes = _classes(root, listings)
    for name in classes:
        if not fits_a_line(name):
            raise DataError(
                f"{root}: the class name {name!r} has control characters; rename the class"
            )
    labels = _labels(wanted, classes)
    return LabelledFiles(wanted.paths, labels, classes, [one.paths for one in listings])


@dataclass(frozen=True)
class _Listing:
    """The files in a folder, in natural order, and their labels as they are written.

    folders: the class folders; () where the names of the files have numbers.
    said: (N,) int64, indices into `folders`, or the numbers in the names, at most MAX_CLASSES.
    """

    paths: Texts
    said: NDArray[np.int64]
    folders: Sequence[str]


# A folder as the beginning of paths, its class folder or "", and the names of its files.
_Names = tuple[str, str, list[str]]


def _listing(base: Path, suffixes: Sequence[str], advance: Callable[[int], None]) -> _Listing:
    # Class folders are sorted first, then the files of each. The sort keys of all files at once
    # would fill the memory.
    chunks: dict[tuple[str | int, ...], list[_Names]] = {}
    for parent, names in walk_files(base, suffixes):
        if names:
            (folder, *_) = (*Path(parent).relative_to(base).parts, "")
            start = "" if parent == "." else str(Path(parent, "_"))[:-1]
            # Folders such as 1 and 01 have equal keys, and their files are sorted together.
            key = tuple(natural_key(str(base / folder / "_"))[0]) if folder else ()
            chunks.setdefault(key, []).append((start, folder, names))
            advance(len(names))
    if len(chunks) > 1 and () in chunks:
        one, other = (_first(chunks[key]) for key in ((), max(chunks)))
        raise _not_uniform(one, other)
    folders: dict[str, int] = {}
    said = array("q")

    def ordered() -> Iterator[str]:
        for key in sorted(chunks):
            for path, folder in _in_order(chunks.pop(key)):
                said.append(folders.setdefault(folder, len(folders)) if folder else _number(path))
                yield path

    return _Listing(Texts(ordered()), np.array(said, np.int64), tuple(folders))


def _in_order(folders: Sequence[_Names]) -> list[tuple[str, str]]:
    """Paths and class folders, in natural order of the paths."""
    pairs = [(start + name, folder) for start, folder, names in folders for name in names]
    return sorted(pairs, key=lambda pair: natural_key(pair[0]))


def _first(folders: Sequence[_Names]) -> str:
    return _in_order(folders)[0][0]


def _number(path: str) -> int:
    """The number in the name of a file. Raises: DataError where it has none."""
    number = number_of(path)
    if number is None:
        raise DataError(
            f"{path} has no label; put it into a folder with the name of its class, or name it "
            "<label>_<index>, with a number as the label"
        )
    return min(number, MAX_CLASSES)


def split_folders(root: Path) -> dict[str, Path]:
    """The folder of each split. `val` is that of "test" if there is no `test`.

    Raises: DataError where PATH is not a folder, and where names of splits have capital letters.
    """
    if kind_of(root) != "folder":
        raise DataError(
            f"{root} is not a folder; give folder:PATH, where PATH is a folder of files"
        )
    try:
        inside = {entry.name for entry in root.iterdir() if entry.is_dir()}
    except OSError as error:
        raise DataError(f"cannot look into {root}: {error.strerror}") from error
    visible = {name for name in inside if not name.startswith(".")}
    found = _splits_among(visible)
    # If such folders counted as classes, a network would learn to tell the splits apart.
    if not found and (meant := _splits_among({name.lower() for name in visible})):
        names = sorted(name for name in visible if name.lower() in meant.values())
        raise DataError(
            f"{root} has {', '.join(names)}, but the names of splits must have small letters; "
            f"rename to {', '.join(name.lower() for name in names)}"
        )
    return {split: root / name for split, name in found.items()} or dict.fromkeys(SPLITS, root)


def _splits_among(folders: set[str]) -> dict[str, str]:
    """The name of the folder of each split; empty where these folders are not splits."""
    found = {
        split: next(name for name in names if name in folders)
        for split, names in SPLIT_NAMES.items()
        if folders.intersection(names)
    }
    # `train` among other folders, without `test`, is a class: photographs show trains.
    known = {name for names in SPLIT_NAMES.values() for name in names}
    return found if len(found) == len(SPLITS) or (folders and folders <= known) else {}


def _check_uniform(listings: Sequence[_Listing]) -> None:
    one, other = listings[0], listings[-1]
    if bool(one.folders) != bool(other.folders):
        raise _not_uniform(other.paths[0], one.paths[0])


def _not_uniform(path: str, first: str) -> DataError:
    return DataError(
        f"{path} and {first}: the label of one is its class folder, that of the other is in its "
        "name; use one way for all files"
    )


def _classes(root: Path, listings: Sequence[_Listing]) -> Sequence[str]:
    names = names_in(root)
    if names is not None:
        return names
    folders = {name for one in listings for name in one.folders}
    if not folders:
        most = max(int(one.said.max()) for one in listings)
        return tuple(map(str, range(min(most + 1, MAX_CLASSES))))
    return tuple(sorted(folders, key=natural_key))


def _labels(found: _Listing, classes: Sequence[str]) -> NDArray[np.int64]:
    """The labels of the files. Raises: DataError for the first file with an unknown label."""
    if not found.folders:
        wrong = np.flatnonzero(found.said >= len(classes))
        if len(wrong):
            path = found.paths[wrong[0]]
            raise DataError(
                f"{path}: label {number_of(path)}, where 0 to {len(classes) - 1} are allowed"
            )
        return found.said
    # A class folder may have a synonym of a class as its name.
    places = class_places(found.folders, classes)
    for number, place in enumerate(places):
        if place is None:
            path = found.paths[int(np.argmax(found.said == number))]
            raise DataError(
                f"{path}: class {found.folders[number]!r} is not in {NAMES_FILE}; add it there"
            )
    return np.array(places, np.int64)[found.said]
