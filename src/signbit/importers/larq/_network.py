"""From the operators of a file to a packed network."""

import re
from pathlib import Path

from signbit.errors import ConvertError
from signbit.format import PackedModel
from signbit.importers._graph import Graph
from signbit.importers._interface import Given
from signbit.importers._pack import packed
from signbit.importers.larq._call import Call, Network, channels_first
from signbit.importers.larq._file import Content, damage_named, read_content
from signbit.importers.larq._flow import end_in_bits
from signbit.importers.larq._operators import reader_of


def network(path: Path, given: Given) -> PackedModel:
    """The packed network. Raises: ConvertError that names the operator and the reason."""
    content = read_content(path)
    batch = _batch(path, content)
    inputs = {str(number): _shape(path, content, number) for number in content.inputs}
    graph = Graph(str(path), inputs)
    known = Network(content, graph, batch, end_in_bits(content))
    for operator in content.operators:
        call = Call(known, operator)
        with damage_named(f"{path}: {call.place}"):
            reader_of(call)(call)
    outputs = [str(number) for number in content.outputs]
    if known.bits.intersection(content.outputs):
        raise ConvertError(f"{path}: an output holds words of bits; only real numbers can be read")
    ends = (*content.inputs, *content.outputs)
    names = {str(number): _name(content.tensors[number].name) for number in ends}
    return packed(path, graph, inputs, outputs, given, "larq", names)


def _name(name: str) -> str:
    """A name without what TensorFlow adds to the names of inputs and outputs."""
    return re.sub(r"^serving_default_|:\d+$", "", name)


def _batch(path: Path, content: Content) -> int:
    """The first axis of all inputs."""
    if not content.inputs:
        raise ConvertError(f"{path}: it has no inputs")
    shapes = [content.tensors[number].shape for number in content.inputs]
    found = {shape[0] if shape else 0 for shape in shapes}
    if len(found) != 1 or 0 in found:
        raise ConvertError(f"{path}: the first axes of its inputs are {sorted(found)}; give one")
    return found.pop()


def _shape(path: Path, content: Content, number: int) -> tuple[int, ...]:
    """The shape of one sample of an input, channels first."""
    tensor = content.tensors[number]
    if tensor.kind != "FLOAT32" or not 2 <= len(tensor.shape) <= 4:
        raise ConvertError(
            f"{path}: input {tensor.described}: an input must be FLOAT32 with 2 to 4 axes; convert "
            "the network without quantization"
        )
    return channels_first(tensor.shape)[1:]
