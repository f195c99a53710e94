"""Read JSON from files that others made: only unambiguous JSON, within bounds of size."""

import json
from collections.abc import Sequence
from typing import Any

MAX_VALUES = 1 << 18
MAX_DEPTH = 64
# Far more than any useful number has. The time to read a whole number grows with their square.
MAX_DIGITS = 1000


def loads(text: str | bytes, *, most_values: int = MAX_VALUES, from_python: bool = False) -> Any:
    """The value of a JSON text; bytes are UTF-8.

    These are refused, so that every reader finds the same value, and memory stays bounded: a text
    that is not JSON, an object with two equal keys, NaN, infinity and numbers too large for a
    float, halves of surrogate pairs, whole numbers of more than MAX_DIGITS digits, more than
    MAX_DEPTH objects and lists nested in one another, and more than `most_values` commas and
    opening brackets.

    from_python: also accept everything that `json.dumps` writes: the words NaN, Infinity and
        -Infinity, and halves of surrogate pairs, which occur in names of files that are not UTF-8.

    Raises: ValueError, whose message is one line.
    """
    if isinstance(text, bytes):
        text = text.decode()
    if sum(map(text.count, ",[{")) > most_values:
        raise ValueError(f"more than {most_values} values")
    try:
        value = (_PYTHONS if from_python else _DECODER).decode(text)
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(value)
    if not from_python and ("\\u" in text or not text.isascii()):
        # Raises UnicodeEncodeError, a ValueError, for a half of a pair. Whole pairs are one letter.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:60]!r} occurs twice in one object")
            seen.add(key)
    return found


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(
            f"a whole number of {len(digits)} digits; at most {MAX_DIGITS} digits are allowed"
        )
    return int(digits)


def _real(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), -float("inf")):
        raise ValueError(f"the number {digits[:60]} is too large")
    return number


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        lists = [one for one in level if type(one) is list]
        lists += [one.values() for one in level if type(one) is dict]
        level = [inner for one in lists for inner in one]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"more than {MAX_DEPTH} objects and lists nested in one another")


_PYTHONS = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole, parse_float=_real)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_real, parse_constant=_no_number
)
