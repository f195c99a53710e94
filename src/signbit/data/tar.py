"""Images in tar shards, in the layout of WebDataset."""

import os
import re
import tarfile
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from signbit.data import _tar
from signbit.data._file_set import file_set
from signbit.data._files import SUFFIXES
from signbit.data._image_files import Blocks, Encoded
from signbit.data._labels import classes_for, require_label
from signbit.data._places import names_in
from signbit.data._shards import Shard, find_shards
from signbit.data._tar import BLOCK, MAX_IMAGE_BYTES, shown_name
from signbit.data._types import ImageSet, Request, datasets
from signbit.errors import DataError, printable
from signbit.files import open_regular
from signbit.progress import late_progress_bar

LABEL = ".cls"
_MAX_LABEL_BYTES = 32
_NUMBER = re.compile(rb"\s*([0-9]{1,9})\s*")
_MOST_OPEN = 32


@datasets.register("tar")
def tar(request: Request) -> ImageSet:
    """The images in the shards of `tar:PATH`, in natural order of the shards.

    PATH is a folder, a pattern with `*`, or one file. Folders or names of the shards name the
    split, such as `train/000.tar` or `val-000.tar`. If no shard names a split, every image belongs
    to both splits.

    Layout: that of WebDataset. Members that follow one another, and whose names are equal up to the
    first dot, are one sample. It has an image, `KEY.jpg` or another suffix of images, and a label,
    `KEY.cls`, which is a number from 0 as text. Other members are ignored. Names are keys, and
    never used as paths.

    Classes: the lines of `classes.txt` in the folder; without that file, the numbers from 0 to the
    highest label.

    Images: as in `folder:PATH`. One pass reads the headers and labels. After that, each image is
    read by its position, so that every order of reading costs the same.

    Shape:  (N, H, W, C) uint8.
    Raises: DataError naming the shard and the member, for a shard that is compressed, is damaged,
        ends early or changes, and for an image without a label or with a wrong one.
    """
    found = find_shards(request.path, ".tar", request.split)
    names = names_in(found.folder)
    index = _Index(found.shards, None if names is None else len(names))
    with late_progress_bar("listing shards", len(found.shards)) as advance:
        for number in range(len(found.shards)):
            index.add(number)
            advance(1)
    source, labels = index.finish()
    return file_set(request, source, labels, classes_for(names, labels))


class _OpenFiles:
    """The shards that were read last, which stay open. Each process has its own."""

    def __init__(self):
        self._files: OrderedDict[Shard, BinaryIO] = OrderedDict()

    def __getitem__(self, shard: Shard) -> BinaryIO:
        """The file of a shard. Raises: OSError."""
        file = self._files.pop(shard, None)
        if file is None:
            file = open_regular(shard.path)
        self._files[shard] = file
        if len(self._files) > _MOST_OPEN:
            self._files.popitem(last=False)[1].close()
        return file

    def __reduce__(self) -> tuple[Any, ...]:
        return _OpenFiles, ()

    def __del__(self) -> None:
        for file in self._files.values():
            file.close()


@dataclass(frozen=True)
class TarSource:
    """Images at positions in tar shards.

    shard: the number of the shard of each image.
    header: the position of the header of each image, in bytes.
    size: the size of each image in bytes, which follow the header.
    """

    shards: Sequence[Shard]
    shard: NDArray[np.int32]
    header: NDArray[np.int64]
    size: NDArray[np.int32]
    blocks: Blocks = ()
    _open: _OpenFiles = field(default_factory=_OpenFiles, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.size)

    def __getitem__(self, place: int, /) -> Encoded:
        shard, size = self.shards[self.shard[place]], int(self.size[place])
        start, wanted = int(self.header[place]), BLOCK + size
        try:
            file = self._open[shard]
            shard.require_same(os.fstat(file.fileno()))
            piece = os.pread(file.fileno(), wanted, start)
        except OSError as error:
            raise DataError(f"cannot read {shard.path}: {error.strerror}") from error
        # The header holds a whole short name, or the beginning of a long one.
        name = piece[:100].partition(b"\0")[0].decode("utf-8", "surrogateescape")
        place_in = f"{shard.path}, {printable(shown_name(name))}"
        if len(piece) != wanted:
            raise DataError(
                f"{place_in}: {len(piece)} bytes instead of {wanted}; the shard ends early"
            )
        return Encoded(place_in, piece[BLOCK:])


class _Index:
    """Finds the samples of shards.

    count: number of classes; None where the highest label decides it.
    """

    def __init__(self, shards: Sequence[Shard], count: int | None):
        self._shards, self._count = shards, count
        self._shard, self._size = array("i"), array("i")
        self._header, self._labels = array("q"), array("q")

    def add(self, number: int) -> None:
        """Add the samples of the shard of this number. Raises: DataError."""
        shard = self._shards[number]
        name = str(shard.path)
        try:
            with open_regular(shard.path) as file:
                shard.require_same(os.fstat(file.fileno()))
                sample = _Sample(name, "")
                for member in _tar.members(file, name):
                    folder, slash, base = member.name.rpartition("/")
                    stem, dot, suffix = base.partition(".")
                    if not stem:  # a hidden file
                        continue
                    key = folder + slash + stem
                    if key != sample.key:
                        self._finish(number, sample)
                        sample = _Sample(name, key)
                    sample.take(file, member, dot + suffix)
                self._finish(number, sample)
        except OSError as error:
            raise DataError(f"cannot read {name}: {error.strerror}") from error

    def finish(self) -> tuple[TarSource, NDArray[np.int64]]:
        """The images and their labels. Raises: DataError where there is none."""
        if not self._labels:
            raise DataError(
                f"{self._shards[0].path} holds no image with a label; a sample is an image KEY.jpg "
                f"and a label KEY{LABEL}"
            )
        arrays = np.array(self._shard), np.array(self._header), np.array(self._size)
        return TarSource(self._shards, *arrays), np.array(self._labels)

    def _finish(self, number: int, sample: "_Sample") -> None:
        if sample.image is None and sample.label is None:
            return
        place, label = sample.complete()
        require_label(sample.place(place), label, self._count)
        self._shard.append(number)
        self._header.append(place.offset_data - BLOCK)
        self._size.append(place.size)
        self._labels.append(label)


class _Sample:
    """The members with one key."""

    def __init__(self, shard: str, key: str):
        self.shard, self.key = shard, key
        self.image: tarfile.TarInfo | None = None
        self.label: int | None = None

    def take(self, file: BinaryIO, member: tarfile.TarInfo, suffix: str) -> None:
        """Add a member of the key. Raises: DataError for a second image and for a bad label."""
        suffix = suffix.lower()
        try:
            if suffix == LABEL:
                self._take_label(_tar.content(file, member, _MAX_LABEL_BYTES))
            elif suffix in SUFFIXES:
                if self.image is not None:
                    raise DataError(f"a second image of the sample, next to {self.image.name}")
                _tar.require_file(member, MAX_IMAGE_BYTES)
                self.image = member
        except DataError as error:
            raise DataError(f"{self.place(member)}: {error}") from error

    def complete(self) -> tuple[tarfile.TarInfo, int]:
        """The image and its label. Raises: DataError where one is missing."""
        if self.image is None:
            raise DataError(
                f"{self.shard}, {printable(shown_name(self.key))}{LABEL}: a label without an image "
                "next to it; write the image directly before or after it"
            )
        if self.label is None:
            raise DataError(
                f"{self.place(self.image)}: an image without a label next to it; write the label "
                f"as a number into {printable(shown_name(self.key))}{LABEL}"
            )
        return self.image, self.label

    def place(self, member: tarfile.TarInfo) -> str:
        """Shard and member, for messages."""
        return f"{self.shard}, {printable(shown_name(member.name))}"

    def _take_label(self, text: bytes) -> None:
        number = _NUMBER.fullmatch(text)
        if self.label is not None or number is None:
            reason = "a second label" if number is not None else f"{text!r} is not a label"
            raise DataError(f"{reason}; write one whole number, 0 or above")
        self.label = int(number[1])
