"""The images in a part: files, members of a tar shard (WebDataset), rows of a Parquet shard."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from signbit.data import Batch, _tar, read_image
from signbit.data._files import is_data_name
from signbit.data._tables import ParquetTable
from signbit.data._tar import MAX_IMAGE_BYTES, shown_name, too_large
from signbit.errors import DataError
from signbit.format import Input
from signbit.scoring._answers import Answer, Answerer
from signbit.scoring._reading import read_ahead
from signbit.scoring.parts.source import Part
from signbit.scoring.parts.store import Store


@dataclass(frozen=True)
class Item:
    """An image that is read when it is used.

    file: its path, or that of its shard.
    sample: the name of the member, or the number of the row from 1; None for a file.
    load: returns the bytes of its file. Raises: DataError for a wrong or damaged file.
    """

    file: str
    sample: str | None
    load: Callable[[], bytes]


def files(part: Part, store: Store) -> Iterator[Item]:
    """The images of a part of image files."""
    for name, size in part.files:
        yield Item(shown_name(name), None, partial(store.content, name, size))


def members(file: BinaryIO, name: str) -> Iterator[Item]:
    """Each member of a tar shard that has the name of an image, in the order of the shard.

    The file must stay open until all images are loaded.

    Raises: DataError where the shard ends early, is damaged, or holds no image.
    """
    count = 0
    for member in _tar.members(file, name):
        if is_data_name(PurePosixPath(member.name).name):
            count += 1
            yield Item(name, shown_name(member.name), partial(_tar.content, file, member))
    if not count:
        raise DataError(f"{name} holds no image; give images names such as 000017.jpg")


def rows(table: ParquetTable, column: str, name: str, size: int) -> Iterator[Item]:
    """The images in a column of a Parquet shard. size: number of rows that are read at a time."""
    pieces = table.contents(column, size)
    return of_contents((content for piece in pieces for content in piece), name)


def of_contents(contents: Iterable[bytes | None], name: str) -> Iterator[Item]:
    """Images in memory. Each is a row of the file of this name, counted from 1."""
    for number, content in enumerate(contents, 1):
        yield Item(name, str(number), partial(_given, content))


def answered(
    items: Iterable[Item], answerer: Answerer, one: Input, batch_size: int
) -> Iterator[tuple[Item, Answer | str]]:
    """The answers for images, in order. A wrong image has a text that says why. one: the input."""
    height, width, channels = one.shape

    def read(item: Item) -> NDArray[np.uint8]:
        content = item.load()
        return read_image("", (height, width), channels, content=content, crop=one.crop)

    for batch in read_ahead(items, read, batch_size):
        good = [pixels for _, pixels in batch if not isinstance(pixels, DataError)]
        answers: Iterator[Answer] = iter(())
        if good:
            samples = Batch([""] * len(good), {one.name: np.stack(good)})
            answers = answerer.batches([samples])
        for item, pixels in batch:
            # The message needs no path: other columns of the row have it.
            wrong = isinstance(pixels, DataError)
            yield item, str(pixels).removeprefix(": ") if wrong else next(answers)


def column_of_images(table: ParquetTable, chosen: Sequence[str], name: str) -> str:
    """The column that holds image files: the chosen one, else the only column of bytes.

    Raises: DataError where there is no such column, or more than one.
    """
    known = table.of_bytes
    if len(chosen) > 1 or (chosen and chosen[0] not in known):
        raise DataError(
            f"{name}: {', '.join(chosen)} is not one column of images as bytes; give one of these: "
            f"{', '.join(known) or 'none'}"
        )
    if len(known) != 1 and not chosen:
        raise DataError(
            f"{name} has {len(known)} columns of bytes ({', '.join(known) or 'none'}); give the "
            "column of the images with --features"
        )
    return chosen[0] if chosen else known[0]


def _given(content: bytes | None) -> bytes:
    if content is None:
        raise DataError("no image in this row")
    if len(content) > MAX_IMAGE_BYTES:
        raise too_large(len(content))
    return content
