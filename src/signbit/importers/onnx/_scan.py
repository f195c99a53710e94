"""Check a protobuf message before it is parsed: its text, and how many fields it has.

The parser accepts text that is not UTF-8. An empty message needs two bytes in a file, but more than
a hundred in memory. So a small file could fill the memory of the machine, if its fields were not
counted first.
"""

from pathlib import Path
from typing import Any

from signbit.errors import ConvertError

# The largest known networks have some 10,000 operators, with about 20 fields each.
_MOST_FIELDS = 1 << 20
_DEEPEST = 32
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def require_sound(path: Path, content: bytes, schema: Any) -> None:
    """Walk through a message and those in it, by a schema of protobuf.

    schema: the descriptor of the message.

    Raises: ConvertError for more than 2^20 fields, for messages that are nested more than 32 deep,
        and where the bytes are not a message, or its text is not UTF-8.
    """
    left = _MOST_FIELDS
    waiting = [(0, len(content), schema, 0)]
    while waiting:
        place, end, message, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ConvertError(f"{path}: its messages are nested more than {_DEEPEST} deep")
        inner, texts = _messages_of(message), _texts_of(message)
        while place < end:
            left -= 1
            if left < 0:
                raise ConvertError(f"{path}: more than {_MOST_FIELDS} fields")
            start, place, number = _field(path, content, place, end)
            if start is not None and number in inner:
                waiting.append((start, place, inner[number], depth + 1))
            elif start is not None and number in texts:
                _require_text(path, content[start:place], start)


def _messages_of(message: Any) -> dict[int, Any]:
    """The descriptors of the fields that are messages themselves, by the number of the field."""
    found = message.fields_by_number.items()
    return {number: field.message_type for number, field in found if field.message_type is not None}


def _texts_of(message: Any) -> set[int]:
    """The numbers of the fields with text."""
    found = message.fields_by_number.items()
    return {number for number, field in found if field.type == field.TYPE_STRING}


def _require_text(path: Path, content: bytes, place: int) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged(path, place) from error


def _field(path: Path, content: bytes, place: int, end: int) -> tuple[int | None, int, int]:
    """Where the bytes of a field begin, None for a number; where it ends; its number."""
    key, place = _varint(path, content, place, end)
    kind, start = key & 7, None
    if kind == _VARINT:
        _, place = _varint(path, content, place, end)
    elif kind in (_FIXED_64, _FIXED_32):
        place += 8 if kind == _FIXED_64 else 4
    elif kind == _BYTES:
        length, start = _varint(path, content, place, end)
        place = start + length
    else:
        raise _damaged(path, place)
    if place > end:
        raise _damaged(path, place)
    return start, place, key >> 3


def _varint(path: Path, content: bytes, place: int, end: int) -> tuple[int, int]:
    """A number of at most ten bytes, and the place after it."""
    value = shift = 0
    while place < end and shift < 70:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise _damaged(path, place)


def _damaged(path: Path, place: int) -> ConvertError:
    return ConvertError(f"{path}: damaged, or not an ONNX file: byte {place} is no part of one")
