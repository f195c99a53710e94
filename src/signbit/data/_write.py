"""Write data sets as image files. The same command completes a run that was stopped."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from signbit.data._files import kind_of
from signbit.data._image import read_pixels
from signbit.data._places import MAX_NAMES_BYTES, NAMES_FILE
from signbit.data._types import ImageSet
from signbit.errors import DataError, OutputError
from signbit.files import atomic_write, read_regular, remove_leftovers
from signbit.own_files import strangers
from signbit.progress import progress_bar

_BATCH = 250


@dataclass(frozen=True)
class _Job:
    """The files of one split, and the indices of the files that must still be written."""

    images: ImageSet
    folder: Path
    names: Sequence[str]
    pending: NDArray[np.int64]


def write_images(
    sets: Sequence[ImageSet],
    out: Path,
    suffix: str,
    *,
    force: bool = False,
    split_folders: bool = True,
) -> dict[str, int]:
    """Write each image as `out/<split>/<label>_<index>.<suffix>`, and `out/classes.txt`.

    The index is the place of the image in its set, without leading zeros. Grey images become grey
    files. The pixels do not change. A file that has the same pixels already stays as it is, so that
    a second run completes a first one. Each file appears whole or not at all. A progress bar is
    shown on standard error.

    sets: splits of one data set.
    out: the folder to write into; it is made if it is missing.
    suffix: "bmp" or "png".
    force: replace files that differ, and accept other files in the folders of the images.
    split_folders: False writes the images of one set without splits into `out` itself.

    Returns the number of files written for each split.

    Raises: OutputError, before anything is written, where a file has other pixels or does not
        belong to the data set, and `force` is False; OutputError where a file cannot be written.
    """
    jobs = [
        _plan(images, out / images.split if split_folders else out, suffix, force)
        for images in sets
    ]
    names = "".join(f"{name}\n" for name in sets[0].classes)
    _check_names_file(out / NAMES_FILE, names, force)
    try:
        for job in jobs:
            remove_leftovers(job.folder)
            _write(job)
        atomic_write(out / NAMES_FILE, names)
    except OutputError as error:
        raise OutputError(
            f"{error} The files written so far are whole; the same command continues from there."
        ) from error
    return {job.images.split: len(job.pending) for job in jobs}


def _plan(images: ImageSet, folder: Path, suffix: str, force: bool) -> _Job:
    """Find the files that exist. Raises: OutputError for a file that must not be replaced."""
    names = [f"{label}_{index}.{suffix}" for index, label in enumerate(images.labels.tolist())]
    try:
        present = {path.name for path in folder.iterdir()} if folder.exists() else set[str]()
        foreign = [] if force else strangers(folder, [*names, NAMES_FILE])
    except OSError as error:
        raise OutputError(f"cannot look into {folder}: {error.strerror}") from error
    if foreign:
        raise _refusal(folder / foreign[0], "does not belong to this data set and format")
    there = np.array([name in present for name in names], bool)
    same = np.zeros(len(names), bool)
    for place in _batches(np.flatnonzero(there), f"checking {images.split}"):
        for index, pixels in zip(place.tolist(), images.images[place], strict=True):
            path = folder / names[index]
            same[index] = _holds(path, pixels)
            if not same[index]:
                _check_regular(path)
                if not force:
                    raise _refusal(path, "holds other pixels")
    return _Job(images, folder, names, np.flatnonzero(~same))


def _write(job: _Job) -> None:
    for place in _batches(job.pending, f"writing {job.images.split}"):
        for index, pixels in zip(place, job.images.images[place], strict=True):
            _write_one(job.folder / job.names[int(index)], pixels)


def _batches(places: NDArray[np.int64], description: str) -> Iterator[NDArray[np.int64]]:
    """Yield the indices in batches, with a progress bar if there are any."""
    if not len(places):
        return
    with progress_bar(description, len(places)) as advance:
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            yield batch
            advance(len(batch))


def _write_one(path: Path, pixels: NDArray[np.uint8]) -> None:
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    # If Pillow writes a BMP directly into a file, it does not notice that the disk is full.
    content = io.BytesIO()
    Image.fromarray(flat).save(content, format=path.suffix.removeprefix("."))
    atomic_write(path, content.getvalue(), flush=False)


def _holds(path: Path, pixels: NDArray[np.uint8]) -> bool:
    try:
        return np.array_equal(read_pixels(path), pixels)
    except DataError:
        return False


def _check_names_file(path: Path, names: str, force: bool) -> None:
    _check_regular(path)
    if force or kind_of(path) is None:
        return
    try:
        same = read_regular(path, MAX_NAMES_BYTES) == names.encode()
    except OSError as error:
        raise _refusal(path, "cannot be read") from error
    if not same:
        raise _refusal(path, "holds other class names")


def _check_regular(path: Path) -> None:
    """Raises: OutputError for a device, or for a pipe, which would make the command wait."""
    if kind_of(path) == "special":
        raise OutputError(
            f"{path} is a device or pipe; nothing was written. Remove it, or choose another folder."
        )


def _refusal(path: Path, reason: str) -> OutputError:
    return OutputError(
        f"{path} exists and {reason}; nothing was written. Choose an empty folder, or give "
        "--force to replace files that differ; other files stay where they are."
    )
