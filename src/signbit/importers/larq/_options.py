"""The options of Larq Compute Engine's own operators: a map of numbers, as a flexbuffer."""

from typing import Any

from signbit.errors import ConvertError
from signbit.importers.larq._file import damage_named


class Options:
    """Reads options by name.  place: the operator, for messages."""

    def __init__(self, content: Any, place: str):
        from flatbuffers import flexbuffers

        self._place = place
        with damage_named(f"{place}: options"):
            self._map = flexbuffers.GetRoot(content).AsMap

    def number(self, name: str, least: int, most: int) -> int:
        """A whole number. Raises: ConvertError where it is missing or out of range."""
        with damage_named(f"{self._place}: option {name!r}"):
            # The search of the reader compares keys; it does not walk through nested values.
            found = self._map[name]
            value = found.AsInt if found.IsInt else None
        if value is None or not least <= value <= most:
            shown = "no whole number" if value is None else str(value)
            raise ConvertError(
                f"{self._place}: option {name!r} is {shown}; {least} to {most} is allowed"
            )
        return value
