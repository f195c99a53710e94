"""Write files so that a reader sees the old content or the new, never a part."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signbit.errors import OutputError

# Hidden, so that no reader takes a leftover for a result; ours, so that it may be deleted.
_PREFIX = ".signbit-"
_STREAMS = ("/dev/std", "/dev/fd/", "/proc/self/fd/")


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; a normal exit moves it into place.

    The content is flushed to disk before the move, so that a power cut leaves the old file
    or the new one. On any error the temporary file is removed and `path` stays as it was.
    A symbolic link stays one: the file that it points to is replaced. A device or pipe, such
    as /dev/stdout, is written to, never replaced.

    Raises: OutputError naming the path and the system's reason.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        special = path.exists() and not path.is_file() and not path.is_dir()
        # Standard output may be sent to a file, which has text before ours in it.
        special |= str(path).startswith(_STREAMS)
        final = Path(os.path.realpath(path))
        folder = None if special else final.parent
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=f".tmp{path.suffix}", dir=folder)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        if special:
            with path.open("ab") as stream:
                stream.write(temporary.read_bytes())
        else:
            _move(temporary, final)
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


def atomic_write(path: Path | str, content: bytes | str) -> None:
    """Write `content` to `path` at once; text is UTF-8. Raises: OutputError."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _move(temporary: Path, path: Path) -> None:
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o666 & ~_umask())
    temporary.replace(path)


def remove_leftovers(folder: Path) -> None:
    """Delete the temporary files that a killed process left in `folder`."""
    for leftover in folder.glob(f"{_PREFIX}*.tmp*"):
        leftover.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
