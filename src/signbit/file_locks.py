"""Locks of open files. A process that dies lets go of its locks."""

import sys

if sys.platform == "win32":
    import msvcrt
    import os

    # Windows keeps others from reading what is locked, so the locked byte is beyond any content.
    _LOCKED_BYTE = 1 << 30

    def try_lock(handle: int) -> None:
        """Lock an open file without waiting.

        Raises: BlockingIOError where another process holds the lock; OSError.
        """
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
        finally:
            os.lseek(handle, 0, os.SEEK_SET)

else:
    import fcntl

    def try_lock(handle: int) -> None:
        """Lock an open file or folder without waiting.

        Raises: BlockingIOError where another process holds the lock; OSError where the file system
            has no locks.
        """
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
