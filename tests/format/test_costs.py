"""Work and memory are counted as the engine has them, before anything is allocated."""

import ctypes
import os
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from helpers.files import version_2
from helpers.networks import NAMES, packed
from helpers.nodes import (
    first_bits,
    model_of,
    move,
    random_thresholds,
    random_weight,
    viewed,
    window,
)
from helpers.operations import NAMES as OPERATIONS
from helpers.operations import small
from helpers.random_networks import affine, random_network

from signbit import zoo
from signbit.errors import ModelFormatError
from signbit.format import Node, PackedModel, ValueType
from signbit.format.ops import operations
from signbit.format.packed import MAX_MEMORY, MAX_WORK
from signbit.runtime.engine import Engine, available_isas

MARGIN = 5 << 16  # what each engine is counted with, whatever it holds


class _Allocated(ctypes.Structure):
    """What glibc's mallinfo2 gives."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def allocated() -> int:
    """Bytes that this process has from malloc: the engine's, and some of Python's."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        pytest.skip("needs glibc 2.33 or newer")
    mallinfo.restype = _Allocated
    now = mallinfo()
    return now.uordblks + now.hblkhd


def held(model: PackedModel, isa: str) -> int:
    """Bytes that an engine really holds, scratch and arena included."""
    before = allocated()
    engine = Engine(model, isa=isa)
    after = allocated()
    del engine
    return after - before


def of_engine(model: PackedModel) -> int:
    """What is counted without the model's own tensors, and their copy while the engine is made."""
    tensors = [tensor.nbytes for node in model.nodes for tensor in node.tensors.values()]
    return model.memory - 2 * sum(tensors)


def normalized(channels: int) -> Node:
    ones = np.ones(channels, np.float32)
    return Node("normalize", (0,), {}, {"scale": ones, "bias": ones})


def convolution(
    op: str,
    size: tuple[int, int],
    inputs: int,
    channels: int,
    *,
    folded: str = "",
    groups: int = 1,
    **where,
) -> PackedModel:
    """One convolution of any kind, and what may be folded into it."""
    rng = np.random.default_rng(0)
    attributes: dict[str, Any] = window(**where) | {"channels": channels, "groups": groups}
    if op == "conv_u8":
        nodes, attributes = [], attributes | {"multiplier": 1, "offset": -128}
    elif op == "conv_bits":
        ends = {"threshold": np.zeros(inputs, "f4"), "below": np.zeros(-(-inputs // 64), "u8")}
        nodes = [normalized(inputs), Node("threshold", (1,), {}, ends)]
    else:
        nodes = [normalized(inputs)]
    if op.endswith("bits"):
        attributes["padding_value"] = 0
    kernel, depth = attributes["kernel"], inputs // groups
    weight = random_weight(rng, channels, kernel, depth)
    if op == "conv_f32":
        weight = {"weight": np.zeros((channels, *kernel, depth), np.float32)}
    nodes.append(Node(op, (len(nodes),), attributes, weight))
    if folded == "threshold":
        thresholds = random_thresholds(rng, channels, 9)
        nodes.append(Node("threshold", (len(nodes),), {}, thresholds))
    elif folded == "affine":
        nodes.append(affine(len(nodes), [1.0] * channels, [0.0] * channels))
    return viewed(nodes, size, inputs)


ROW = {"padding": (0, 0, 0, 0)}
WIDE = {"kernel": (40, 40), "padding": (39, 39, 39, 39)}
# Sizes that lanes, steps, blocks of channels, borders or strips do not suit; a megabyte or more.
HARD = {
    "bits to one channel": ("conv_bits", (16, 16), 4096, 1, {"kernel": (9, 9)}),
    "a row to one channel": ("conv_bits", (16, 16), 4096, 1, {"kernel": (16, 16), **ROW}),
    "a row of one word": ("conv_bits", (1, 1), 64, 30000, {"kernel": (1, 1), **ROW}),
    "65 channels": ("conv_bits", (8, 8), 500, 65, {"kernel": (5, 5)}),
    "bits, a set of taps each": ("conv_bits", (8, 8), 3, 17, WIDE),
    "bits, sets of taps": (
        *("conv_bits", (40, 40), 3, 64),
        {"kernel": (20, 20), "padding": (19, 19, 19, 19)},
    ),
    "bits, dilated": ("conv_bits", (200, 200), 64, 64, {"dilation": (90, 90)}),
    "bits, jumping": ("conv_bits", (400, 300), 64, 70, {"stride": (3, 100)}),
    "bits in groups": ("conv_bits", (32, 32), 512, 512, {"groups": 512}),
    "bits in whole words": ("conv_bits", (8, 8), 2048, 2048, {"groups": 2}),
    "bits in small groups": ("conv_bits", (32, 32), 512, 1152, {"groups": 64}),
    "few bits": ("conv_bits", (300, 300), 20, 24, {"kernel": (7, 7)}),
    "few bits, jumping": ("conv_bits", (400, 300), 17, 33, {"stride": (3, 100)}),
    "few bits, dilated": ("conv_bits", (400, 300), 31, 9, {"dilation": (90, 90)}),
    "few bits to many": ("conv_bits", (16, 16), 9, 6000, {"kernel": (5, 5)}),
    "bits, one wide": ("conv_bits", (4000, 1), 128, 64, {"kernel": (3, 1), **ROW}),
    "bits, one high": ("conv_bits", (1, 4000), 128, 64, {"kernel": (1, 3), **ROW}),
    "pixels to one channel": ("conv_u8", (30, 30), 1001, 1, {"kernel": (30, 30), **ROW}),
    "pixels to 640 channels": ("conv_u8", (8, 8), 64, 640, {"kernel": (5, 5)}),
    "pixels, a set of taps each": ("conv_u8", (8, 8), 3, 17, WIDE),
    "pixels, dilated": ("conv_u8", (64, 64), 1, 600, {"kernel": (9, 9), "dilation": (7, 7)}),
    "pixels in groups": ("conv_u8", (32, 32), 512, 1024, {"groups": 512}),
    "signs to one channel": ("conv_f32_bits", (16, 16), 1000, 1, {"kernel": (9, 9)}),
    "signs in groups of two": ("conv_f32_bits", (16, 16), 1024, 2048, {"groups": 1024}),
    "signs, depthwise": ("conv_f32_bits", (9, 9), 4096, 4096, {"groups": 4096, "kernel": (9, 9)}),
    "signs, a row": ("conv_f32_bits", (1, 1), 4096, 1000, {"kernel": (1, 1), **ROW}),
    "reals to one channel": ("conv_f32", (16, 16), 1000, 1, {"kernel": (9, 9)}),
    "reals to 17 channels": ("conv_f32", (4, 4), 2048, 17, {"kernel": (3, 3)}),
    "reals, depthwise": ("conv_f32", (32, 32), 2048, 2048, {"groups": 2048}),
}


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize(("op", "size", "inputs", "channels", "where"), HARD.values(), ids=HARD)
def test_no_engine_holds_more_than_is_counted(op, size, inputs, channels, where, isa):
    for folded in ("",) if "f32" in op else ("", "threshold", "affine"):
        model = convolution(op, size, inputs, channels, folded=folded, **where)
        assert 1 << 18 < held(model, isa) <= of_engine(model) - MARGIN, folded


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize(
    ("op", "size", "inputs", "channels"),
    [
        ("conv_bits", (1, 1), 2048, 4096),
        ("conv_bits", (9, 9), 65, 1000),
        ("conv_u8", (1, 1), 1999, 1025),
        ("conv_f32", (1, 1), 500, 1025),
    ],
)
def test_linear_layers_for_groups_of_samples_are_counted(op, size, inputs, channels, isa):
    """A second kernel; the values of all samples are in the margin."""
    model = convolution(op, size, inputs, channels, kernel=size, padding=(0, 0, 0, 0))
    assert 1 << 18 < held(model, isa) <= of_engine(model)


def pools() -> list[PackedModel]:
    """Large windows, over maps of each kind."""
    large = window((300, 300), (30, 30), (299,) * 4)
    large_mean = {key: value for key, value in large.items() if key != "dilation"}
    bits = first_bits(np.random.default_rng(0), 5)
    return [
        viewed([*bits, Node("max_pool", (2,), large)], (40, 40)),
        viewed([normalized(1), Node("max_pool", (1,), large)], (40, 40)),
        viewed(
            [normalized(1), Node("avg_pool", (1,), large_mean | {"count_padding": True})], (40, 40)
        ),
        viewed([normalized(9)], (1, 16384), 9),
    ]


def moves() -> list[PackedModel]:
    """Large tables, by any axis, and a filled pixel of each kind."""
    bits = first_bits(np.random.default_rng(0), 5)
    row, side = np.arange(1 << 18) % 5, np.zeros(1 << 15)
    return [
        viewed([*bits, normalized(1), move(source, *places, fill=1)], (1, 5))
        for source in (0, 1, 2, 3)
        for places in (([0], [0], row), (side, [0], [0]), ([0], side, [-1]))
    ]


@pytest.mark.parametrize("isa", available_isas())
def test_no_engine_of_any_operation_holds_more_than_is_counted(isa):
    models = [*pools(), *moves(), version_2()]
    models += [*map(small, OPERATIONS), *map(packed, NAMES)]
    models += [random_network(np.random.default_rng(seed)) for seed in range(40)]
    for model in models:
        assert held(model, isa) <= of_engine(model)


@pytest.mark.parametrize("name", zoo.names())
def test_ordinary_networks_are_not_counted_with_much_more_than_they_hold(name):
    model = PackedModel.load(zoo.read(name))
    for isa in available_isas():
        found = held(model, isa)
        # The count has each value by itself; in an engine, values share memory.
        assert found <= model.memory <= 12 * found + 2 * MARGIN


@pytest.mark.parametrize("isa", available_isas())
def test_values_share_memory_when_they_do_not_live_at_the_same_time(isa):
    size, channels = (64, 64), 16
    number = 4 * 64 * 64 * channels
    clamps = [Node("clamp", (one,), {"low": -1.0, "high": 1.0}) for one in range(1, 21)]
    chain = viewed([normalized(channels), *clamps], size, channels)
    assert held(chain, isa) < 4 * number + MARGIN
    # Each sum needs the first value, and the one before.
    adds = [Node("add", (one, 1)) for one in range(1, 21)]
    sums = viewed([normalized(channels), *adds], size, channels)
    assert 3 * number < held(sums, isa) < 5 * number + MARGIN


def test_making_an_engine_takes_no_more_memory_than_is_counted(tmp_path):
    """In a process that may not have more, so that what is freed again counts too."""
    where = {"kernel": (3, 3), **ROW}
    depthwise = {"kernel": (32, 32), "groups": 2048, "padding": (31, 31, 0, 0)}
    models = [
        convolution("conv_f32_bits", (3, 3), 1024, 1024, **where),
        convolution("conv_f32", (3, 3), 512, 1024, **where),
        convolution("conv_f32_bits", (1, 1), 2048, 2048, **depthwise),
        convolution("conv_f32", (1, 1), 2048, 2048, **depthwise),
        viewed([normalized(1), Node("clamp", (1,), {"low": 0.0, "high": 1.0})], (2048, 2048)),
    ]
    for index, model in enumerate(models):
        model.save(tmp_path / f"{index}.signbit")
    code = """
import resource, sys
from pathlib import Path
import numpy as np
from signbit.format import PackedModel
from signbit.runtime.engine import Engine
def use(model):
    engine = Engine(model)
    engine.scores(np.zeros((1, *model.preprocessing.size, model.preprocessing.channels), np.uint8))
paths = sorted(Path(sys.argv[1]).iterdir())
use(PackedModel.load(paths.pop()))  # what is allocated once
for path in paths:
    model = PackedModel.load(path)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    there = sum(tensor.nbytes for node in model.nodes for tensor in node.tensors.values())
    most = now + model.memory - there
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    use(model)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(path.stem)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    # glibc gives what is freed back at once, and nothing hides in what an engine before left.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(models) - 1


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        # A window of 76 KB of weights, at which each of 173,056 positions would take 0.2 ms.
        (("conv_f32_bits", (512, 512), 64, 1), {"kernel": (97, 97), **ROW}),
        # Of 2.1 MB, which would take 1.1 GB as float32 numbers in lanes of 16 channels.
        (("conv_f32_bits", (64, 64), 4096, 1), {"kernel": (64, 64), **ROW}),
        (("conv_u8", (512, 512), 64, 1), {"kernel": (97, 97), **ROW}),
        (("conv_f32_bits", (160, 160), 512, 1024), {"kernel": (3, 3), "groups": 512}),
    ],
    ids=["time", "memory", "pixels", "groups"],
)
def test_small_files_that_ask_for_much_are_refused(arguments, more):
    with pytest.raises(ModelFormatError, match="the network is too large: "):
        convolution(*arguments, **more)


# Kernel 2x3, a map of 4x5, worked out by hand from docs/format.md.
@pytest.mark.parametrize(
    ("op", "kind", "inputs", "channels", "groups", "units"),
    [
        ("conv_bits", "bits", 70, 3, 1, 20 * 3 * (24 + 8 * 6 * 2)),
        ("conv_u8", "u8", 6, 3, 3, 20 * 3 * (20 + 6 * (2 + 2))),
        ("conv_f32", "f32", 4, 34, 2, 20 * 2 * (20 + 6 * (8 + 2 * (1 + 5 * 32)))),
        ("conv_f32_bits", "f32", 4, 4, 4, 20 * (20 + 6 * (8 + 3 * 4))),
        ("conv_f32_bits", "f32", 1, 1, 1, 20 * (20 + 6 * (8 + 1 * (1 + 5 * 16)))),
        ("max_pool", "bits", 70, 70, 1, 20 * 2 * (8 + 6)),
        ("max_pool", "i32", 7, 7, 1, 20 * (10 + 6 * (6 + 7))),
        ("avg_pool", "f32", 7, 7, 1, 20 * (10 + 6 * (6 + 7))),
        ("concat", "f32", 7, 14, 1, 20 * (10 + 6 * 2) + 6 * 20 * 14),
        ("flatten", "bits", 7, 7, 1, 12 * 20 * 7),
        ("log_softmax", "f32", 7, 7, 1, 20 * (10 + 12 * 7)),
        ("signs", "bits", 7, 7, 1, 20 * (10 + 4 * 7)),
    ],
)
def test_work_is_what_the_page_says(op, kind, inputs, channels, groups, units):
    node = Node(op, (0,), {"kernel": (2, 3), "groups": groups})
    sources = [ValueType(kind, 5, 7, inputs)] * (2 if op == "concat" else 1)
    output = ValueType(kind, 4, 5, channels)
    assert operations.get(op).work(node, sources, output) == units


@pytest.mark.parametrize(
    ("node", "source", "gives", "units"),
    [
        (move(0, [0], [0, 1], [1, 0, 2]), (1, 2, 4), (1, 2, 3), 2 * (10 + 12 * 3)),
        # Of 2^20 bytes, and of more.
        (move(0, [0], [0, 1], [1, 0]), (1, 1 << 16, 4), (1, 2, 2), 2 * (10 + 12 * 2)),
        (move(0, [0], [0, 1], [1, 0]), (1, 1 << 16, 5), (1, 2, 2), 2 * (10 + (12 + 60) * 2)),
        (move(0, [0], [0, 1], [0, 1]), (1, 1 << 16, 5), (1, 2, 2), 2 * (10 + 12 * 2 + 60)),
        (Node("unary", (0,), {"function": "sqrt"}), (2, 3, 4), (2, 3, 4), 6 * (10 + 8 * 4)),
        (Node("unary", (0,), {"function": "erf"}), (2, 3, 4), (2, 3, 4), 6 * (10 + 40 * 4)),
        (Node("binary", (0, 0)), (2, 3, 4), (2, 3, 4), 6 * (10 + 4 * 4)),
        (
            Node("reduce", (0,), {"function": "sum", "axes": ["width"]}),
            *((2, 3, 4), (2, 1, 4)),
            20 * 8 + 6 * (10 + 4 * 4),
        ),
    ],
)
def test_work_of_version_2_is_what_the_page_says(node, source, gives, units):
    operation = operations.get(node.op)
    inputs = [ValueType("f32", *source)] * len(node.inputs)
    assert operation.work(node, inputs, ValueType("f32", *gives)) == units


def test_a_file_whose_moves_take_long_is_refused():
    """A megabyte of places in large maps, whose memory would still be allowed."""
    rows, columns = np.arange(1 << 16) * 63 % (1 << 20), np.arange(64)[::-1]
    nodes = [normalized(1), *(move(1, rows, columns, [0]) for _ in range(30))]
    with pytest.raises(ModelFormatError, match=r"\(move\): the network is too large: ") as caught:
        viewed(nodes, (1025, 1024))
    memory, work = (int(one) for one in re.findall(r"\d{9,}", str(caught.value))[:2])
    assert memory < MAX_MEMORY
    assert work > MAX_WORK


def test_pools_over_large_windows_are_refused():
    large = window((500, 500), padding=(0,) * 4)
    with pytest.raises(ModelFormatError, match=r"\(max_pool\): the network is too large: "):
        viewed([normalized(1), Node("max_pool", (1,), large)], (1000, 1000))


def test_more_inputs_than_a_graph_may_have_are_refused():
    nodes = [normalized(1), Node("concat", (1,) * 16384)]
    with pytest.raises(ModelFormatError, match="more than 16384 inputs together"):
        model_of(nodes, (1, 1))


class _ResNet50:
    """Bottlenecks of binary convolutions, real shortcuts, first and last layer."""

    def __init__(self):
        self.nodes = [normalized(3)]

    def add(self, op: str, inputs: tuple[int, ...], attributes=None, **tensors) -> int:
        self.nodes.append(Node(op, inputs, attributes or {}, tensors))
        return len(self.nodes)

    def conv(self, op: str, source: int, depth: int, channels: int, side: int, stride=1) -> int:
        padding = (side // 2,) * 4
        attributes = window((side, side), (stride, stride), padding)
        attributes |= {"channels": channels, "groups": 1}
        weight = np.zeros((channels, side, side, depth), np.float32)
        if op == "conv_bits":
            ends = {"threshold": np.zeros(depth, "f4"), "below": np.zeros(depth // 64, "u8")}
            source = self.add("threshold", (source,), **ends)
            attributes["padding_value"] = 0
            weight = np.zeros((channels, side, side, depth // 64), np.uint64)
        numbers = {name: np.zeros(channels, np.float32) for name in ("scale", "bias")}
        return self.add("affine", (self.add(op, (source,), attributes, weight=weight),), **numbers)

    def block(self, source: int, depth: int, width: int, stride: int) -> int:
        inner = self.conv("conv_bits", source, depth, width, 1)
        inner = self.conv("conv_bits", inner, width, width, 3, stride)
        inner = self.conv("conv_bits", inner, width, 4 * width, 1)
        if depth != 4 * width:
            source = self.conv("conv_f32", source, depth, 4 * width, 1, stride)
        return self.add("add", (source, inner))

    def model(self) -> PackedModel:
        value = self.conv("conv_f32", 1, 3, 64, 7, 2)
        value = self.add("max_pool", (value,), window((3, 3), (2, 2)))
        depth = 64
        for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
            for index in range(blocks):
                value = self.block(value, depth, width, 2 if index == 0 and width > 64 else 1)
                depth = 4 * width
        mean = window((7, 7), padding=(0,) * 4) | {"count_padding": True}
        del mean["dilation"]
        value = self.add("avg_pool", (value,), mean)
        self.conv("conv_f32", value, depth, 1000, 1)
        return model_of(self.nodes, (224, 224), 3)


def test_a_resnet_50_takes_less_than_half_of_what_is_allowed():
    model = _ResNet50().model()
    assert model.types[-1].channels == 1000
    assert model.work < MAX_WORK / 2
    assert model.memory < MAX_MEMORY / 2
