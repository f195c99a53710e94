"""From the module of a file to a packed network."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from signbit.errors import ConvertError, ModelFormatError, PackError, UsageError
from signbit.format import Input, PackedModel
from signbit.format.signature import MAX_NAME, NUMBERS
from signbit.importers._graph import Graph
from signbit.importers._interface import Given
from signbit.pack import OutputSpec, pack


def packed(
    path: Path,
    graph: Graph,
    inputs: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    given: Given,
    importer: str,
    names: Mapping[str, str] | None = None,
    info: Mapping[str, str] | None = None,
) -> PackedModel:
    """Fold, pack and check the operators of a file.

    inputs: the shape of one sample of each input by its name, channels first.
    outputs: the names of the outputs in the file.
    importer: its name, for the info of the packed network.
    names: the names of inputs and outputs in the file, where the graph has others.
    info: more entries for the info of the packed network.

    Raises: ConvertError that names the operator that cannot be packed, and the reason.
    """
    network = graph.finish(outputs)
    is_row = len(outputs) == 1 and graph.example(outputs[0]).dim() <= 2
    # pack itself gives the name "scores" to one row.
    own = _identifiers([*inputs, *outputs], names or {}, {"scores"} if is_row else set())
    given_inputs, given_outputs = given.inputs, given.outputs
    if given_inputs is None and given.preprocessing is None:
        given_inputs = [
            Input.numbers(own[name], (*shape[1:], shape[0])) for name, shape in inputs.items()
        ]
    if given_outputs is None and not is_row:
        given_outputs = [OutputSpec(own[name], NUMBERS) for name in outputs]
    try:
        return pack(
            network,
            given.preprocessing,
            inputs=given_inputs,
            outputs=given_outputs,
            info={"importer": importer, "file": path.name, **(info or {})},
        )
    except (PackError, UsageError, ModelFormatError) as error:
        raise ConvertError(f"{path}: {error}") from error


def _identifiers(
    ends: Sequence[str], names: Mapping[str, str], taken: set[str]
) -> Mapping[str, str]:
    """A name for each input and output that a packed network allows, and that no other has."""
    found: dict[str, str] = {}
    for end in ends:
        plain = name = identifier(names.get(end, end))
        number = 2
        while name in taken:
            name, number = f"{plain[: MAX_NAME - 5]}_{number}", number + 1
        taken.add(name)
        found[end] = name
    return found


def identifier(name: str) -> str:
    """A name that a packed network allows, from one of the file."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:MAX_NAME]
    starts_well = plain and not plain[0].isdigit() and not re.fullmatch(r"n[0-9]+(_.*)?", plain)
    return plain if starts_well else f"value_{plain}"[:MAX_NAME]
