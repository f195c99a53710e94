"""The sources that a packed network can be loaded from: a path, bytes, an open binary file."""

import io
import os
from typing import Any

from signbit.errors import InputTypeError, ModelFormatError
from signbit.files import BinaryReader, read_at_most, read_regular

_ACCEPTS = "accepts a path, bytes, a bytearray, a memoryview or an open binary file"


Source = str | os.PathLike[Any] | bytes | bytearray | memoryview | BinaryReader


def place_of(source: Source) -> str:
    """The name of a source in messages. Raises: InputTypeError for anything else."""
    if isinstance(source, bytes | bytearray | memoryview):
        return "<bytes>"
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        if "\0" in path:
            raise InputTypeError(f"loading {_ACCEPTS}; a str is a path, and the content is bytes")
        return path
    if not callable(getattr(source, "read", None)):
        raise InputTypeError(f"loading {_ACCEPTS}, not {type(source).__name__}")
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<file>"


def content_of(source: Source, most: int) -> bytes:
    """The content, at most `most` bytes. It does not change any more.

    Raises: ModelFormatError where it cannot be read or is longer. InputTypeError for a file that is
        open as text.
    """
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            size = source.nbytes if isinstance(source, memoryview) else len(source)
            if size > most:
                raise ModelFormatError(f"{size} bytes; at most {most} are allowed")
            return bytes(source)
        if isinstance(source, str | os.PathLike):
            return read_regular(os.fsdecode(source), most)
        content = read_at_most(source, most)
    except ModelFormatError:
        raise
    except io.UnsupportedOperation as error:
        raise ModelFormatError("cannot be read: it is not open for reading") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelFormatError(f"cannot be read: {reason}") from error
    if len(content) > most:
        raise ModelFormatError(f"more than {most} bytes")
    return content
