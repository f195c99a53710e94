"""Write files so that a reader sees the old content or the new, never a part."""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path

from signbit.errors import OutputError

# Hidden, so that no reader takes a leftover for a result; ours, so that it may be deleted.
_PREFIX = ".signbit-"
_TEMPORARY = f"{_PREFIX}*.tmp*"
_STREAMS = ("/dev/std", "/dev/fd/", "/proc/self/fd/")


@contextmanager
def atomic_path(path: Path | str, *, flush: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; a normal exit moves it into place.

    On any error the temporary file is removed and `path` stays as it was. A file that is
    replaced hands on its permissions. A symbolic link stays one: the file that it points to is
    replaced. A device or pipe, such as /dev/stdout, is written to, never replaced.

    flush: to disk before the move, so that a power cut too leaves the old file or the new one;
        for many small files that takes far longer than the writing.

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
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=f".tmp{path.suffix}", dir=folder)
        temporary = Path(name)
        _lock(handle)
        yield temporary
        if special:
            with path.open("ab") as stream:
                stream.write(temporary.read_bytes())
        else:
            _move(temporary, final, flush)
            temporary = None
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write {path}: {reason}. Whatever was there is unchanged; "
            "free space or choose another place."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


def atomic_write(path: Path | str, content: bytes | str, *, flush: bool = True) -> None:
    """Write `content` to `path` as `atomic_path` does; text is UTF-8. Raises: OutputError."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, flush=flush) as temporary:
        temporary.write_bytes(data)


def _lock(handle: int) -> None:
    """Tell `remove_leftovers` that the file is in use; a process that dies lets go of it."""
    with suppress(OSError):  # some network file systems know no locks
        fcntl.flock(handle, fcntl.LOCK_EX)


def _move(temporary: Path, path: Path, flush: bool) -> None:
    if flush:
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
    temporary.chmod(_mode_for(path))
    temporary.replace(path)


def _mode_for(path: Path) -> int:
    """The permissions of the file that is replaced; those of a new file where there is none."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        found = 0
    # A link is left here only where it leads to itself.
    return found & 0o777 if stat.S_ISREG(found) else 0o666 & ~_umask()


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that `atomic_path` is writing, or a leftover of it."""
    return fnmatch(name, _TEMPORARY)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left in `folder`, none still in use."""
    for leftover in folder.glob(_TEMPORARY):
        # Its writer holds the lock, or somebody else was quicker; what stays does no harm.
        with suppress(OSError), leftover.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
