"""Networks in ONNX with quantizers of one bit: `.onnx` files of QONNX, FINN and signbit."""

from pathlib import Path

from signbit.format import PackedModel
from signbit.importers._dependencies import require
from signbit.importers._interface import Given, importers


class _Onnx:
    what = "an .onnx file of QONNX, FINN or signbit"

    def accepts(self, path: Path) -> bool:
        return path.suffix == ".onnx"

    def read(self, path: Path, given: Given) -> PackedModel:
        require(path, "torch", "onnx")
        from signbit.importers.onnx._network import network

        given.refuse(path, "layers")
        return network(path, given)


importers.register("onnx")(_Onnx())
