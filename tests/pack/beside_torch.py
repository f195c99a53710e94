"""A packed network beside torch, on noise for each of its inputs."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from signbit.format import Input, PackedModel
from signbit.pack import pack
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs


def torch_input(one: Input, array: np.ndarray) -> Tensor:
    """Written out once more: the meaning of an input, in torch's order."""
    if one.kind == "u8":
        array = array.astype(np.float32) * np.array(one.scale, np.float32) + np.array(
            one.bias, np.float32
        )
    elif one.kind == "bits":
        array = np.where(array, np.float32(1), np.float32(-1))
    return torch.from_numpy(np.moveaxis(array, -1, 1).copy())


def outputs_of(packed: PackedModel, network: nn.Module, given: dict) -> list[tuple]:
    """What the engine gives and what torch gives, in torch's order, output by output."""
    found = Engine(packed, layout="torch").run(
        {name: np.moveaxis(array, -1, 1) for name, array in given.items()}
    )
    with torch.no_grad():
        wanted = network(*(torch_input(one, given[one.name]) for one in packed.inputs))
    if isinstance(wanted, dict):
        wanted = [wanted[one.name] for one in packed.outputs]
    wanted = wanted if isinstance(wanted, list | tuple) else [wanted]
    return [(one, two.numpy()) for one, two in zip(found.values(), wanted, strict=True)]


def packs(network: nn.Module, inputs: list[Input], outputs: Any = None) -> PackedModel:
    """Packed, and on noise equal to torch."""
    packed = pack(network.eval(), inputs=inputs, outputs=outputs)
    for found, wanted in outputs_of(packed, network, random_inputs(packed, 9, seed=3)):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return packed


def ops(packed: PackedModel) -> list[str]:
    return [node.op for node in packed.nodes]
