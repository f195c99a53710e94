"""Files of a data set: where they are looked for, and reading them with every size checked."""

from collections.abc import Sequence
from pathlib import Path

from signbit.data._files import kind_of
from signbit.errors import DataError

MAX_NAMES_BYTES = 2**20


def find_file(data_dir: Path, folders: Sequence[str], names: Sequence[str]) -> Path | None:
    """The first of `names` that is a file in the first of `folders` in `data_dir` to have one."""
    places = (data_dir / folder / name for folder in folders for name in names)
    return next((place for place in places if kind_of(place) == "file"), None)


def not_found(data_set: str, name: str, data_dir: Path, folders: Sequence[str]) -> DataError:
    """The error for a file that is in none of the places, with the ways out."""
    places = " or ".join(str(data_dir / folder) for folder in folders)
    return DataError(
        f"{data_set}: file {name} not found in {places}. Fetch it with --download "
        "(download=True), or say where the data is with --data-dir or the environment "
        "variable SIGNBIT_DATA."
    )


def read_exactly(path: Path, size: int) -> bytes:
    """The content of a file that must have `size` bytes. Raises: DataError."""
    try:
        actual = path.stat().st_size
        if actual == size:
            with path.open("rb") as file:
                content = file.read(size + 1)
            actual = len(content)
            if actual == size:
                return content
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    raise wrong_size(path, actual, size)


def wrong_size(path: Path, actual: int | str, size: int) -> DataError:
    """The error for a file that is truncated or too long."""
    return DataError(
        f"{path}: {actual} bytes where {size} belong. The file is damaged: "
        "remove it and fetch it again with --download."
    )


def read_names(path: Path, count: int | None = None) -> tuple[str, ...]:
    """Class names, one a line, UTF-8; blank lines at the end do not count.

    Raises: DataError for a blank or repeated name and for a number of names that is not `count`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_NAMES_BYTES + 1)
        text = content.decode("utf-8-sig")  # editors on Windows begin a file with a mark
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; save it as UTF-8") from error
    if len(content) > MAX_NAMES_BYTES:
        raise DataError(f"{path}: more than {MAX_NAMES_BYTES} bytes of class names")
    names = tuple(line.strip() for line in text.rstrip().splitlines())
    seen = {""}
    for line, name in enumerate(names, start=1):
        if name in seen:
            raise DataError(f"{path}, line {line}: class name {name!r} is blank or repeated")
        seen.add(name)
    if not names or (count is not None and len(names) != count):
        allowed = "at least one belongs" if count is None else f"{count} belong"
        raise DataError(f"{path}: {len(names)} class names where {allowed}")
    return names
