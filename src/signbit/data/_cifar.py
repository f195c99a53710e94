"""CIFAR-10 and CIFAR-100 in the layouts that are published, unpacked or not."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._archive import extract, members
from signbit.data._cifar_layouts import AbstractLayout, BinaryLayout, PickledLayout
from signbit.data._download import fetch
from signbit.data._places import MAX_NAMES_BYTES, is_there, not_found, read_at_most
from signbit.data._types import ImageSet, Request
from signbit.errors import DataError, OutputError

SIDE = 32


@dataclass(frozen=True)
class CifarFiles:
    """The facts that differ between the two data sets.

    records: number of images in a file of each split.
    base: the address of the folder with the official archives.
    md5: checksum of the binary archive.
    """

    binary: BinaryLayout
    pickled: PickledLayout
    records: Mapping[str, int]
    classes: int
    base: str
    md5: str

    def sizes(self, layout: AbstractLayout) -> dict[str, int]:
        """The largest size that each file of a layout can have, in bytes."""
        sizes = {
            name: layout.most_bytes(self.records[split])
            for split, names in layout.files.items()
            for name in names
        }
        return sizes | {layout.names_file: MAX_NAMES_BYTES}


@dataclass(frozen=True)
class _Place:
    """A layout, and the folder (if `unpacked`) or archive in which its files are looked for."""

    layout: AbstractLayout
    path: Path
    unpacked: bool

    def lacks(self, split: str) -> list[str]:
        """The files of a split that are missing here."""
        needed = [*self.layout.files[split], self.layout.names_file]
        paths = [self.path / name for name in needed] if self.unpacked else [self.path]
        return [path.name for path in paths if not is_there(path)]

    def contents(self, split: str, source: CifarFiles) -> Iterator[tuple[str, str, bytes]]:
        """Yield the name of each file, its name for messages, and its bytes, in any order."""
        wanted = [*self.layout.files[split], self.layout.names_file]
        sizes, folder = source.sizes(self.layout), self.layout.folder
        if self.unpacked:
            for name in wanted:
                path = self.path / name
                yield name, str(path), read_at_most(path, sizes[name])
            return
        try:
            for name, content in members(self.path, folder, sizes, wanted):
                yield name, f"{self.path}: {folder}/{name}", content
        except DataError as error:
            # A broken download leaves half an archive, which --download does not replace.
            raise DataError(f"{error}. Remove the file and fetch the data again.") from error


def read_cifar(request: Request, source: CifarFiles) -> ImageSet:
    """One split, (N, 32, 32, 3) RGB, from the first place that has all its files.

    The places, in this order: the folder of binary files in the data directory, the folder of
    pickled files there, the data directory itself (binary files, then pickled files), the binary
    archive, the pickled archive.

    Raises: DataError naming the file and the record.
    """
    place = _find(request, source)
    if place is None and request.download:
        _download(request, source)
        place = _find(request, source)
    if place is None:
        raise _not_found(request, source)
    images, labels, classes = _read(place, request.split, source)
    return ImageSet(request.name, request.split, images, labels, classes)


def _read(
    place: _Place, split: str, source: CifarFiles
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    layout, records = place.layout, source.records[split]
    files, classes = list(layout.files[split]), ()
    images = np.empty((len(files) * records, SIDE, SIDE, 3), np.uint8)
    labels = np.empty(len(images), np.int64)
    for name, where, content in place.contents(split, source):
        if name == layout.names_file:
            classes = tuple(layout.names(content, where, source.classes))
            continue
        start = files.index(name) * records
        here = slice(start, start + records)
        planes, labels[here] = layout.batch(content, where, records)
        _check_labels(where, labels[here], source.classes)
        images[here] = planes.reshape(records, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return images, labels, classes


def _check_labels(where: str, labels: NDArray[np.int64], classes: int) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise DataError(
            f"{where}, record {wrong[0]}: label {labels[wrong[0]]}, where 0 to {classes - 1} are "
            "allowed. The file is damaged: remove it and fetch it again with --download."
        )


def _places(request: Request, source: CifarFiles) -> list[_Place]:
    layouts, root = (source.binary, source.pickled), request.data_dir
    return [
        *(_Place(layout, root / layout.folder, unpacked=True) for layout in layouts),
        *(_Place(layout, root, unpacked=True) for layout in layouts),
        *(_Place(layout, root / layout.archive, unpacked=False) for layout in layouts),
    ]


def _find(request: Request, source: CifarFiles) -> _Place | None:
    places = _places(request, source)
    return next((place for place in places if not place.lacks(request.split)), None)


def _not_found(request: Request, source: CifarFiles) -> DataError:
    """The error, which names a missing file of the most complete folder."""
    *folders, binary, pickled = _places(request, source)
    nearest = min(folders, key=lambda place: len(place.lacks(request.split)))
    missing = nearest.lacks(request.split)[0]
    return not_found(
        f"{request.name}: file {missing} not found in {nearest.path}, and {request.data_dir} has "
        f"no other form of the data: neither the files of {folders[0].path.name} or "
        f"{folders[1].path.name}, nor {binary.path.name} or {pickled.path.name}"
    )


def _download(request: Request, source: CifarFiles) -> None:
    """Fetch the archive, and write its files into the data directory. The archive is not kept."""
    layout = source.binary
    target = request.data_dir / layout.folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target) as folder:
            archive = Path(folder, layout.archive)
            fetch(source.base + layout.archive, source.md5, archive)
            extract(archive, layout.folder, source.sizes(layout), target)
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
