"""Find the files of a data set, and read them with every size checked."""

import errno
from collections.abc import Sequence
from pathlib import Path

from signbit.data._files import kind_of
from signbit.errors import DataError
from signbit.files import read_regular

MAX_NAMES_BYTES = 2**20
NAMES_FILE = "classes.txt"


def find_file(data_dir: Path, folders: Sequence[str], names: Sequence[str]) -> Path | None:
    """The first file with one of the `names` in the `folders` of `data_dir`; None without one."""
    places = (data_dir / folder / name for folder in folders for name in names)
    return next((place for place in places if is_there(place)), None)


def is_there(path: Path) -> bool:
    """Whether a file exists, or something else that is not a folder; reading will refuse that."""
    return kind_of(path) not in ("folder", None)


def not_found(reason: str) -> DataError:
    """The error for files that are in none of the places, with the ways out."""
    return DataError(
        f"{reason}. Fetch it with --download (download=True), or give the folder of the data with "
        "--data-dir or the environment variable SIGNBIT_DATA."
    )


def read_exactly(path: Path, size: int) -> bytes:
    """The content of a file that must have `size` bytes. Raises: DataError."""
    content = read_at_most(path, size)
    if len(content) != size:
        raise wrong_size(path, len(content), size)
    return content


def read_at_most(path: Path, size: int) -> bytes:
    """The content of a file of at most `size` bytes. Raises: DataError."""
    try:
        return read_regular(path, size)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise DataError(
                f"{path}: more than {size} bytes; at most {size} are allowed"
            ) from error
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def wrong_size(path: Path | str, actual: int | str, size: int) -> DataError:
    """The error for a file that is too short or too long."""
    return DataError(
        f"{path}: {actual} bytes instead of {size}. The file is damaged: remove it and fetch it "
        "again with --download."
    )


def names_in(folder: Path) -> tuple[str, ...] | None:
    """The class names in a folder's classes.txt; None without the file. Raises: DataError."""
    path = folder / NAMES_FILE
    return read_names(path) if is_there(path) else None


def read_names(path: Path) -> tuple[str, ...]:
    """The class names in a file, as `parse_names` reads them. Raises: DataError."""
    return parse_names(read_at_most(path, MAX_NAMES_BYTES), path)


def parse_names(content: bytes, path: Path | str, count: int | None = None) -> tuple[str, ...]:
    """Class names in UTF-8, one on each line. Blank lines at the end do not count.

    Raises: DataError for a blank or repeated name, and for more or fewer names than `count`.
    """
    try:
        text = content.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    seen = {""}
    for line, name in enumerate(names, start=1):
        if name in seen:
            raise DataError(
                f"{path}, line {line}: class name {name!r} is blank or repeated; give each class "
                "a name of its own"
            )
        seen.add(name)
    if not names or (count is not None and len(names) != count):
        wanted = "one or more" if count is None else f"{count}"
        raise DataError(f"{path}: {len(names)} class names instead of {wanted}")
    return names
