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
    named = names or {}
    given_inputs, given_outputs = given.inputs, given.outputs
    if given_inputs is None and given.preprocessing is None:
        given_inputs = [_numbers(named.get(name, name), shape) for name, shape in inputs.items()]
    if given_outputs is None:
        axes = [(named.get(name, name), graph.example(name).dim()) for name in outputs]
        given_outputs = _specs(axes)
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


def _numbers(name: str, shape: Sequence[int]) -> Input:
    return Input.numbers(identifier(name), (*shape[1:], shape[0]))


def _specs(outputs: Sequence[tuple[str, int]]) -> list[OutputSpec] | None:
    """None for one row: class scores.  outputs: the name of each, and its axes."""
    if len(outputs) == 1 and outputs[0][1] <= 2:
        return None
    return [OutputSpec(identifier(name), NUMBERS) for name, _ in outputs]


def identifier(name: str) -> str:
    """A name that a packed network allows, from one of the file."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:MAX_NAME]
    starts_well = plain and not plain[0].isdigit() and not re.fullmatch(r"n[0-9]+(_.*)?", plain)
    return plain if starts_well else f"value_{plain}"[:MAX_NAME]
