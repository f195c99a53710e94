"""The Python source of a torch module, and its state."""

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from signbit.export._template import template
from signbit.export.torch.operations import lines
from signbit.format import PackedModel
from signbit.format.parameters import node_name, signs


def source(model: PackedModel, name: str) -> str:
    """The text of NAME.py."""
    layers, forward = [], []
    for number, line in enumerate(lines(model), 1):
        key = node_name(number)
        if line.layer is not None:
            layers.append(f"        self.{key} = {line.layer}")
        call = line.call.replace("{self}", f"self.{key}")
        note = f"{model.node(number).op}, {model.types[number]}"
        forward.append(f"        x.append({call})  # {key}: {note}")
    return template(
        "torch",
        "network.py.in",
        NAME=name,
        INPUT=", ".join(map(str, model.types[0][1:])),
        LAYERS_SOURCE=_layers_source(),
        LAYERS="\n".join(layers),
        FORWARD="\n".join(forward),
    )


def state(model: PackedModel) -> dict[str, NDArray]:
    """The state dict: weights of -1 and +1 in int8, thresholds, scales."""
    return {
        f"{node_name(number)}.{key}": np.ascontiguousarray(array)
        for number, line in enumerate(lines(model), 1)
        for key, array in line.state.items()
    }


def golden_value(value: NDArray, is_bits: bool) -> NDArray:
    """A golden value as the module gives it, (N, C, H, W)."""
    return np.ascontiguousarray((signs(value) if is_bits else value).transpose(0, 3, 1, 2))


def _layers_source() -> str:
    """The classes of _layers.py, without its docstring and imports."""
    path = resources.files("signbit.export.torch").joinpath("_layers.py")
    text = path.read_text("utf-8").replace(
        "  # pyright: ignore[reportIncompatibleMethodOverride]", ""
    )
    return text[text.index("class Sign") :].rstrip()
