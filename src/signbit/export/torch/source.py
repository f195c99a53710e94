"""The Python source of a torch module, and its state."""

import json
from collections.abc import Iterator, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from signbit.export._signature import torch_shape
from signbit.export._template import template
from signbit.export.torch.operations import Line, lines
from signbit.format import Node, PackedModel
from signbit.format.parameters import node_name, signs
from signbit.format.signature import CLASSES, LABELS
from signbit.format.types import BITS, F32, I32, U8

_DTYPES = {U8: "uint8", F32: "float32", BITS: "bool"}
_TAKEN = {U8: ", codes 0 to 255", F32: "", BITS: ", True for +1"}
_GIVEN = {U8: "codes", F32: "numbers", BITS: "-1 and +1", I32: "sums, whole numbers"}
_KINDS = {CLASSES: "scores of classes", LABELS: "scores of labels"}


def source(model: PackedModel, name: str) -> str:
    """The text of NAME.py."""
    layers, forward = [], []
    for number, node, line in _numbered(model):
        key = node_name(number)
        if line.layer is not None:
            layers.append(f"        self.{key} = {line.layer}")
        call = line.call.replace("{self}", f"self.{key}")
        forward.append(f"        x.append({call})  # {key}: {node.op}, {model.types[number]}")
    words = _of_image(model) if model.signature.is_of_images else _of_names(model)
    single = len(model.outputs) == 1
    return template(
        "torch",
        "network.py.in",
        NAME=name,
        LAYERS_SOURCE=_layers_source(),
        LAYERS="\n".join(layers),
        FORWARD="\n".join(forward),
        FIRST=len(model.inputs),
        OUTPUTS=f'{{"{model.outputs[0].name}": given}}' if single else "given",
        **words,
    )


def state(model: PackedModel) -> dict[str, NDArray]:
    """The state dict: weights of -1 and +1 in int8, thresholds, scales."""
    return {
        f"{node_name(number)}.{key}": np.ascontiguousarray(array)
        for number, _, line in _numbered(model)
        for key, array in line.state.items()
    }


def torch_value(value: NDArray) -> NDArray:
    """A golden value, channels last, in the module's form: channels first, bits -1 and +1."""
    plain = signs(value) if value.dtype == bool else value
    return np.ascontiguousarray(np.moveaxis(plain, -1, 1))


def _numbered(model: PackedModel) -> Iterator[tuple[int, Node, Line]]:
    for (number, node), line in zip(model.numbered(), lines(model), strict=True):
        yield number, node, line


def _of_image(model: PackedModel) -> dict[str, str]:
    """The words of the template for an image and its scores."""
    size, (scores,) = ", ".join(map(str, model.types[0][1:])), model.outputs
    node = -1 if scores.node == len(model.types) - 1 else scores.node
    return {
        "ENDS": _IMAGE_ENDS.replace("SIZE", size),
        "TAKEN_SOURCE": "",
        "PARAMETERS": "pixels: Tensor",
        "VALUES_ARE": "The value of every node, the pixels as (N, C, H, W) first.",
        "FIRST_VALUES": "[pixels.permute(0, 3, 1, 2).float()]",
        "GIVES": "Tensor",
        "FORWARD_DOES": "(N, height, width, channels) uint8 to (N, classes).",
        "RETURN": f"return self.values(pixels)[{node}].flatten(1)",
        "INPUT_NAMES": json.dumps([model.inputs[0].name]),
    }


_IMAGE_ENDS = (
    "It accepts uint8 pixels, (N, height, width, channels), here (N, SIZE), 0 to 255, RGB. It "
    "returns\nscores, (N, classes). "
)


def _of_names(model: PackedModel) -> dict[str, str]:
    """The words of the template for any inputs and outputs."""
    taken, given, table = [], [], []
    for one in model.inputs:
        shape = torch_shape(one.type, len(one.shape))
        taken.append(f"  {one.name}: {_DTYPES[one.kind]}, {_shown(shape)}{_TAKEN[one.kind]}")
        table.append(f'    "{one.name}": (torch.{_DTYPES[one.kind]}, {shape}),')
    for one in model.outputs:
        value = model.types[one.node]
        meaning = _KINDS.get(one.kind, _GIVEN[value.kind])
        given.append(f"  {one.name}: {_shown(torch_shape(value, one.rank))}, {meaning}")
    several = len(model.outputs) > 1
    returned = "a dict of tensors" if several else "a tensor"
    names = [
        "It accepts tensors in this order:\n",
        *taken,
        f"\nand returns {returned}:\n",
        *given,
        "\n",
    ]
    return {
        "ENDS": "\n".join(names),
        "TAKEN_SOURCE": template("torch", "taken.py.in", TABLE="\n".join(table)),
        "PARAMETERS": "*inputs: Tensor",
        "VALUES_ARE": "The value of every number of the graph, (N, C, H, W), the inputs first.",
        "FIRST_VALUES": "taken(inputs)",
        "GIVES": "dict[str, Tensor]" if several else "Tensor",
        "FORWARD_DOES": "The outputs by name." if several else "The output.",
        "RETURN": _return(model),
        "INPUT_NAMES": "INPUTS",
    }


def _return(model: PackedModel) -> str:
    """The end of forward."""
    values = {one.name: f"[{one.node}]{_ENDINGS[one.rank]}" for one in model.outputs}
    if len(values) == 1:
        return f"return self.values(*inputs){next(iter(values.values()))}"
    entries = "".join(f'            "{name}": x{value},\n' for name, value in values.items())
    return f"x = self.values(*inputs)\n        return {{\n{entries}        }}"


# From (N, C, H, W) to the axes of an output of that rank.
_ENDINGS = {1: ".flatten(1)", 2: ".flatten(2)", 3: ""}


def _shown(shape: Sequence[int]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"


def _layers_source() -> str:
    """The classes of _layers.py, without its docstring and imports."""
    path = resources.files("signbit.export.torch").joinpath("_layers.py")
    text = path.read_text("utf-8").replace(
        "  # pyright: ignore[reportIncompatibleMethodOverride]", ""
    )
    return text[text.index("class Sign") :].rstrip()
