"""Find image files, in a stable order, and the labels in their names."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from stat import S_ISDIR, S_ISREG
from typing import Literal, NoReturn

from signbit.data._synonyms import class_places
from signbit.data._types import SPLITS
from signbit.errors import DataError, UsageError

SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
_LABELLED = re.compile(r"([0-9]+)_[0-9]+")
_DIGITS = re.compile(r"([0-9]+)")


def image_files(
    paths: Iterable[Path | str], what: str = "image", suffixes: Sequence[str] = SUFFIXES
) -> list[Path]:
    """The image files among some paths, and in the folders among them.

    Inner folders are searched too. The order is that of `paths`. Inside a folder it is natural:
    numbers in names count as numbers, so that `2.png` comes before `10.png`. A file in `paths` is
    kept with any suffix. In a folder, files with other suffixes and hidden files are left out.

    paths: files and folders.
    what: the kind of the files for messages, such as "WAV".
    suffixes: the suffixes of the files, in small letters.

    Raises: DataError for a path that does not exist or is not a file, and for a folder without an
        image file.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        kind = kind_of(path)
        if kind == "folder":
            inside = files_in(path, suffixes)
            if not inside:
                raise DataError(
                    f"{path} holds no {what} file; known suffixes: {', '.join(suffixes)}"
                )
            found += inside
        elif kind == "file":
            found.append(path)
        elif kind == "special":
            raise DataError(f"{path} is a device or pipe; give {what} files or folders of them")
        else:
            raise DataError(f"{path} does not exist; give {what} files or folders of them")
    return found


def files_in(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> list[Path]:
    """The files with these suffixes in a folder and its inner folders, in natural order.

    Where there are none, the list is empty.
    """
    found = [Path(parent, name) for parent, names in walk_files(folder, suffixes) for name in names]
    return sorted(found, key=lambda path: natural_key(str(path)))


def walk_files(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> Iterator[tuple[str, list[str]]]:
    """Each folder inside, with the names of its files that `files_in` finds, in any order.

    Raises: DataError for a folder that cannot be read.
    """
    endings = tuple(suffixes)
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder that was visited before
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield parent, [name for name in names if is_data_name(name, endings)]


def is_data_name(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> bool:
    """Whether a name is not hidden and has one of the suffixes, by default of images."""
    return not name.startswith(".") and name.lower().endswith(suffixes)


def natural_key(text: str) -> tuple[list[str | int], str]:
    """A key that sorts names and paths so that numbers inside them count as numbers."""
    # re.split with a group returns text and digits in turn, so the same index has the same type.
    pieces = _DIGITS.split(text)
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], text


def number_of(path: PurePath | str) -> int | None:
    """The label in a name like `<label>_<index>.<ext>`; None for any other name."""
    match = _LABELLED.fullmatch(PurePath(path).stem)
    return int(match[1]) if match else None


def label_of(
    path: Path | str, classes: Sequence[str], numbered: Sequence[str] | None = None
) -> int | None:
    """The true label of a file, from the name of its folder or its own name; None without one.

    The folder counts if it has the name of a class, or a synonym of it (`car` for `automobile`).
    Otherwise a name like `<label>_<index>.<ext>` counts, if the label is below the number of
    classes. If the folder is named `train` or `test`, the name of the file counts first, because
    CIFAR-100 has a class `train`.

    path: the file; it is not read.
    classes: the names of the classes; the result is an index into them.
    numbered: the class names that the numbers in file names stand for; None if they are `classes`.
    """
    name = class_said(path, classes, numbered)
    return None if name is None else class_places([name], classes)[0]


def class_said(
    path: Path | str, classes: Sequence[str], numbered: Sequence[str] | None = None
) -> str | None:
    """The name of the class of a file, from its folder or its name, as `label_of` finds it."""
    folder, number = Path(path).absolute().parent.name, number_of(path)
    own = classes if numbered is None else numbered
    name = own[number] if number is not None and number < len(own) else None
    (place,) = class_places([folder], classes)
    if name is None or (place is not None and folder not in SPLITS):
        return None if place is None else folder
    return name


def kind_of(path: Path) -> Literal["file", "folder", "special"] | None:
    """The kind of a path: special is a device, a pipe or a socket; None if nothing is there.

    Raises: DataError where the system refuses to tell.
    """
    try:
        mode = path.stat().st_mode
        return "folder" if S_ISDIR(mode) else "file" if S_ISREG(mode) else "special"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"cannot look at {path}: {reason}") from error


def fixed_part(pattern: str) -> str:
    """The folders at the beginning of a pattern, before its first wildcard."""
    parts = pattern.split("/")
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return "/".join(parts[:first]) or ("/" if pattern.startswith("/") else "")


def files_that_match(pattern: Path) -> list[Path]:
    """The regular files that fit a pattern, in any order; `**` stands for any folders."""
    found = glob.glob(str(pattern), recursive=True)  # noqa: PTH207 (pathlib wants a folder first)
    return [one for one in map(Path, found) if kind_of(one) == "file"]


def expanded(path: Path | str) -> Path:
    """The path with `~` replaced by the home folder. Raises: UsageError where there is none."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{path}: there is no such home folder; give the path without ~") from None


def _unreadable(error: OSError) -> NoReturn:
    raise DataError(f"cannot look into {error.filename}: {error.strerror}") from error
