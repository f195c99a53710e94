"""Read the files of a part, from this machine or through fsspec."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from signbit.data._tar import MAX_IMAGE_BYTES, too_large
from signbit.errors import DataError, first_line
from signbit.files import read_regular, remove_leftovers, temporary_folder
from signbit.scoring.parts.source import Part, file_system

_OF_THE_FILE = (errno.EFBIG, errno.EINVAL, errno.EACCES, errno.EISDIR)


class UnreachableError(Exception):
    """A file cannot be read at the moment. Its part has no result, and can be tried again."""


class Store:
    """The files of a part."""

    def __init__(self, part: Part):
        self._folder = part.folder
        self._system: Any = file_system(part.url)[0] if part.url else None

    def content(self, name: str, size: int | None) -> bytes:
        """The bytes of a file, at most MAX_IMAGE_BYTES.

        size: its size when the parts were made; None if that is not known.

        Raises: DataError where the file itself is wrong; UnreachableError where it cannot be read.
        """
        if size is not None and size > MAX_IMAGE_BYTES:
            raise too_large(size)
        content = self._local(name) if self._system is None else self._remote(name)
        if size is not None and len(content) != size:
            raise _changed(name, len(content), size)
        return content

    @contextmanager
    def path(self, name: str, size: int | None) -> Iterator[Path]:
        """A local path for a file. A file of another machine is copied here while the body runs.

        Raises: UnreachableError.
        """
        if self._system is None:
            path = Path(self._folder, name)
            _check_size(path, name, size)
            yield path
            return
        parent = Path(tempfile.gettempdir())
        remove_leftovers(parent)  # of workers that were killed
        with temporary_folder(parent) as folder:
            path = folder / f"shard{Path(name).suffix.lower()}"
            try:
                self._system.get_file(self._where(name), str(path))
            except Exception as error:  # each file system has errors of its own
                raise _unreachable(name, first_line(error)) from error
            _check_size(path, name, size)
            yield path

    def _local(self, name: str) -> bytes:
        try:
            return read_regular(Path(self._folder, name), MAX_IMAGE_BYTES)
        except OSError as error:
            if error.errno in _OF_THE_FILE:
                raise DataError(error.strerror) from error
            raise _unreachable(name, error.strerror) from error

    def _remote(self, name: str) -> bytes:
        try:
            # The read is bounded, so that no file fills the memory.
            content = self._system.cat_file(self._where(name), start=0, end=MAX_IMAGE_BYTES + 1)
        except Exception as error:
            raise _unreachable(name, first_line(error)) from error
        if len(content) > MAX_IMAGE_BYTES:
            raise too_large(len(content))
        return content

    def _where(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}" if self._folder else name


def _check_size(path: Path, name: str, size: int | None) -> None:
    try:
        found = path.stat().st_size
    except OSError as error:
        raise _unreachable(name, error.strerror) from error
    if size is not None and found != size:
        raise _changed(name, found, size)


def _changed(name: str, found: int, size: int) -> UnreachableError:
    return UnreachableError(
        f"{name} has {found} bytes, and had {size} when the files were listed; it was cut short or "
        "changed"
    )


def _unreachable(name: str, reason: str | None) -> UnreachableError:
    return UnreachableError(f"cannot read {name}: {reason}")
