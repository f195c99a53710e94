"""A file that lists the inputs and outputs of a user's own network."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from signbit.errors import UsageError

if TYPE_CHECKING:
    from signbit.format import Input
    from signbit.pack import OutputSpec


def read_signature(path: Path) -> "tuple[list[Input], list[OutputSpec] | None]":
    """The inputs and outputs that a YAML file lists; None where it lists no outputs.

    Raises: UsageError naming the file, the input or output, and the field.
    """
    from signbit.format import Input
    from signbit.format.checks import fields_of
    from signbit.format.types import shown
    from signbit.pack import OutputSpec
    from signbit.yaml_file import read_yaml

    place = f"--signature {path}"
    values = fields_of(place, read_yaml(path, place), ("inputs",), ("inputs", "outputs"))
    for name, value in values.items():
        if not isinstance(value, list) or not value:
            raise UsageError(
                f"{place}: {name} is {shown(value)}; give a list with an entry for each"
            )
    try:
        inputs = [Input.from_dict(*one) for one in _numbered(values["inputs"])]
        if "outputs" not in values:
            return inputs, None
        return inputs, [OutputSpec.from_dict(*one) for one in _numbered(values["outputs"])]
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error


def _numbered(values: list[Any]) -> list[tuple[Any, int]]:
    return [(value, number) for number, value in enumerate(values, 1)]
