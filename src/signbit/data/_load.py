"""Load one split of a data set by name."""

import os
from pathlib import Path

from signbit.data._files import expanded
from signbit.data._image import check_channels, check_size
from signbit.data._types import SPLITS, ImageSet, Request, datasets
from signbit.errors import UsageError, unknown_name

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
) -> ImageSet:
    """One split of a data set.

    name: digits, cifar10, cifar100, mnist, fashion-mnist or folder:PATH.
    split: "train" or "test".
    data_dir: where the files are; default: the environment variable SIGNBIT_DATA, else ./data.
        The docstring of each data set says which files it looks for there.
    download: fetch files that are missing from the official address into data_dir.
    size, channels: for folders alone: every image is converted to 1 (grey) or 3 (RGB) channels
        and resized to (height, width) pixels; default: the size of the first image, RGB where
        any image has color.

    Raises: UsageError for a wrong name, split, size or channel count; DataError, naming the
    file and the record, for data that is missing or damaged.
    """
    kind, colon, path = name.partition(":")
    read = datasets.get(kind)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if (kind == "folder") != bool(path) or (colon and not path):
        raise UsageError(f"data set {name!r}: a path goes with folder:PATH and with no other name")
    if size is not None:
        size = check_size(size)
    if channels is not None:
        check_channels(channels)
    return read(Request(kind, split, _directory(data_dir), path, download, size, channels))


def _directory(data_dir: Path | str | None) -> Path:
    if data_dir is None:
        data_dir = os.environ.get(ENVIRONMENT_VARIABLE, "") or DEFAULT_DIRECTORY
    return expanded(data_dir)
