"""Write the network as a torch module."""

import keyword
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save

from signbit.export._interface import ExportRequest
from signbit.export._operations import exporter
from signbit.export.torch.operations import OPERATIONS
from signbit.export.torch.source import golden_value, source, state
from signbit.format import PackedModel
from signbit.format.parameters import node_name
from signbit.format.types import BITS

if TYPE_CHECKING:
    from torch import nn


_HIDING = {"numpy", "safetensors", "torch", *sys.stdlib_module_names}


@exporter("torch", OPERATIONS)
def torch(request: ExportRequest, folder: Path) -> dict[str, Any]:
    """Write NAME.py, which needs torch and safetensors, NAME.safetensors, and golden vectors.

    Writing them needs no torch. Every network can be written.
    """
    model, name = request.model, _module_name(request.name)
    (folder / f"{name}.py").write_text(source(model, name), encoding="utf-8", newline="\n")
    (folder / f"{name}.safetensors").write_bytes(save(state(model)))
    golden = {"pixels": np.ascontiguousarray(request.golden.inputs["pixels"])}
    for number, value in enumerate(request.golden.values[1:], 1):
        golden[node_name(number)] = golden_value(value, model.types[number].kind == BITS)
    (folder / f"{name}_golden.safetensors").write_bytes(save(golden))
    return {
        "torch_conventions": {
            "use": f"from {name} import load; network = load(); network(pixels), where pixels are "
            "uint8, (N, height, width, channels)",
            "state": "nNN.weight is int8 of -1 and +1 for a convolution of bits; thresholds lie "
            "halfway between two integers, direction -1 means x < threshold",
            "golden": "nNN is the value of node NN, (N, C, H, W), bits as -1 and +1",
        }
    }


def _module_name(name: str) -> str:
    """A name that can be imported, and that is not the name of a module that the file imports."""
    taken = keyword.iskeyword(name) or name in _HIDING
    return f"{name}_network" if taken else name


def to_module(model: PackedModel) -> "nn.Module":
    """The packed network as a float torch module, in evaluation mode.

    It accepts (N, H, W, C) uint8 and returns (N, classes) float32. It is the same network that the
    exporter writes as source. Its parameters can be trained; weights start at -1 and +1.
    """
    from safetensors.torch import load

    code = types.ModuleType("signbit_network")
    code.__file__ = "network.py"  # load() and check() in that code look for files next to it
    exec(compile(source(model, "network"), "<signbit network>", "exec"), code.__dict__)
    network = code.Network()
    network.load_state_dict(load(save(state(model))))
    return network.eval()
