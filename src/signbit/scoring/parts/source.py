"""Divide the files of a source into parts. Only the names of the files decide the parts."""

import glob
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from signbit.data._files import (
    SUFFIXES,
    expanded,
    files_in,
    files_that_match,
    fixed_part,
    is_data_name,
    kind_of,
    natural_key,
)
from signbit.errors import DataError, MissingDependencyError, UsageError, first_line

IMAGES, PARQUET, TAR = "images", "parquet", "tar"
IMAGES_IN_PART = 1000
_KIND_OF = {".parquet": PARQUET, ".tar": TAR}
_ENDINGS = (*SUFFIXES, *_KIND_OF)

# The path in its folder, with slashes, and the size in bytes; None if the file system hides it.
File = tuple[str, int | None]


@dataclass(frozen=True)
class Part:
    """Files that are read together. Their results go into one file.

    number: the number of the part, from 0.
    kind: "images", "parquet" or "tar".
    url: the URL through which fsspec finds the file system; "" for files of this machine.
    folder: the folder that holds the files.
    files: pairs of path in the folder and size in bytes; None for a size that is not known.
    """

    number: int
    kind: str
    url: str
    folder: str
    files: Sequence[File]


def find_parts(source: str) -> list[Part]:
    """The parts of a source.

    A shard (.parquet or .tar) is one part. Image files are divided into parts of 1000, in natural
    order. Hidden files and other files are left out.

    source: a file, a folder, or a pattern with `*`, on this machine or as a URL for fsspec.

    Raises: DataError where the source does not exist, or holds files of several kinds; UsageError
        or MissingDependencyError where fsspec cannot open the URL.
    """
    url = source if "://" in source else ""
    folder, found = _find_url(source) if url else _find_local(source)
    kinds = Counter(_KIND_OF.get(PurePosixPath(name).suffix.lower(), IMAGES) for name, _ in found)
    if not kinds:
        raise DataError(
            f"{source} holds no image, .parquet or .tar file; give a folder or a pattern of such "
            "files"
        )
    if len(kinds) > 1:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        raise DataError(
            f"{source} holds files of several kinds ({counts}); choose one with a pattern in "
            "quotes, such as 'FOLDER/*.tar'"
        )
    (kind,) = kinds
    files = sorted(found, key=lambda file: natural_key(file[0]))
    size = IMAGES_IN_PART if kind == IMAGES else 1
    groups = [tuple(files[start : start + size]) for start in range(0, len(files), size)]
    return [Part(number, kind, url, folder, group) for number, group in enumerate(groups)]


def _find_local(source: str) -> tuple[str, list[File]]:
    path = expanded(source).absolute()
    kind = kind_of(path)
    if kind == "folder":
        return str(path), _sized(path, files_in(path, _ENDINGS))
    if kind == "file":
        return str(path.parent), _sized(path.parent, [path])
    if kind == "special":
        raise DataError(f"{source} is a device or pipe; give a file or a folder")
    if not glob.has_magic(str(path)):
        raise DataError(f"{source} does not exist; give a file, a folder or a URL")
    folder = Path(fixed_part(str(path)))
    inside = [one for one in files_that_match(path) if is_data_name(one.name, _ENDINGS)]
    return str(folder), _sized(folder, inside)


def _sized(folder: Path, paths: Iterable[Path]) -> list[File]:
    try:
        return [(one.relative_to(folder).as_posix(), one.stat().st_size) for one in paths]
    except OSError as error:
        raise DataError(f"cannot look at {error.filename}: {error.strerror}") from error


def _find_url(source: str) -> tuple[str, list[File]]:
    system, path = file_system(source)
    try:
        if glob.has_magic(path):
            folder, found = fixed_part(path), system.glob(path, detail=True)
        elif system.isdir(path):
            folder, found = path.rstrip("/"), system.find(path, detail=True)
        else:
            folder, found = path.rpartition("/")[0], {path: system.info(path)}
    except FileNotFoundError:
        raise DataError(f"{source} does not exist; give a file, a folder or a URL") from None
    except Exception as error:  # each file system has errors of its own
        raise DataError(f"cannot look at {source}: {first_line(error)}") from error
    files = [(_inside(name, folder), info) for name, info in found.items()]
    return folder, [
        (name, info.get("size"))
        for name, info in files
        if info.get("type") == "file" and _is_wanted(name)
    ]


def file_system(url: str) -> tuple[Any, str]:
    """The file system of fsspec for a URL, and the path in it.

    Raises: MissingDependencyError where fsspec, or a package that it needs, is missing; UsageError
        for an unknown kind of URL.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError(
            f"{url} needs fsspec: pip install 'signbit[ray]', or fsspec alone"
        ) from error
    try:
        return url_to_fs(url)
    except ImportError as error:
        raise MissingDependencyError(f"{url}: {first_line(error)}") from error
    except Exception as error:
        raise UsageError(f"{url}: {first_line(error)}; give a URL that fsspec knows") from error


def _inside(path: str, folder: str) -> str:
    return path.removeprefix(folder).lstrip("/")


def _is_wanted(name: str) -> bool:
    *folders, last = name.split("/")
    return is_data_name(last, _ENDINGS) and not any(one.startswith(".") for one in folders)
