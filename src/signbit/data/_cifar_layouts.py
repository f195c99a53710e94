"""The two forms in which CIFAR-10 and CIFAR-100 are published: binary files and pickled ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signbit.data._pickled import read_pickled
from signbit.data._places import parse_names, wrong_size
from signbit.errors import DataError

PIXEL_BYTES = 3 * 32 * 32

# A record of a pickle also has one or two labels and a file name. Python 3 can write bytes as text,
# where each byte from 128 on takes two bytes, and it needs eight instructions for each name.
_PICKLED_RECORD_BYTES = 2 * PIXEL_BYTES + 256
_PICKLED_RECORD_STEPS = 16
_PICKLED_EXTRA = 2**14

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


@dataclass(frozen=True)
class AbstractLayout(ABC):
    """A form of a data set: its files, and how they are read.

    folder: the name of the folder in the official archive.
    archive: the name of the official archive.
    files: the file names of each split, in the order of the images.
    names_file: the file with the names of the classes.
    """

    folder: str
    archive: str
    files: Mapping[str, Sequence[str]]
    names_file: str

    @abstractmethod
    def most_bytes(self, records: int) -> int:
        """The largest size of a file with this number of images, in bytes."""

    @abstractmethod
    def batch(self, content: bytes, place: str, records: int) -> Batch:
        """Pixels (records, 3072), as red, green and blue planes, and labels. Raises: DataError."""

    @abstractmethod
    def names(self, content: bytes, place: str, classes: int) -> Sequence[str]:
        """The names of the classes. Raises: DataError."""


@dataclass(frozen=True)
class BinaryLayout(AbstractLayout):
    """Records of labels and pixels, one after the other.

    label_bytes: bytes before the pixels of a record; the last of them is the label.
    """

    label_bytes: int

    @property
    def record_bytes(self) -> int:
        """Bytes of one record: labels, then red, green and blue planes."""
        return self.label_bytes + PIXEL_BYTES

    def most_bytes(self, records: int) -> int:
        """The size of a file with this number of images, in bytes."""
        return records * self.record_bytes

    def batch(self, content: bytes, place: str, records: int) -> Batch:
        """Pixels and labels. Raises: DataError for another number of bytes."""
        if len(content) != self.most_bytes(records):
            raise wrong_size(place, len(content), self.most_bytes(records))
        table = np.frombuffer(content, np.uint8).reshape(records, self.record_bytes)
        return table[:, self.label_bytes :], table[:, self.label_bytes - 1].astype(np.int64)

    def names(self, content: bytes, place: str, classes: int) -> Sequence[str]:
        """The names of the classes, one on each line. Raises: DataError."""
        return parse_names(content, place, classes)


@dataclass(frozen=True)
class PickledLayout(AbstractLayout):
    """Pickled dicts, as torchvision downloads them.

    labels_key: the key of the labels in the dict of a batch.
    names_key: the key of the class names in the dict of the names file.
    """

    labels_key: str
    names_key: str

    def most_bytes(self, records: int) -> int:
        """The largest size of such a file, written by Python 2 or 3, in bytes."""
        return records * _PICKLED_RECORD_BYTES + _PICKLED_EXTRA

    def batch(self, content: bytes, place: str, records: int) -> Batch:
        """Pixels and labels. Raises: DataError where one is missing or has another form."""
        steps = records * _PICKLED_RECORD_STEPS + _PICKLED_EXTRA
        entries = read_pickled(content, place, steps)
        pixels: Any = entries.get("data")
        labels: Any = entries.get(self.labels_key)
        if not _is_array(pixels, np.uint8, (records, PIXEL_BYTES)):
            raise DataError(f"{place}: 'data' is not a uint8 array of {records} x {PIXEL_BYTES}")
        if isinstance(labels, list) and all(type(label) is int for label in labels):
            labels = np.array(labels, np.int64)
        if not _is_array(labels, np.integer, (records,)):
            raise DataError(f"{place}: {self.labels_key!r} is not a list of {records} integers")
        return pixels, np.asarray(labels).astype(np.int64)

    def names(self, content: bytes, place: str, classes: int) -> Sequence[str]:
        """The names of the classes, a list in a dict. Raises: DataError."""
        found = read_pickled(content, place, _PICKLED_EXTRA).get(self.names_key)
        if not isinstance(found, list) or not all(isinstance(one, (str, bytes)) for one in found):
            raise DataError(f"{place}: {self.names_key!r} is not a list of names")
        # A pickle may contain half of a surrogate pair. `parse_names` refuses such a name.
        lines = [
            one.encode("utf-8", "surrogatepass") if isinstance(one, str) else one for one in found
        ]
        return parse_names(b"\n".join(lines), place, classes)


def _is_array(value: Any, kind: type[np.generic], shape: tuple[int, ...]) -> bool:
    return (
        isinstance(value, np.ndarray) and np.issubdtype(value.dtype, kind) and value.shape == shape
    )
