"""A lock, so that only one process at a time works in a folder."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from signbit import strict_json
from signbit.errors import OutputError, UsageError, printable
from signbit.file_locks import try_lock
from signbit.files import open_flags, read_regular
from signbit.progress import note

# The file is hidden. Its name is not like that of a temporary file, which would be deleted.
LOCK_FILE = ".lock"
_MOST_BYTES = 1 << 12
_held: set[int] = set()


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock a folder, and make it if it is missing. The lock ends with the body or the process.

    Folders that were made here are removed at the end if they are empty. Some file systems, such as
    NFS without a lock service, have no locks. Then a note on standard error says so, and the body
    runs without a lock.

    Raises: UsageError that names the process that holds the lock; OutputError where the folder
        cannot be written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        handle = _acquire(folder)
    except OSError as error:
        _remove_empty(made)
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write into {printable(str(folder))}: {reason}; choose another folder"
        ) from error
    _held.add(handle)
    try:
        yield
    finally:
        _held.discard(handle)
        _release(folder, handle)
        _remove_empty(made)


def _release(folder: Path, handle: int) -> None:
    """Delete the lock file and close it.

    It is deleted while it is still locked. A process that has opened it meanwhile then sees that
    the file in the folder is another one. Windows deletes no file that is open: there it is closed
    first, and stays where another process has opened it meanwhile.
    """
    if sys.platform == "win32":
        os.close(handle)
    with suppress(OSError):
        (folder / LOCK_FILE).unlink()
    if sys.platform != "win32":
        os.close(handle)


def _acquire(folder: Path) -> int:
    """The open lock file. Raises: UsageError where another process holds it; OSError."""
    path = folder / LOCK_FILE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Without O_NONBLOCK, opening a pipe of this name would wait.
            flags = os.O_RDWR | os.O_CREAT | open_flags("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY")
            handle = os.open(path, flags, 0o666)
        except FileNotFoundError:
            continue  # the process that held the lock has removed the folder
        try:
            _take(handle, folder)
            if _is_still(path, handle):
                os.ftruncate(handle, 0)
                os.write(handle, _holder_text().encode())
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _take(handle: int, folder: Path) -> None:
    try:
        try_lock(handle)
    except BlockingIOError:
        shown = printable(str(folder))
        raise UsageError(
            f"{shown} is in use by {_holder(folder)}; wait until it ends, stop it, or choose "
            "another folder"
        ) from None
    except OSError as error:
        note(
            f"{printable(str(folder))} cannot be locked ({error.strerror}); make sure that no "
            "other process writes there"
        )


def _is_still(path: Path, handle: int) -> bool:
    """Whether the open file is still the file of this name. On Windows it always is."""
    if sys.platform == "win32":
        return True
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder_text() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return json.dumps({"process": os.getpid(), "host": platform.node(), "since": since})


def _holder(folder: Path) -> str:
    """The process that holds the lock of a folder, as its lock file names it."""
    try:
        said = strict_json.loads(read_regular(folder / LOCK_FILE, _MOST_BYTES))
        text = f"process {said['process']} on {said['host']} since {said['since']}"
    # The file may be missing by this time, or may not be written yet.
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
    return printable(text)[:200]


def _remove_empty(folders: list[Path]) -> None:
    for place in folders:
        with suppress(OSError):
            place.rmdir()


def _let_go() -> None:
    """Release the lock in a child process, which would keep it after its parent was killed."""
    for handle in _held:
        os.close(handle)
    _held.clear()


if sys.platform != "win32":  # which has no fork
    os.register_at_fork(after_in_child=_let_go)
