"""Make the QONNX files of tests/importers/data/qonnx: networks of Brevitas, with few channels.

    python3 -m venv brevitas-env
    brevitas-env/bin/pip install brevitas==0.13.0 dependencies==2.0.1 onnx onnxscript \\
        onnxoptimizer torch==2.13.0
    brevitas-env/bin/python tools/make_qonnx_golden.py tests/importers/data/qonnx

Their layers are those of Brevitas' examples for BNN-PYNQ, TFC and CNV with weights, activations and
pixels as there. Brevitas needs other packages than signbit, and Torch 2.13 lacks a method that it
calls, so it is no dependency of the tests.
"""

import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

warnings.filterwarnings("ignore")
_tensor: Any = torch.Tensor
_tensor.rename = lambda self, *names, **named: self  # names of axes, which torch no longer has

import brevitas.nn as qnn  # noqa: E402
from brevitas.export import export_qonnx  # noqa: E402
from brevitas.quant import Int8ActPerTensorFixedPoint  # noqa: E402
from brevitas.quant.binary import (  # noqa: E402
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)


class _Weights(SignedBinaryWeightPerTensorConst):
    scaling_const = 1.0


class _Pixels(Int8ActPerTensorFixedPoint):
    """Eight bits from -1 to 127/128."""

    scaling_impl_type = "const"
    scaling_init = 1.0
    min_val, max_val = -1.0, 1 - 2.0**-7


class _Centred(nn.Module):
    """Numbers from 0 to 1 become numbers from -1 to 1."""

    def forward(self, x: Tensor) -> Tensor:
        return 2.0 * x - torch.tensor([1.0])


class _TensorNorm(nn.Module):
    """A batch norm with one mean and one variance for all classes."""

    def __init__(self):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1))
        self.register_buffer("mean", torch.rand(1))
        self.register_buffer("var", torch.rand(1) + 1)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / (self.var + 1e-4).pow(0.5) * self.weight + self.bias  # pyright: ignore


def _sign() -> nn.Module:
    return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)


def _linear(inputs: int, outputs: int) -> nn.Module:
    return qnn.QuantLinear(inputs, outputs, bias=False, weight_quant=_Weights)


def tfc(widths: Sequence[int] = (6, 16, 16)) -> tuple[nn.Module, tuple[int, ...]]:
    """Linear layers on pixels of one bit."""
    layers: list[nn.Module] = [_Centred(), _sign(), nn.Flatten(), nn.Dropout(0.2)]
    inputs = 28 * 28
    for width in widths:
        layers += [_linear(inputs, width), nn.BatchNorm1d(width), _sign(), nn.Dropout(0.2)]
        inputs = width
    return nn.Sequential(*layers, _linear(inputs, 10), _TensorNorm()), (1, 1, 28, 28)


def cnv(
    channels: Sequence[int] = (3, 4, 6, 8, 10, 12), widths: Sequence[int] = (24, 17)
) -> tuple[nn.Module, tuple[int, ...]]:
    """Convolutions on pixels of eight bits, a pooling after the second and the fourth."""
    layers: list[nn.Module] = [_Centred(), qnn.QuantIdentity(act_quant=_Pixels)]
    inputs = 3
    for number, width in enumerate(channels, 1):
        layers.append(qnn.QuantConv2d(inputs, width, 3, bias=False, weight_quant=_Weights))
        layers += [nn.BatchNorm2d(width, eps=1e-4), _sign()]
        layers += [nn.MaxPool2d(2)] if number in (2, 4) else []
        inputs = width
    layers.append(nn.Flatten())
    for width in widths:
        layers += [_linear(inputs, width), nn.BatchNorm1d(width, eps=1e-4), _sign()]
        inputs = width
    return nn.Sequential(*layers, _linear(inputs, 10), _TensorNorm()), (1, 3, 32, 32)


def _randomize(network: nn.Module) -> None:
    """Batch norms as after training; a factor below 0 among them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 4)
            nn.init.normal_(module.weight)
            nn.init.uniform_(module.bias, -0.2, 0.2)


def make(name: str, network: Callable[[], tuple[nn.Module, tuple[int, ...]]], to: Path) -> None:
    """Write a file, without the notes of where in Python each operator comes from."""
    torch.manual_seed(1)
    model, shape = network()
    _randomize(model.eval())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        export_qonnx(model, input_t=torch.rand(shape), export_path=str(path))
        proto = onnx.load(path)
    del proto.graph.value_info[:], proto.graph.metadata_props[:]
    for one in (*proto.graph.node, *proto.graph.initializer, *proto.graph.input):
        del one.metadata_props[:]
    (to / f"{name}.onnx").write_bytes(proto.SerializeToString(deterministic=True))


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    make("brevitas_tfc", tfc, out)
    make("brevitas_cnv", cnv, out)
    make("brevitas_lfc", lambda: tfc((5, 33)), out)
