"""Make a process of Linux behave like one of Windows, as far as files and locks go.

Import what does not belong to this package first: other libraries look at the system, too.
"""

import fcntl
import os
import shutil
import signal
import sys
import sysconfig
import types
from contextlib import suppress
from pathlib import Path
from typing import Any

# What Python has on Linux, but not on Windows.
_MISSING = {
    os: "O_NONBLOCK O_CLOEXEC O_NOCTTY O_DIRECTORY O_NOFOLLOW fchmod register_at_fork fork "
    "sched_getaffinity uname pread getuid",
    signal: "SIGHUP SIGKILL SIGUSR1",
}
_MODULES = ("fcntl", "grp", "pwd", "resource", "termios")


def simulate() -> None:
    """Change this process for good."""
    sysconfig.get_config_vars()  # Python looks for a file of this system, once
    sys.platform = "win32"
    for module, names in _MISSING.items():
        for name in names.split():
            delattr(module, name)
    for name in _MODULES:
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    sys.modules["msvcrt"] = _msvcrt()
    _refuse_open_files()


def _msvcrt() -> types.ModuleType:
    """Locks of Windows, by those of Linux: the system refuses what another process has locked."""
    module: Any = types.ModuleType("msvcrt")

    def locking(handle: int, mode: int, count: int) -> None:
        assert (mode, count) == (module.LK_NBLCK, 1)
        # Others could not read a locked byte.
        assert os.lseek(handle, 0, os.SEEK_CUR) > os.fstat(handle).st_size
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None

    module.LK_NBLCK, module.locking = 2, locking
    return module


def _refuse_open_files() -> None:
    """Windows neither moves nor deletes a file that is open, and opens no folder like a file."""
    unlink, replace, open_ = os.unlink, os.replace, os.open

    def closed(path: Any) -> Path:
        path = Path(path)
        for handle in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(handle.stat(), path.lstat()):
                    raise PermissionError(13, "The file is in use by another process", str(path))
        return path

    def open_file(path: str | os.PathLike[str], *arguments: Any, **options: Any) -> int:
        if Path(path).is_dir():
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, *arguments, **options)

    os.unlink = lambda path, **options: unlink(closed(path), **options)
    os.replace = lambda source, target, **options: replace(closed(source), target, **options)
    os.open = open_file
    shutil.__dict__["_use_fd_functions"] = False  # it would open folders
