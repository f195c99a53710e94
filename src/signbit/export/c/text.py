"""Numbers, arrays and structs as text of C."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

TYPES = {"u8": "uint8_t", "i32": "int32_t", "f32": "float", "bits": "uint32_t"}


def literal(value: int | float) -> str:
    """One number; a float in hexadecimal, which is exact."""
    if isinstance(value, int):
        # C has no literal for the least integer: 2147483648 with a minus sign does not fit an int.
        return str(value) if value != -(2**31) else "(-2147483647 - 1)"
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    digits, _, exponent = value.hex().partition("p")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits}p{exponent}f"


def _word(value: int) -> str:
    return f"0x{value:08x}u"


# For each type of element: its name in C, how one is written, and how many are in one line.
_ELEMENTS: dict[str, tuple[str, Callable[[Any], str], int]] = {
    "uint8": ("uint8_t", str, 20),
    "uint32": ("uint32_t", _word, 8),
    "int32": ("int32_t", literal, 10),
    "float32": ("float", literal, 5),
}


def array(name: str, values: NDArray[Any]) -> str:
    """A constant array of one or two axes."""
    kind = _ELEMENTS[values.dtype.name][0]
    sizes = "".join(f"[{size}]" for size in values.shape)
    return f"static const {kind} {name}{sizes} = {{\n{_rows(values)}}};\n"


def _rows(values: NDArray[Any]) -> str:
    if values.ndim > 1:
        return "".join(f"  {{\n{_rows(row)}  }},\n" for row in values)
    _, written, per_line = _ELEMENTS[values.dtype.name]
    texts = list(map(written, values.tolist()))
    starts = range(0, len(texts), per_line)
    return "".join(f"    {', '.join(texts[i : i + per_line])},\n" for i in starts)


def struct(kind: str, name: str, fields: Sequence[object]) -> str:
    """A constant struct; a field that is a list is a struct in it."""
    return f"static const struct {kind} {name} = {_braces(fields)};\n"


def _braces(fields: Sequence[object]) -> str:
    inner = (_braces(one) if isinstance(one, list | tuple) else str(one) for one in fields)
    return f"{{{', '.join(inner)}}}"


def text(value: str) -> str:
    """A string literal. Characters other than plain ASCII become their UTF-8 bytes, in octal."""
    characters = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in value.encode()
    )
    return f'"{"".join(characters)}"'
