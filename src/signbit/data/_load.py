"""Load one split of a data set by name."""

import os
from pathlib import Path

from signbit.data._files import expanded
from signbit.data._image import check_channels, check_size
from signbit.data._types import OF_PATHS, SPLITS, ImageSet, Request, datasets
from signbit.errors import UsageError, unknown_name
from signbit.format.preprocessing import check_crop

ENVIRONMENT_VARIABLE = "SIGNBIT_DATA"
DEFAULT_DIRECTORY = "data"


def load(
    name: str,
    split: str,
    *,
    data_dir: Path | str | None = None,
    download: bool = False,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    crop: float | None = None,
    in_memory: bool = True,
) -> ImageSet:
    """Load one split of a data set.

    name: digits, cifar10, cifar100, mnist, fashion-mnist, folder:PATH, tar:PATH or parquet:PATH.
    split: "train" or "test".
    data_dir: the folder with the files; the default is the environment variable SIGNBIT_DATA, else
        ./data. The docstring of each data set says which files it looks for there.
    download: whether to fetch missing files from the official address into data_dir.
    size: for folder:, tar: and parquet:, the (height, width) to which every image is resized; the
        default is the size of the first image.
    channels: for folder:, tar: and parquet:, 1 to convert every image to grey, or 3 to RGB; the
        default is 3 if any image has color, else 1.
    crop: for folder:, tar: and parquet:, how images are fitted to the size. None resizes the whole
        image. A number cuts out the centre, as in `signbit.format.Preprocessing`.
    in_memory: for folder:, tar: and parquet:, False leaves also a small set in its files, so that
        parts can be cut from the original images.

    Shape:  images (N, H, W, C) uint8, labels (N,) int64.
    Raises: UsageError for a wrong name, split, size, crop or channel count; DataError, naming the
        file and the record, for data that is missing or damaged.
    """
    kind, colon, path = name.partition(":")
    read = datasets.get(kind)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if (kind in OF_PATHS) != bool(path) or (colon and not path):
        listed = ", ".join(f"{one}:PATH" for one in OF_PATHS)
        raise UsageError(
            f"data set {name!r}: give a path with {listed}, and no path with any other name"
        )
    if size is not None:
        size = check_size(size)
    if channels is not None:
        check_channels(channels)
    check_crop(crop)
    where = _directory(data_dir)
    return read(Request(kind, split, where, path, download, size, channels, crop, in_memory))


def _directory(data_dir: Path | str | None) -> Path:
    if data_dir is None:
        data_dir = os.environ.get(ENVIRONMENT_VARIABLE, "") or DEFAULT_DIRECTORY
    return expanded(data_dir)
