"""Read only regular files. Write files so that a reader sees either the old or the new content."""

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

# A leftover file is hidden, so that nobody takes it for a result. The name shows that it is ours,
# so that it may be deleted.
_PREFIX = ".signbit-"
_TEMPORARY = f"{_PREFIX}*.tmp*"
_PIECE = 1 << 20
_STREAMS = ("/dev/std", "/dev/fd/", "/proc/self/fd/")


class BinaryReader(Protocol):
    """Any object that can be read like a file that is open with mode "rb"."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes. At the end of the file the result is empty."""
        ...


def open_flags(*names: str) -> int:
    """The flags of `os.open` with these names; a flag that the system does not have is 0."""
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading. A pipe, socket or device is refused without waiting for it.

    Raises: OSError, whose `strerror` gives the reason.
    """
    # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
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

    Raises: OSError, whose `strerror` says that the file is larger, or that it is not a file.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > most else read_at_most(file, most, size)
    if size > most or len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    return content


def read_at_most(file: BinaryReader, most: int, expected: int = 0) -> bytes:
    """The rest of a file, up to `most` + 1 bytes. A result of `most` + 1 bytes is cut short.

    expected: the probable number of bytes. One call reads no more than that, because Python
        allocates memory for the whole number before it reads.

    Raises: InputTypeError where the file returns no bytes, such as a file that is open as text.
    """
    pieces: list[bytes] = []
    size = 0
    while size <= most:
        piece = file.read(min(max(_PIECE, expected + 1), most + 1 - size))
        if not isinstance(piece, bytes):
            raise InputTypeError(
                f"the file returns {type(piece).__name__}, not bytes; open it with mode 'rb'"
            )
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


@contextmanager
def atomic_path(path: Path | str, *, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path next to `path`, and move that file to `path` after a normal exit.

    After any error, the temporary file is removed, and `path` stays as it was. The new file has the
    permissions of the file that it replaces. If `path` is a symbolic link, the file that it points
    to is replaced, and the link stays. A device or pipe, such as /dev/stdout, is written to, and
    never replaced.

    flush: flush the file to disk before the move. Then even a power cut leaves either the old or
        the new file. For many small files, the flush takes far longer than the writing.

    Raises: OutputError naming the path and the reason that the system gives.
    """
    path = Path(path)
    temporary: Path | None = None
    handle: int | None = None
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
        # Standard output may be redirected to a file that already contains other text.
        special |= str(path).startswith(_STREAMS)
        final = Path(os.path.realpath(path))
        folder = None if special else final.parent
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.gettempdir()) if folder is None else folder
        # The name is set before the file exists, because a signal may raise an error at any line.
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
            f"cannot write {path}: {reason}. A file that was there is unchanged; free space, or "
            "choose another place."
        ) from error
    finally:
        if handle is not None:
            os.close(handle)
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def atomic_write(path: Path | str, content: bytes | str, *, flush: bool = True) -> None:
    """Write `content` to `path` through `atomic_path`. Text is UTF-8. Raises: OutputError."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, flush=flush) as temporary:
        temporary.write_bytes(data)


def _lock(handle: int) -> None:
    """Mark the file as in use for `remove_leftovers`. The lock ends when the process ends."""
    if sys.platform == "win32":  # which deletes no open file
        return
    with suppress(OSError):  # some network file systems have no locks
        try_lock(handle)


def _create(path: Path) -> tuple[int, int]:
    """A new open file that only its owner can read, and the permissions of ordinary new files.

    The permissions are those that the system gives a new file. Reading the umask would change it
    for all threads for a moment.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | open_flags("O_BINARY"), 0o666)
    mode = stat.S_IMODE(os.fstat(handle).st_mode)
    if sys.platform != "win32":
        os.fchmod(handle, 0o600)
    return handle, mode


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent` that only its owner can read.

    The folder is removed at the end, if it is still there.

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
    """The permissions of a new folder in `parent`. One is made and removed to find them."""
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
    # Links are resolved before. A link at this point leads to itself.
    return found & 0o777 if stat.S_ISREG(found) else new


def is_temporary(name: str) -> bool:
    """Whether a name is one that `atomic_path` and `temporary_folder` use."""
    return fnmatch(name, _TEMPORARY)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files and folders that a killed process left in `folder`.

    Files that another process still writes stay, because that process holds their locks. Files that
    cannot be deleted also stay; they do no harm. On Windows, folders stay, because nothing shows
    whether one is in use.
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
