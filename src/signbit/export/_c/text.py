"""Numbers, arrays and structs as C writes them."""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TEMPLATES = files("signbit.export") / "_c" / "templates"
TYPES = {"u8": "uint8_t", "i32": "int32_t", "f32": "float", "bits": "uint32_t"}


def template(file: str, **parts: object) -> str:
    """The text of a file of C, its words in capitals replaced by what stands for them.

    All at once, so that nothing is replaced in what was put in.
    """
    text = (_TEMPLATES / file).read_text(encoding="ascii")
    if not parts:
        return text
    words = "|".join(sorted(parts, key=len, reverse=True))
    return re.sub(words, lambda found: str(parts[found[0]]), text)


def literal(value: Any) -> str:
    """One number; a float in hexadecimal, which is exact."""
    if isinstance(value, np.uint32):
        return f"0x{value:08x}u"
    if not isinstance(value, (float, np.float32)):  # noqa: UP038 pyright knows no union with it
        # C has no literal for the least integer: this is a negated one that it cannot hold.
        return str(int(value)) if value != -(2**31) else "(-2147483647 - 1)"
    if np.isnan(value):
        return "NAN"
    if np.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    digits, _, exponent = float(value).hex().partition("p")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return f"{digits}p{exponent}f"


def array(name: str, values: NDArray[Any]) -> str:
    """A constant array of one axis, or two."""
    kinds = {"uint8": "uint8_t", "uint32": "uint32_t", "int32": "int32_t", "float32": "float"}
    sizes = "".join(f"[{size}]" for size in values.shape)
    return f"static const {kinds[values.dtype.name]} {name}{sizes} = {{\n{_rows(values)}}};\n"


def _rows(values: NDArray[Any]) -> str:
    if values.ndim > 1:
        return "".join(f"  {{\n{_rows(row)}  }},\n" for row in values)
    per_line = {"uint8": 20, "uint32": 8, "int32": 10, "float32": 5}[values.dtype.name]
    lines = []
    for start in range(0, len(values), per_line):
        lines.append(f"    {', '.join(map(literal, values[start : start + per_line]))},\n")
    return "".join(lines)


def struct(kind: str, name: str, fields: Sequence[object]) -> str:
    """A constant struct; a field that is a list is a struct in it."""
    return f"static const struct {kind} {name} = {_braces(fields)};\n"


def _braces(fields: Sequence[object]) -> str:
    inner = (_braces(one) if isinstance(one, list | tuple) else str(one) for one in fields)
    return f"{{{', '.join(inner)}}}"


def text(value: str) -> str:
    """A string literal. What is not plain ASCII is told by its UTF-8 bytes, in octal."""
    characters = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in value.encode()
    )
    return f'"{"".join(characters)}"'
