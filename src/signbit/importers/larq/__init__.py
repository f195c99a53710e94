"""Networks of Larq Compute Engine (https://docs.larq.dev/compute-engine): `.tflite` files."""

from pathlib import Path

from signbit.format import PackedModel
from signbit.importers._dependencies import require
from signbit.importers._interface import Given, importers


class _Larq:
    what = "a .tflite file of Larq Compute Engine"

    def accepts(self, path: Path) -> bool:
        return path.suffix == ".tflite"

    def read(self, path: Path, given: Given) -> PackedModel:
        require(path, "torch", "tflite")
        from signbit.importers.larq._network import network

        given.refuse(path, "layers")
        return network(path, given)


importers.register("larq")(_Larq())
