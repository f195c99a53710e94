"""Read and write YAML. Reading is safe for texts from anywhere, such as recipes and `--set`."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from signbit.errors import UsageError, printable
from signbit.files import read_regular

MAX_BYTES = 1 << 16
MAX_DEPTH = 16
# Settings are counts, rates and seeds. A longer number would fail later, in a computation.
_MAX_INTEGER = (1 << 63) - 1
_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_MAX_LETTERS = 100  # base 2 has 66, with its prefix


def read_yaml(path: Path | str, place: str) -> Any:
    """The values of a YAML file, under the rules of `parse_yaml`. Raises: UsageError."""
    try:
        text = read_regular(path, MAX_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or str(error))
        raise UsageError(f"{place}: cannot be read: {reason}") from error
    return parse_yaml(text, place)


def parse_yaml(text: str, place: str) -> Any:
    """The plain values of a YAML document: mappings, lists, numbers, texts, dates, null.

    `1:30` is read as a text; YAML 1.1 would read it as 90. These are refused: whole numbers with a
    leading 0, which YAML 1.1 would read to base 8; anchors, aliases, tags and merge keys; keys that
    occur twice; whole numbers of more than 64 bits; more than MAX_DEPTH levels; more than MAX_BYTES
    bytes. Without these rules, a short text could make the reader use any amount of memory.

    Raises: UsageError that begins with `place`.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise UsageError(f"{place}: {size} bytes of YAML; at most {MAX_BYTES} are allowed")
    try:
        return yaml.load(text, _Loader)
    except _RefusalError as error:
        raise UsageError(f"{place}: {_reason(error)}") from error
    # A date such as 2024-02-31, a number or a letter that does not exist is not a YAMLError.
    except (yaml.YAMLError, ValueError, ArithmeticError, RecursionError) as error:
        raise UsageError(f"{place}: not YAML: {_reason(error)}") from error


def dump_yaml(values: Any) -> str:
    """Plain values as a text that `parse_yaml` reads. Raises: UsageError if there is none."""
    text = yaml.dump(values, Dumper=_Dumper, sort_keys=False)
    parse_yaml(text, "settings cannot be written")
    return text


class _Dumper(yaml.SafeDumper):
    """Writes a value that occurs twice two times, without an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class _Loader(yaml.SafeLoader):
    """A SafeLoader whose work is bounded by the length of the text."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _refusal("anchors and aliases (&, *) are not allowed; write the value out", event)
        if getattr(event, "tag", None) is not None:
            raise _refusal("tags (!) are not allowed; write the plain value", event)
        if self._depth == MAX_DEPTH:
            raise _refusal(f"more than {MAX_DEPTH} levels of lists and mappings", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                raise _refusal("merge keys (<<) are not allowed; write the keys out", key_node)
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise _refusal("a key is a list or mapping; give a text or a number", key_node)
            if key in seen:
                raise _refusal(f"key {str(key)[:100]!r} occurs twice; remove one", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def construct_yaml_int(self, node: Any) -> int | str:
        if ":" in node.value:
            return node.value
        if _OCTAL.fullmatch(node.value):
            raise _refusal(
                f"the number {node.value[:_MAX_LETTERS]} begins with 0; write it without the 0, or "
                "in quotes",
                node,
            )
        if len(node.value) > _MAX_LETTERS:
            raise _refusal(
                f"a whole number of {len(node.value)} characters; at most 64 bits are allowed", node
            )
        value = super().construct_yaml_int(node)
        if abs(value) > _MAX_INTEGER:
            raise _refusal("a whole number of more than 64 bits; use a smaller number", node)
        return value

    def construct_yaml_float(self, node: Any) -> float | str:
        return node.value if ":" in node.value else super().construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


class _RefusalError(yaml.MarkedYAMLError):
    """Something that YAML allows, but that settings do not need."""


def _refusal(problem: str, where: Any) -> _RefusalError:
    return _RefusalError(problem=problem, problem_mark=where.start_mark)


def _reason(error: Exception) -> str:
    """The reason on one line. It begins with the line number in the YAML text, if that is known."""
    mark = getattr(error, "problem_mark", None)
    if not isinstance(error, yaml.MarkedYAMLError) or mark is None:
        return printable(" ".join(str(error).split()))
    context = f"{error.context}: " if error.context else ""
    return printable(f"line {mark.line + 1}: {context}{error.problem}")
