"""Read regular files alone, and write so that a reader sees the old content or the new."""

import errno
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO, Protocol

from signbit.errors import InputTypeError, OutputError
from signbit.file_locks import try_lock

# Hidden, so that no reader takes a leftover for a result; ours, so that it may be deleted.
_PREFIX = ".signbit-"
_TEMPORARY = f"{_PREFIX}*.tmp*"
_PIECE = 1 << 20
_STREAMS = ("/dev/std", "/dev/fd/", "/proc/self/fd/")


class BinaryReader(Protocol):
    """Anything that is read like a file opened with "rb"."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


def open_flags(*names: str) -> int:
    """The flags of `os.open` with these names; a flag that the system does not have is 0."""
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading; a pipe, socket or device is refused, never waited for.

    Raises: OSError, whose `strerror` says what else is there.
    """
    # Opening a pipe blocks until somebody writes to it, unless told not to.
    handle = os.open(path, os.O_RDONLY | open_flags("O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a device or pipe, not a file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_regular(path: Path | str, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises: OSError, whose `strerror` says that it is larger, or something else than a file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most else read_at_most(file, most, size)
    if size > most or len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return content


def read_at_most(file: BinaryReader, most: int, expected: int = 0) -> bytes:
    """What is left of a file; `most` + 1 bytes mean that there is more.

    expected: how many bytes there probably are. Only so many are asked for at once: Python takes
        the memory for all that it is asked for before it reads.

    Raises: InputTypeError where the file gives no bytes, as one that is open as text.
    """
    pieces: list[bytes] = []
    size = 0
    while size <= most:
        piece = file.read(min(max(_PIECE, expected + 1), most + 1 - size))
        if not isinstance(piece, bytes):
            raise InputTypeError(
                f"the file gives {type(piece).__name__}, not bytes; open it with mode 'rb'"
            )
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


@contextmanager
def atomic_path(path: Path | str, *, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `path`; a normal exit moves it into place.

    On any error the temporary file is removed and `path` stays as it was. A file that is
    replaced hands on its permissions. A symbolic link stays one: the file that it points to is
    replaced. A device or pipe, such as /dev/stdout, is written to, never replaced.

    flush: to disk before the move. Then a power cut, too, leaves the old file or the new one.
        For many small files the flush takes far longer than the writing.

    Raises: OutputError naming the path and the system's reason.
    """
    path = Path(path)
    temporary: Path | None = None
    handle: int | None = None
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
        # Standard output may be sent to a file, which has text before ours in it.
        special |= str(path).startswith(_STREAMS)
        final = Path(os.path.realpath(path))
        folder = None if special else final.parent
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.gettempdir()) if folder is None else folder
        # Before it is there: a signal may raise at any line.
        temporary = place / f"{_PREFIX}{secrets.token_hex(8)}.tmp{path.suffix}"
        handle, mode = _create(temporary)
        _lock(handle)
        yield temporary
        if special:
            with path.open("ab") as stream:
                stream.write(temporary.read_bytes())
        else:
            if sys.platform == "win32":  # which does not move a file that is open
                os.close(handle)
                handle = None
            _move(temporary, final, mode, flush)
            temporary = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write {path}: {reason}. Whatever was there is unchanged; "
            "free space or choose another place."
        ) from error
    finally:
        if handle is not None:
            os.close(handle)
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path | str, content: bytes | str, *, flush: bool = True) -> None:
    """Write `content` to `path` as `atomic_path` does; text is UTF-8. Raises: OutputError."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, flush=flush) as temporary:
        temporary.write_bytes(data)


def _lock(handle: int) -> None:
    """Tell `remove_leftovers` that the file is in use; a process that dies lets go of it."""
    if sys.platform == "win32":  # which deletes no file that is open
        return
    with suppress(OSError):  # some network file systems know no locks
        try_lock(handle)


def _create(path: Path) -> tuple[int, int]:
    """A new file for its owner alone, open, and the permissions that others' new files have here.

    The system is asked for those: looking at the umask would change it for all threads.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | open_flags("O_BINARY"), 0o666)
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if sys.platform != "win32":
        os.fchmod(handle, 0o600)
    return handle, mode


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent`, for its owner alone.

    It is removed at the end if it is still there.

    Raises: OSError where it cannot be made.
    """
    path = parent / f"{_PREFIX}{secrets.token_hex(8)}.tmp"
    handle: int | None = None
    try:
        path.mkdir(0o700)
        if sys.platform != "win32":  # which opens no folders
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            _lock(handle)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def mode_of_new_folder(parent: Path) -> int:
    """The permissions that a new folder in `parent` gets, found by making one."""
    probe = parent / f"{_PREFIX}{secrets.token_hex(8)}.tmp"
    probe.mkdir()
    try:
        return stat.S_IMODE(probe.stat().st_mode)
    finally:
        probe.rmdir()


def _move(temporary: Path, path: Path, mode: int, flush: bool) -> None:
    if flush:
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
    temporary.chmod(_replaced_mode(path, mode))
    temporary.replace(path)


def _replaced_mode(path: Path, new: int) -> int:
    """The permissions of the file that is replaced; `new` where there is none."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return new
    # A link is left here only where it leads to itself.
    return found & 0o777 if stat.S_ISREG(found) else new


def is_temporary(name: str) -> bool:
    """Whether `atomic_path` and `temporary_folder` give such names to what they write."""
    return fnmatch(name, _TEMPORARY)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files and folders that a killed process left in `folder`.

    What another process still writes stays: its writer holds the lock. So does what cannot be
    deleted; it does no harm. On Windows, folders stay: nothing shows whether one is in use.
    """
    for leftover in folder.glob(_TEMPORARY):
        with suppress(OSError):
            if sys.platform == "win32":
                leftover.unlink()
            elif leftover.is_dir():
                _remove_folder(leftover)
            else:
                with open_regular(leftover) as file:
                    try_lock(file.fileno())
                    leftover.unlink()


def _remove_folder(leftover: Path) -> None:
    handle = os.open(leftover, os.O_RDONLY | open_flags("O_DIRECTORY", "O_NOFOLLOW"))
    try:
        try_lock(handle)
        shutil.rmtree(leftover)
    finally:
        os.close(handle)
