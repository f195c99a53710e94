"""Read members of tar shards. Every size is bounded, and no name in a shard is used as a path."""

import io
import os
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from signbit.errors import DataError, first_line

MAX_IMAGE_BYTES = 1 << 28
BLOCK = 512
_PIECE = 1 << 20
_DAMAGE = (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError)
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def members(file: BinaryIO, name: str) -> Iterator[tarfile.TarInfo]:
    """Each member that is not a folder, in the order of the shard. Only headers are read.

    name: the name of the shard, for messages.

    Raises: DataError where the shard is compressed, ends early or is damaged.
    """
    _refuse_compressed(file, name)
    try:
        with tarfile.open(fileobj=_Bounded(file), mode="r:") as archive:
            # tarfile keeps all headers that it has read. That list would fill the memory.
            known: list[tarfile.TarInfo] = vars(archive)["members"]
            while (member := archive.next()) is not None:
                known.clear()
                if not member.isdir():
                    yield member
            _require_end(file, archive.offset, name)
    except _DAMAGE as error:
        raise damaged(name, first_line(error)) from error


def content(file: BinaryIO, member: tarfile.TarInfo, most: int = MAX_IMAGE_BYTES) -> bytes:
    """The bytes of a member. Raises: as `require_file`; DataError where the shard ends early."""
    require_file(member, most)
    found = os.pread(file.fileno(), member.size, member.offset_data)
    if len(found) != member.size:
        raise DataError(f"{len(found)} bytes instead of {member.size}; the shard ends early")
    return found


def require_file(member: tarfile.TarInfo, most: int) -> None:
    """Raises: DataError for a member that is not a file, or has more than `most` bytes."""
    if not member.isreg() or member.issparse():
        raise DataError("a link, a device or a sparse file; write the file itself into the shard")
    if member.size > most:
        raise too_large(member.size, most)


def too_large(size: int, most: int = MAX_IMAGE_BYTES) -> DataError:
    """The error for a file that is too large."""
    return DataError(f"{size} bytes; images of at most {most} bytes are allowed")


def shown_name(name: str) -> str:
    """The name of a file as text for a table. Bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def damaged(name: str, reason: str) -> DataError:
    """The error for a shard that cannot be read to its end."""
    return DataError(f"{name}: damaged tar shard: {reason}; fetch or write it again")


def _refuse_compressed(file: BinaryIO, name: str) -> None:
    start = os.pread(file.fileno(), 6, 0)
    kind = next((kind for magic, kind in _COMPRESSED.items() if start.startswith(magic)), None)
    if kind is not None:
        raise DataError(f"{name} is compressed ({kind}); unpack it to a plain tar file")


def _require_end(file: BinaryIO, offset: int, name: str) -> None:
    """Raises: DataError unless only zeros, the end of an archive, follow the last member."""
    file.seek(offset)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise damaged(name, f"it ends early, after byte {offset + len(block)}")
    if any(block):
        raise damaged(name, f"no header at byte {offset}")
    while piece := file.read(_PIECE):
        if any(piece):
            raise damaged(name, f"bytes follow the end of the archive at byte {offset}")


class _Bounded(io.RawIOBase):
    """A file that returns each byte about once, in small pieces.

    tarfile trusts the sizes in headers, and a damaged header could make it read any amount.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._left = 2 * os.fstat(file.fileno()).st_size + _PIECE

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= min(_PIECE, self._left):
            raise tarfile.ReadError(f"a header asks for {size} bytes")
        self._left -= size + 1
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
