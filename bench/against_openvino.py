"""Compare with OpenVINO's BinaryConvolution: five binary 3x3 layers in a row, of three sizes.

    pip install '.[peers]'
    python bench/against_openvino.py [--rounds 200]

Both read the same real numbers and binarize them. Between the layers there are only bits: each has
a threshold for every channel. Both return the sums of the last layer, which must be equal. Each has
one thread, and the two take turns.

OpenVINO's network is built here, from the packed one. OpenVINO itself makes this operator from a
FakeQuantize of two levels before a convolution of float32, but where the levels are -1 and +1 the
sums of 2026.4.1 are wrong.

On a busy machine the longer run is interrupted more often, so the fastest times are printed too.
"""

import argparse
import time
from statistics import median

import numpy as np
import openvino
from numpy.typing import ArrayLike, NDArray
from openvino import opset1
from torch import nn

from signbit.bench.peers.openvino_float32 import settings
from signbit.format import Input, Node, PackedModel
from signbit.format.bits import unpack_bits
from signbit.layers import BinaryConv2d
from signbit.machine import processor
from signbit.pack import OutputSpec, pack
from signbit.runtime.engine import Engine

# Side and channels of the maps.
SIZES = [(32, 128), (16, 256), (8, 512)]
LAYERS = 5
INPUTS = 8


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    version = openvino.__version__.partition("-")[0]
    print(f"{processor()}, OpenVINO {version}, one thread, medians of {rounds}")
    for side, channels in SIZES:
        model = _packed(side, channels)
        engine, theirs = Engine(model), _compiled(model)
        ours, others = _seconds(engine, theirs, rounds)
        print(
            f"{LAYERS} layers, {side}x{side}x{channels}: "
            f"signbit, {engine.isa}, {_milliseconds(ours)}; "
            f"OpenVINO, {_kernel(theirs)}, {_milliseconds(others)}; "
            f"{median(others) / median(ours):.2f} times as long, "
            f"fastest {min(others) / min(ours):.2f}"
        )


def _milliseconds(times: list[float]) -> str:
    return f"{1e3 * median(times):.3f} ms (fastest {1e3 * min(times):.3f})"


def _packed(side: int, channels: int) -> PackedModel:
    layers: list[nn.Module] = []
    for _ in range(LAYERS):
        norm = nn.BatchNorm2d(channels)
        # Thresholds differ by channel: between small numbers, then between sums.
        nn.init.normal_(norm.running_mean, std=10 if layers else 0.1)
        layers += [norm, BinaryConv2d(channels, channels, 3, padding=1, bias=False)]
    numbers = Input.numbers("map", (side, side, channels))
    return pack(
        nn.Sequential(*layers).eval(), inputs=[numbers], outputs=[OutputSpec("sums", "numbers")]
    )


def _compiled(model: PackedModel) -> openvino.CompiledModel:
    """The packed network in OpenVINO, with channels last as well."""
    [one] = model.inputs
    first = opset1.parameter([1, *one.shape], openvino.Type.f32)
    x = opset1.transpose(first, np.array([0, 3, 1, 2]))
    for node in model.nodes:
        x = _OPERATORS[node.op](node, x)
    last = opset1.transpose(x, np.array([0, 2, 3, 1]))
    return openvino.Core().compile_model(openvino.Model([last], [first]), "CPU", settings(1))


def _threshold(node: Node, x: openvino.Node) -> openvino.Node:
    """1 where x > threshold, else 0: only these two become bits in the plugin.

    Each constant has one reader: otherwise the plugin does not join it to the layer before.
    """
    assert not node.tensors["below"].any()
    low, high = (_per_channel(node.tensors["threshold"]) for _ in range(2))
    return opset1.fake_quantize(x, low, high, _per_channel([0]), _per_channel([1]), 2)


def _conv_bits(node: Node, x: openvino.Node) -> openvino.Node:
    top, left, bottom, right = node.attributes["padding"]
    weight = unpack_bits(node.tensors["weight"], node.attributes["channels"]).transpose(0, 3, 1, 2)
    return opset1.binary_convolution(
        x,
        _bits(weight),
        strides=list(node.attributes["stride"]),
        pads_begin=[top, left],
        pads_end=[bottom, right],
        dilations=list(node.attributes["dilation"]),
        mode="xnor-popcount",
        pad_value=node.attributes["padding_value"],
    )


def _sums_as_numbers(node: Node, x: openvino.Node) -> openvino.Node:
    assert (node.tensors["scale"] == 1).all()
    assert not node.tensors["bias"].any()
    return x


_OPERATORS = {"threshold": _threshold, "conv_bits": _conv_bits, "affine": _sums_as_numbers}


def _per_channel(values: ArrayLike) -> openvino.Node:
    return opset1.constant(np.asarray(values, np.float32).reshape(1, -1, 1, 1))


def _bits(weight: NDArray[np.bool_]) -> openvino.Node:
    """A constant of bits. The plugin reads the lowest bit of a byte first; `constant` does not."""
    tensor = openvino.Tensor(openvino.Type.u1, openvino.Shape(weight.shape))
    tensor.data[:] = np.packbits(weight, bitorder="little")
    return openvino.op.Constant(tensor)


def _kernel(network: openvino.CompiledModel) -> str:
    """The kernel of all layers, such as jit_avx2_u1; an error where a layer has no kernel of bits.

    Thresholds must be a part of it, except for that of the input.
    """
    facts = [node.get_rt_info() for node in network.get_runtime_model().get_ordered_ops()]
    kinds = [each["layerType"].astype(str) for each in facts]
    kernels = {
        each["primitiveType"].astype(str)
        for each, kind in zip(facts, kinds, strict=True)
        if kind == "BinaryConvolution"
    }
    assert kinds.count("BinaryConvolution") == LAYERS, kinds
    assert kinds.count("FakeQuantize") == 1, kinds
    [kernel] = kernels
    assert kernel.endswith("_u1"), kernel
    return kernel


def _seconds(
    engine: Engine, theirs: openvino.CompiledModel, rounds: int
) -> tuple[list[float], list[float]]:
    """The seconds of both in each round, on several inputs for which both give the same sums."""
    rng, ours, others = np.random.default_rng(0), [], []
    maps = rng.normal(size=(INPUTS, 1, *engine.inputs[0].shape)).astype(np.float32)
    for number in range(rounds):
        one = maps[number % INPUTS]
        start = time.perf_counter()
        sums = engine.run({"map": one})["sums"]
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        same = theirs([one])[0]
        others.append(time.perf_counter() - start)
        np.testing.assert_array_equal(sums, same)
    return ours, others


if __name__ == "__main__":
    main()
