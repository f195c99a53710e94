"""The header of a safetensors file. It is known to be small before it is parsed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from signbit import strict_json

_LENGTH = 8


class Header(NamedTuple):
    """The metadata of a file, the unchecked entries of its tensors, and the byte where it ends."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, Any]
    end: int


def read_header(
    content: bytes,
    most_bytes: int,
    most_values: int = strict_json.MAX_VALUES,
    called: str = "header",
) -> Header:
    """Read a header with limits for its bytes and, roughly, for its JSON values.

    called: the name of the header in messages.

    Raises: ValueError, whose message is one line.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    if length > most_bytes:
        raise ValueError(f"its {called} has {length} bytes; at most {most_bytes} are allowed")
    end = _LENGTH + length
    if end > len(content):
        raise ValueError(f"it ends before its {called} does")
    try:
        table = strict_json.loads(content[_LENGTH:end], most_values=most_values)
    except ValueError as error:
        raise ValueError(f"its {called} is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise ValueError(f"its {called} is not a JSON object")
    metadata = table.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise ValueError("its '__metadata__' is not a JSON object")
    return Header(metadata, table, end)
