"""IDX files, the format of MNIST and its descendants, plain or compressed with gzip."""

import gzip
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signbit.data._download import fetch
from signbit.data._places import find_file, not_found, read_exactly, wrong_size
from signbit.data._types import ImageSet, Request
from signbit.errors import DataError
from signbit.files import open_regular

SIDE = 28
RECORDS = {"train": 60_000, "test": 10_000}
_STEMS = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 8


@dataclass(frozen=True)
class IdxFiles:
    """The facts that differ between the data sets of this format.

    folders: the folders of the data directory in which the files are looked for. Downloads go into
        the first one.
    address: `<name>.gz` is fetched from this address.
    md5: checksum of the compressed file for each name.
    classes: the names of the classes.
    """

    folders: Sequence[str]
    address: str
    md5: Mapping[str, str]
    classes: Sequence[str]


def read_idx_set(request: Request, source: IdxFiles) -> ImageSet:
    """One split, (N, 28, 28, 1) grey. Raises: DataError naming the file and the record."""
    stem, records = _STEMS[request.split], RECORDS[request.split]
    images_path = _locate(request, source, f"{stem}-images-idx3-ubyte")
    labels_path = _locate(request, source, f"{stem}-labels-idx1-ubyte")
    images = read_idx(images_path, (records, SIDE, SIDE))
    labels = read_idx(labels_path, (records,)).astype(np.int64)
    wrong = np.flatnonzero(labels >= len(source.classes))
    if wrong.size:
        raise DataError(
            f"{labels_path}, record {wrong[0]}: label {labels[wrong[0]]}, where 0 to "
            f"{len(source.classes) - 1} are allowed. The file is damaged: remove it and fetch "
            "it again with --download."
        )
    return ImageSet(request.name, request.split, images[..., None], labels, source.classes)


def read_idx(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, which must have this shape.

    Only as many bytes are read as the shape needs, even if a compressed file unpacks to more.

    Raises: DataError naming the file, for a wrong magic number, dimension or size.
    """
    header_bytes = 4 + 4 * len(shape)
    size = header_bytes + math.prod(shape)
    content = _gunzip(path, size) if path.suffix == ".gz" else read_exactly(path, size)
    magic = bytes([0, 0, _UNSIGNED_BYTE, len(shape)])
    if content[:4] != magic:
        raise DataError(
            f"{path}: magic number {content[:4].hex()} instead of {magic.hex()}, that of an IDX "
            f"file of {len(shape)} dimensions; get the file from its source again"
        )
    dimensions = tuple(np.frombuffer(content[4:header_bytes], ">u4").tolist())
    if dimensions != shape:
        raise DataError(
            f"{path}: dimensions {dimensions} instead of {shape}; get the file from its source "
            "again"
        )
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape).copy()


def _gunzip(path: Path, size: int) -> bytes:
    try:
        with open_regular(path) as packed, gzip.GzipFile(fileobj=packed) as file:
            content = file.read(size)
            excess = file.read(1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: damaged gzip file: {error}. Remove it and fetch it again with --download."
        ) from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if excess or len(content) != size:
        actual = f"more than {size}" if excess else len(content)
        raise wrong_size(path, f"unpacks to {actual}", size)
    return content


def _locate(request: Request, source: IdxFiles, name: str) -> Path:
    names = [name, f"{name}.gz"]
    path = find_file(request.data_dir, source.folders, names)
    if path is None and request.download:
        path = request.data_dir / source.folders[0] / f"{name}.gz"
        fetch(f"{source.address}{name}.gz", source.md5[name], path)
    if path is None:
        places = " or ".join(str(request.data_dir / folder) for folder in source.folders)
        raise not_found(f"{request.name}: file {name} (or .gz) not found in {places}")
    return path
