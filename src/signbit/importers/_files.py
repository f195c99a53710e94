"""Read the files of other tools."""

from pathlib import Path

from signbit.errors import ConvertError, printable
from signbit.files import read_regular


def read_file(file: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes. Raises: ConvertError with the reason."""
    try:
        return read_regular(file, most)
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or str(error))
        raise ConvertError(f"{file}: cannot be read: {reason}") from error
