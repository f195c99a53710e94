"""Write the network as a torch module."""

import keyword
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from signbit.export._interface import ExportRequest
from signbit.export._operations import exporter
from signbit.export._signature import name_refusal
from signbit.export.torch.operations import OPERATIONS
from signbit.export.torch.source import source, state, torch_value
from signbit.format import PackedModel
from signbit.format.parameters import node_name
from signbit.runtime.samples import in_layout

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]

# A name in the header of a safetensors file.
_RESERVED = "__metadata__"
_HIDING = {"numpy", "safetensors", "torch", *sys.stdlib_module_names}


@exporter("torch", OPERATIONS)
def torch(request: ExportRequest, folder: Path) -> dict[str, Any]:
    """Write NAME.py, which needs torch and safetensors, NAME.safetensors, and golden vectors.

    Writing them needs no torch. Every network can be written.
    """
    model, name = request.model, _module_name(request.name)
    for one in (*model.inputs, *model.outputs):
        if one.name == _RESERVED:
            raise name_refusal("torch", one, "safetensors reserves that name; rename it")
    (folder / f"{name}.py").write_text(source(model, name), encoding="utf-8", newline="\n")
    (folder / f"{name}.safetensors").write_bytes(save(state(model)))
    (folder / f"{name}_golden.safetensors").write_bytes(save(_golden(request)))
    return {
        "torch_conventions": {
            "use": f"from {name} import load; network = load(); {_use(model)}",
            "state": "nNN.weight is int8 of -1 and +1 for a convolution of bits; thresholds lie "
            "halfway between two integers; direction -1 means x < threshold",
            "golden": "nNN is the value of node NN, (N, C, H, W), bits as -1 and +1",
        }
    }


def _use(model: PackedModel) -> str:
    """How to call the module."""
    if model.signature.is_of_images:
        return "network(pixels), where pixels are uint8, (N, height, width, channels)"
    names = ", ".join(one.name for one in model.inputs)
    given = "a dict of the outputs" if len(model.outputs) > 1 else "the output"
    return (
        f"network({names}) returns {given}; arrays are channels first, (N, C), (N, C, L) or "
        "(N, C, H, W); inputs are uint8, float32 or bool; outputs are numbers, and bits -1 and +1"
    )


def _golden(request: ExportRequest) -> dict[str, Array]:
    """Inputs, the values of all nodes, and outputs, in the form of the module."""
    model, golden = request.model, request.golden
    layout = "file" if model.signature.is_of_images else "torch"
    arrays = {
        name: np.ascontiguousarray(in_layout(array, layout))
        for name, array in golden.inputs.items()
    }
    for number, _ in model.numbered():
        arrays[node_name(number)] = torch_value(golden.values[number])
    return arrays | {name: torch_value(array) for name, array in golden.outputs.items()}


def _module_name(name: str) -> str:
    """A name that can be imported, and that hides no module that the file imports."""
    taken = keyword.iskeyword(name) or name in _HIDING
    return f"{name}_network" if taken else name


def to_module(model: PackedModel) -> "nn.Module":
    """The packed network as a float torch module, in evaluation mode.

    It is the same network that the exporter writes as source. A network of images accepts
    (N, H, W, C) uint8 and returns (N, classes) float32. Any other network accepts its inputs in
    their order, channels first, each uint8, float32 or bool. It returns its output, or a dict of
    its outputs by name. Its parameters can be trained; weights start at -1 and +1.
    """
    from safetensors.torch import load

    code = types.ModuleType("signbit_network")
    code.__file__ = "network.py"  # load() and check() in that code look for files next to it
    exec(compile(source(model, "network"), "<signbit network>", "exec"), code.__dict__)
    network = code.Network()
    network.load_state_dict(load(save(state(model))))
    return network.eval()
