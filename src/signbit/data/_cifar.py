"""The binary files of CIFAR-10 and CIFAR-100."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._archive import extract
from signbit.data._download import fetch
from signbit.data._places import MAX_NAMES_BYTES, find_file, not_found, read_exactly, read_names
from signbit.data._types import ImageSet, Request
from signbit.errors import DataError, OutputError

SIDE = 32
PIXEL_BYTES = 3 * SIDE * SIDE


@dataclass(frozen=True)
class CifarFiles:
    """What tells one of the two data sets from the other.

    folder: name of the folder in the official archive.
    files: split to file names, in the order of the images.
    records: split to images per file.
    names_file: the file with the class names, one a line.
    label_bytes: bytes before the pixels of a record; the last of them is the label.
    """

    folder: str
    files: Mapping[str, Sequence[str]]
    records: Mapping[str, int]
    names_file: str
    classes: int
    label_bytes: int
    address: str
    md5: str

    @property
    def record_bytes(self) -> int:
        """Bytes of one record: labels, then red, green and blue planes."""
        return self.label_bytes + PIXEL_BYTES

    @property
    def places(self) -> tuple[str, str]:
        """Folders in the data directory that may hold the files."""
        return (self.folder, "")


def read_cifar(request: Request, source: CifarFiles) -> ImageSet:
    """One split, (N, 32, 32, 3) RGB. Raises: DataError naming file and record."""
    needed = [*source.files[request.split], source.names_file]
    if request.download and any(_find(request, source, name) is None for name in needed):
        _download(request, source)
    paths = [_find(request, source, name) for name in needed]
    for name, path in zip(needed, paths, strict=True):
        if path is None:
            raise not_found(request.name, name, request.data_dir, source.places)
    *batches, names = [path for path in paths if path is not None]
    images, labels = _read_batches(batches, source.records[request.split], source)
    classes = read_names(names, source.classes)
    return ImageSet(request.name, request.split, images, labels, classes)


def _read_batches(
    paths: Sequence[Path], records: int, source: CifarFiles
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images = np.empty((len(paths) * records, SIDE, SIDE, 3), np.uint8)
    labels = np.empty(len(images), np.int64)
    for number, path in enumerate(paths):
        content = read_exactly(path, records * source.record_bytes)
        table = np.frombuffer(content, np.uint8).reshape(records, source.record_bytes)
        here = slice(number * records, (number + 1) * records)
        labels[here] = table[:, source.label_bytes - 1]
        _check_labels(path, labels[here], source.classes)
        planes = table[:, source.label_bytes :].reshape(records, 3, SIDE, SIDE)
        images[here] = planes.transpose(0, 2, 3, 1)
    return images, labels


def _check_labels(path: Path, labels: NDArray[np.int64], classes: int) -> None:
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        raise DataError(
            f"{path}, record {wrong[0]}: label {labels[wrong[0]]}, where 0 to {classes - 1} are "
            "allowed. The file is damaged: remove it and fetch it again with --download."
        )


def _find(request: Request, source: CifarFiles, name: str) -> Path | None:
    return find_file(request.data_dir, source.places, [name])


def _download(request: Request, source: CifarFiles) -> None:
    """Fetch the archive and put its files into the data directory; the archive is not kept."""
    sizes = {
        name: source.records[split] * source.record_bytes
        for split, names in source.files.items()
        for name in names
    }
    sizes[source.names_file] = MAX_NAMES_BYTES
    target = request.data_dir / source.folder
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target) as folder:
            archive = Path(folder, source.address.rpartition("/")[2])
            fetch(source.address, source.md5, archive)
            extract(archive, source.folder, sizes, target)
    except OSError as error:
        raise OutputError(f"cannot write to {target}: {error.strerror or error}") from error
