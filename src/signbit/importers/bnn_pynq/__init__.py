"""Parameter folders of BNN-PYNQ (https://github.com/Xilinx/BNN-PYNQ): memories of an FPGA."""

from pathlib import Path

from signbit.format import PackedModel
from signbit.importers._interface import Given, importers
from signbit.importers.bnn_pynq._layers import read_layers
from signbit.importers.bnn_pynq._memories import class_names, is_folder
from signbit.importers.bnn_pynq._network import network


class _BnnPynq:
    what = "a folder of BNN-PYNQ with 0-0-weights.bin"

    def accepts(self, path: Path) -> bool:
        return is_folder(path)

    def read(self, path: Path, given: Given) -> PackedModel:
        given.refuse(path, "preprocessing", "inputs", "outputs")
        return network(path, read_layers(path, given.layers), class_names(path))


importers.register("bnn_pynq")(_BnnPynq())
