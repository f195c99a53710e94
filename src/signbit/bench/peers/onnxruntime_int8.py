"""ONNX Runtime with weights of int8 and activations of uint8."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from signbit.bench.peers import Peer, peer_arrays, peers
from signbit.format import PackedModel
from signbit.runtime.samples import random_inputs

if TYPE_CHECKING:
    from onnx import ModelProto

_CALIBRATED_ON = 4


@peers.register("onnxruntime int8")
def onnxruntime_int8(model: PackedModel, threads: int) -> Peer:
    """Quantized by its own tool: static, weights per channel, calibrated on random samples."""
    from signbit.bench.peers._float_graph import float_graph
    from signbit.bench.peers._session import session

    return session(_quantized(float_graph(model), model), threads)


def _quantized(twin: "ModelProto", model: PackedModel) -> "ModelProto":
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            samples = peer_arrays(model, random_inputs(model, _CALIBRATED_ON))
            self.left = [
                {name: array[index : index + 1] for name, array in samples.items()}
                for index in range(_CALIBRATED_ON)
            ]

        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            return self.left.pop() if self.left else None

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        quantize_static(twin, path, Images(), quant_format=QuantFormat.QDQ, per_channel=True)
        return onnx.load(path)
