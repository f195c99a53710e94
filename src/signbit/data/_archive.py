"""Extract the expected files from a tar archive."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from signbit.errors import DataError
from signbit.files import atomic_write, open_regular

_BLOCK = 512
_CHUNK_BYTES = 2**18
# For headers, padding and readme files next to the expected files.
_MAX_OTHER_BYTES = 2**24
_FILE_KINDS = (b"0", b"\0")


def extract(archive: Path, folder: str, sizes: Mapping[str, int], into: Path) -> None:
    """Write the members `folder/<name>` of a .tar.gz archive to `into`.

    Each file appears whole or not at all.

    sizes: as in `members`.
    Raises: the errors of `members`; OutputError where a file cannot be written.
    """
    for name, content in members(archive, folder, sizes, list(sizes)):
        atomic_write(into / name, content)


def members(
    archive: Path, folder: str, sizes: Mapping[str, int], wanted: list[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of the members `folder/<name>` of a .tar.gz archive.

    Only regular files with wanted names are read, and only up to the bytes in `sizes`. All other
    members are skipped, so no name in the archive decides where a file is written. The archive is
    read to its end, because its checksum is there. It must not unpack to more bytes than the sum of
    the sizes, plus some for headers.

    sizes: the largest allowed size of each file of the archive, wanted or not, in bytes.

    Raises: DataError where a member is missing, is not a file or is too large, and where the
        archive is damaged or unpacks to more.
    """
    missing = set(wanted)
    try:
        with open_regular(archive) as file, gzip.GzipFile(fileobj=file) as unpacked:
            tar = _Tar(unpacked, sum(sizes.values()) + _MAX_OTHER_BYTES)
            while header := tar.header():
                parent, _, name = header.name.rpartition("/")
                if parent.removeprefix("./") != folder or name not in missing:
                    tar.skip(header.size)
                    continue
                if header.kind not in _FILE_KINDS or header.size > sizes[name]:
                    raise DataError(
                        f"{archive}: {header.name} is not a file of at most {sizes[name]} bytes"
                    )
                missing.remove(name)
                yield name, tar.read(header.size)
            tar.skip_rest()
    except (EOFError, ValueError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{archive}: damaged archive: {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {archive}: {error.strerror}") from error
    if missing:
        raise DataError(f"{archive}: does not contain {folder}/{', '.join(sorted(missing))}")


@dataclass(frozen=True)
class _Header:
    """The header before the bytes of a member."""

    name: str
    size: int
    kind: bytes


@dataclass
class _Tar:
    """A tar archive, read from the beginning to the end, but at most `left` bytes.

    Python's own reader trusts the sizes in the headers of long names, and some of its versions loop
    for ever where such a size is negative. The names that are wanted here are short.
    """

    file: gzip.GzipFile
    left: int

    def header(self) -> _Header | None:
        """The next header; None at the end. Raises: ValueError for a damaged header."""
        block = self.read(_BLOCK)
        if not block.strip(b"\0"):
            return None
        if sum(block) - sum(block[148:156]) + 8 * ord(" ") != _octal(block[148:156]):
            raise ValueError("a header has a wrong checksum")
        name, prefix = (_text(block[start:end]) for start, end in ((0, 100), (345, 500)))
        ustar = block[257:263] == b"ustar\0"  # GNU's format has other fields in place of the prefix
        whole = f"{prefix}/{name}" if ustar and prefix else name
        return _Header(whole.rstrip("/"), _octal(block[124:136]), block[156:157])

    def read(self, size: int) -> bytes:
        """The next `size` bytes. The padding after them is skipped."""
        return b"".join(self._chunks(size))

    def skip(self, size: int) -> None:
        """Skip `size` bytes and the padding after them."""
        for _ in self._chunks(size):
            pass

    def skip_rest(self) -> None:
        """Read everything after the last member, since gzip checks the checksum at the end."""
        while chunk := self.file.read(_CHUNK_BYTES):
            self.left -= len(chunk)
            if self.left < 0:
                raise ValueError("it unpacks to more than the data set has")

    def _chunks(self, size: int) -> Iterator[bytes]:
        padded = -(-size // _BLOCK) * _BLOCK
        if padded > self.left:
            raise ValueError("it unpacks to more than the data set has")
        self.left -= padded
        while padded > 0:
            chunk = self.file.read(min(_CHUNK_BYTES, padded))
            if not chunk:
                raise EOFError("it is cut off")
            padded -= len(chunk)
            yield chunk[:size]
            size -= min(size, len(chunk))


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not all(digit in b"01234567" for digit in digits):
        raise ValueError("a header has a size that is not an octal number")
    return int(digits or b"0", 8)
