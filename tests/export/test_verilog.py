"""The Verilog of an export in Icarus Verilog, Verilator and Yosys; golden files are the oracle."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.networks import packed
from helpers.nodes import first_bits, model_of, move, random_weight, window
from helpers.random_networks import affine, odd, random_network, types_of
from helpers.tools import run
from helpers.verilog_export import request_for, simulate, written

from signbit.errors import ExportError, UsageError
from signbit.export import export, make_request
from signbit.export.verilog import cycles
from signbit.export.verilog.plan import make_plan
from signbit.export.verilog.report import layer_cycles
from signbit.export.verilog.scores import CannotExpressError, fixed_point
from signbit.format import Node, PackedModel
from signbit.format.bits import unpack_bits
from signbit.passes.on_the_map import on_the_map
from signbit.runtime import reference

QUICK = "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"  # for the C++ compiler, which takes longest


def network(name: str) -> PackedModel:
    return odd() if name == "odd" else packed(name)


@pytest.mark.parametrize(
    ("name", "parallel"),
    [("digits", 1), ("vgg_cut", 1), ("vgg_cut", 3), ("mlp", 7), ("paddings", 4), ("odd", 2),
     ("odd", 1000)],
)  # fmt: skip
def test_icarus_finds_every_bit_and_cycle_as_expected(iverilog, tmp_path, name, parallel):
    folder = written(tmp_path / "out", network(name), parallel)
    first, last = json.loads((folder / "manifest.json").read_text())["results"]
    assert simulate(iverilog, folder).splitlines() == [
        f"PASS net: 2 samples, {last} cycles, first result after {first}"
    ]
    stalled = simulate(iverilog, folder, "+stall")
    assert stalled.startswith("PASS net: 2 samples, ")
    assert int(stalled.split()[4]) > last


@pytest.mark.parametrize("seed", range(8))
def test_icarus_finds_any_geometry_as_expected(iverilog, tmp_path, seed):
    rng = np.random.default_rng(seed)
    folder = written(tmp_path / "out", random_network(rng), int(rng.integers(1, 5)), images=3)
    assert simulate(iverilog, folder).startswith("PASS net: 3 samples, "), f"seed {seed}"
    assert simulate(iverilog, folder, "+stall").startswith("PASS net: 3 samples, "), f"seed {seed}"


@pytest.mark.parametrize(("name", "parallel"), [("digits", 1), ("vgg_cut", 2)])
def test_verilator_says_the_same(verilator, tmp_path, name, parallel):
    folder = written(tmp_path / "out", packed(name), parallel)
    last = json.loads((folder / "manifest.json").read_text())["results"][-1]
    place = ("--Mdir", tmp_path / "obj", "-o", "simulate", "--top-module", "net_tb")
    run(verilator, "--binary", "-MAKEFLAGS", QUICK, *place, "net_tb.v", folder=folder)
    program = tmp_path / "obj" / "simulate"
    assert run(program, folder=folder).startswith(f"PASS net: 2 samples, {last} cycles")
    assert run(program, "+stall", folder=folder).startswith("PASS net: 2 samples")


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("name", ["digits", "vgg_cut", "mlp", "paddings", "odd"])
def test_verilator_has_nothing_to_warn_of(verilator, tmp_path, name, parallel):
    folder = written(tmp_path / "out", network(name), parallel)
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""


@pytest.mark.parametrize("name", ["odd", "mlp"])
def test_yosys_synthesizes_without_latches_and_loops(yosys, tmp_path, name):
    folder = written(tmp_path / "out", network(name), 2)
    sources = " ".join(sorted(path.name for path in folder.glob("signbit_*.v")))
    script = (
        f"read_verilog -defer net.v {sources}; hierarchy -check -top net; proc; "
        "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr; "
        "flatten; opt -fast; check -assert; memory -nomap; stat"
    )
    assert "Number of cells" in run(yosys, "-p", script, folder=folder)


def test_test_bench_finds_one_wrong_digit_in_any_file(iverilog, tmp_path):
    folder = written(tmp_path / "out", odd(), 2)
    assert simulate(iverilog, folder).startswith("PASS")
    program = tmp_path / "out.vvp"
    golden = sorted(set(folder.glob("net_golden_*.mem")) - {folder / "net_golden_pixels.mem"})
    assert len(golden) == 3 + 6
    # Of pixels, other weights and thresholds a digit may make no difference to the bits.
    for path in [*golden, folder / "net_n11_weights.mem", folder / "net_n13_affine.mem"]:
        text = path.read_text()
        path.write_text(f"{int(text[0], 16) ^ 1:x}{text[1:]}")
        line = run("vvp", "-n", program, folder=folder).splitlines()[-1]
        assert line.startswith("FAIL net: "), path.name
        path.write_text(text)
    assert run("vvp", "-n", program, folder=folder).startswith("PASS")


def test_test_bench_finds_one_wrong_weight_digit_of_a_hidden_layer(iverilog, tmp_path):
    model = packed("vgg_cut")
    hidden = request_for(model, "net").golden.values[4]
    folder = written(tmp_path / "out", model, 1)
    assert simulate(iverilog, folder).startswith("PASS")
    # The bit of the channel that is closest to being +1 as often as -1.
    channel = int(np.abs(hidden.mean((0, 1, 2)) - 0.5).argmin())
    path = folder / "net_n03_weights.mem"
    lines = path.read_text().splitlines()
    lines[channel] = f"{int(lines[channel][0], 16) ^ 15:x}{lines[channel][1:]}"
    path.write_text("\n".join(lines) + "\n")
    said = run("vvp", "-n", tmp_path / "out.vvp", folder=folder)
    assert "net_golden_n04.mem: beat " in said
    assert said.splitlines()[-1].startswith("FAIL net: ")


def test_test_bench_finds_a_wrong_number_of_cycles_and_a_missing_pixel(iverilog, tmp_path):
    folder = written(tmp_path / "out", odd(), 2)
    bench = folder / "net_tb.v"
    text = bench.read_text()
    bench.write_text(re.sub(r"CYCLES = (\d+)", lambda m: f"CYCLES = {int(m[1]) + 1}", text))
    assert re.match(r"FAIL net: \d+ cycles, expected", simulate(iverilog, folder))
    player = r"(signbit_player #\(\s*\.WIDTH\(\d+\), \.BEATS\()(\d+)"
    bench.write_text(re.sub(player, lambda m: f"{m[1]}{int(m[2]) - 1}", text))
    assert "beats are missing" in simulate(iverilog, folder)


def test_memory_files_hold_the_weights_as_documented(tmp_path):
    model, lanes = packed("vgg_cut"), 3
    folder = written(tmp_path / "out", model, lanes)
    for number, positions in ((3, 1), (6, 30)):
        weight = unpack_bits(model.node(number).tensors["weight"], 16)
        outputs, taps = len(weight), weight.shape[1] * weight.shape[2] // positions
        words = [int(line, 16) for line in mem(folder, f"n{number:02d}_weights")]
        passes = -(-outputs // lanes)
        assert len(words) == positions * passes
        for index in np.ndindex(outputs, positions, taps, 16):
            channel, position, tap, c = index
            word = words[position * passes + channel // lanes]
            bit = word >> ((channel % lanes * taps + tap) * 16 + c) & 1
            row, column = divmod(position * taps + tap, weight.shape[2])
            assert bit == weight[channel, row, column, c]


def mem(folder: Path, name: str) -> list[str]:
    return (folder / f"net_{name}.mem").read_text().split()


def test_coe_files_hold_the_words_of_the_mem_files(tmp_path):
    folder = written(tmp_path / "out", odd(), 1)
    paths = sorted(folder.glob("*.coe"))
    assert len(paths) == 4 + 3 + 1
    for path in paths:
        head, vector = path.read_text().split("memory_initialization_vector=\n")
        assert head == "memory_initialization_radix=16;\n"
        words = vector.removesuffix(";\n").split(",\n")
        assert words == path.with_suffix(".mem").read_text().split()


@pytest.mark.parametrize("parallel", [1, 3, 16, 1000])
@pytest.mark.parametrize("name", ["digits", "vgg_cut", "mlp", "paddings"])
def test_layer_that_waits_for_nobody_takes_the_cycles_of_the_formula(name, parallel):
    given = request_for(on_the_map(packed(name)), name)
    stages = make_plan(given, parallel).stages
    told = layer_cycles(given, parallel)
    layers = [n for n, node in enumerate(given.model.nodes, 1) if "kernel" in node.attributes]
    assert list(told) == layers
    for number, expected in told.items():
        # What streams into the first of its stages.
        _, height, width, _ = given.model.types[given.model.node(number).inputs[0]]
        stream = cycles.source(4 * height * width)
        # Without the stage that hands the last sums on one by one, which lets them wait.
        for stage in (s for s in stages if s.node == number and s.role != "serial"):
            stream = stage.timing(stream)
        ends = np.array(cycles.taken(stream)).reshape(4, -1)[:, -1]
        assert np.diff(ends).tolist() == [expected] * 3, number


def random_affines(rng, classes: int) -> list[Node]:
    """Scales and biases of many magnitudes."""
    return [
        affine(
            0,
            (rng.standard_normal(classes) * 2.0 ** rng.integers(-12, 3, classes)).tolist(),
            (rng.standard_normal(classes) * 2.0 ** rng.integers(-20, 9, classes)).tolist(),
        )
        for _ in range(2)
    ]


def float_scores(nodes: list[Node], sums: np.ndarray) -> np.ndarray:
    """(sums, classes) by the reference."""
    value = np.repeat(sums[:, None].astype(np.int32), len(nodes[0].tensors["scale"]), 1)
    for node in nodes:
        value = reference.apply(node, [value])
    return value.astype(np.float64)


@pytest.mark.parametrize("seed", range(5))
def test_fixed_point_scores_are_those_of_float32_to_the_bit(seed):
    nodes, sums = random_affines(np.random.default_rng(seed), 9), np.arange(-700, 701)
    affines = fixed_point(nodes, 700)
    found = np.empty((len(sums), 9))
    for (row, channel), _ in np.ndenumerate(found):
        value = int(sums[row])
        for step in affines:
            value = step.apply(value, channel)
            assert abs(value) <= step.limit
        found[row, channel] = value / 2 ** affines[-1].fraction
    np.testing.assert_array_equal(found, float_scores(nodes, sums))


def test_icarus_finds_scores_of_many_magnitudes_as_expected(iverilog, tmp_path):
    rng = np.random.default_rng(5)
    last = {"channels": 40, "groups": 1, "padding_value": 0}
    last |= window((5, 4), padding=(0, 0, 0, 0))
    nodes = [*first_bits(rng, 7), Node("conv_bits", (2,), last, random_weight(rng, 40, (5, 4), 7))]
    for node in random_affines(rng, 40):
        nodes.append(Node("affine", (len(nodes),), {}, node.tensors))
    folder = written(tmp_path / "out", model_of(nodes, (5, 4)), 7, images=25)
    assert simulate(iverilog, folder).startswith("PASS net: 25 samples")


@pytest.mark.parametrize(
    ("scale", "bias", "limit", "reason"),
    [
        (np.inf, 0.0, 9, "not finite"),
        (1.0, np.nan, 9, "not finite"),
        (1e-30, 0.0, 9, "after the point"),
        (1e17, 1e-36, 9, "exact scores need 2"),
        (1e30, 0.0, 9, "larger than float32 can hold"),
        (1.0, 0.0, 2**24 + 1, "16777217"),
    ],
)
def test_scores_that_need_more_are_refused(scale, bias, limit, reason):
    with pytest.raises(CannotExpressError, match=reason):
        fixed_point([affine(0, [scale], [bias])] * 2, limit)


def small(*middle: Node) -> PackedModel:
    """Bits of three channels on 4x3, some nodes, and scores of two classes."""
    rng = np.random.default_rng(0)
    nodes = [*first_bits(rng, 3), *middle]
    _, height, width, channels = types_of(nodes, (4, 3), 1)
    last = window((height, width), padding=(0, 0, 0, 0))
    last |= {"channels": 2, "groups": 1, "padding_value": 0}
    weight = random_weight(rng, 2, (height, width), channels)
    nodes.append(Node("conv_bits", (len(nodes),), last, weight))
    return model_of([*nodes, affine(len(nodes), [1.0, 1.0], [0.0, 0.0])], (4, 3))


def inserted(position: int, *nodes: Node) -> PackedModel:
    """`small` with nodes put in behind another, which those behind it read then."""
    old, model = list(small().nodes), len(nodes)
    later = [
        Node(node.op, tuple(i + model if i >= position else i for i in node.inputs),
             node.attributes, node.tensors)
        for node in old[position:]
    ]  # fmt: skip
    return model_of([*old[:position], *nodes, *later], (4, 3))


def real_threshold(source: int) -> Node:
    return Node("threshold", (source,), {}, {
        "threshold": np.zeros(3, np.float32), "below": np.zeros(1, np.uint64)
    })  # fmt: skip


POOL = window((2, 2), padding=(0, 0, 0, 0))
PIXEL_LIMITS = {
    "threshold": np.array([100, -1, 255, 0, 256, -(2**31), 2**31 - 1, 127], np.int32),
    "below": np.array([0b01010101], np.uint64),
}


def binary_pixels(*middle: Node) -> PackedModel:
    """Pixels that are binarized first, some nodes, a linear layer, and scores of two classes."""
    rng = np.random.default_rng(0)
    nodes = [Node("threshold", (0,), {}, PIXEL_LIMITS), *middle]
    _, height, width, channels = types_of(nodes, (4, 3), 8)
    last = window((height, width), padding=(0, 0, 0, 0))
    last |= {"channels": 2, "groups": 1, "padding_value": 0}
    weight = random_weight(rng, 2, (height, width), channels)
    nodes.append(Node("conv_bits", (len(nodes),), last, weight))
    return model_of([*nodes, affine(len(nodes), [1.0, 1.0], [0.0, 0.0])], (4, 3), 8)


@pytest.mark.parametrize("middle", [(), (Node("flatten", (1,)),), (Node("max_pool", (1,), POOL),)])
def test_pixels_that_are_binarized_first(iverilog, verilator, tmp_path, middle):
    ends = [0, 1, 99, 100, 101, 126, 127, 128, 254, 255]
    pixels = np.random.default_rng(1).choice(ends, (9, 4, 3, 8)).astype(np.uint8)
    folder = tmp_path / "out"
    export(make_request(binary_pixels(*middle), "net", pixels), "verilog", folder)
    assert simulate(iverilog, folder).startswith("PASS net: 9 samples")
    assert simulate(iverilog, folder, "+stall").startswith("PASS net: 9 samples")
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""


REFUSED = {
    r"node 2 \(move": lambda: binary_pixels(move(1, [0, 24], [0], range(8), -1.0)),
    r"node 9 \(add": lambda: packed("shortcut"),
    r"node 1 \(normalize": lambda: packed("real_ends"),
    r"node 2 \(max_pool.*it pools only bits": lambda: inserted(
        1, Node("max_pool", (1,), window((3, 3)))
    ),
    r"node 3 \(flatten.*only be flattened before a linear layer": lambda: small(
        Node("flatten", (2,)), Node("flip", (3,), {}, {"mask": np.zeros(1, np.uint64)})
    ),
    r"node 3 \(threshold.*real numbers are only allowed at the end": lambda: model_of([
        small().nodes[0], affine(1, [1.0] * 3, [0.0] * 3), real_threshold(2),
        Node("conv_bits", (3,), *_last()), affine(4, [1.0] * 2, [0.0] * 2),
    ], (4, 3)),
    r"node 6 \(affine.*nothing may follow softmax": lambda: inserted(
        4, Node("softmax", (4,)), affine(5, [1.0] * 2, [0.0] * 2)
    ),
    r"node 4 \(affine.*not finite": lambda: inserted(3, affine(3, [np.inf] * 2, [0.0] * 2)),
}  # fmt: skip


def _last():
    node = small().nodes[2]
    return node.attributes, node.tensors


def test_a_node_that_nothing_reads_is_left_out(iverilog, tmp_path):
    model = small(Node("max_pool", (2,), POOL), Node("max_pool", (2,), POOL))
    folder = written(tmp_path / "out", model, 1)
    assert not (folder / "net_golden_n03.mem").exists()
    assert simulate(iverilog, folder).startswith("PASS net")


def test_a_linear_layer_reads_a_flattened_map_as_it_streams_in(iverilog, tmp_path):
    folder = written(tmp_path / "out", small(Node("flatten", (2,))), 1)
    assert simulate(iverilog, folder, "+stall").startswith("PASS net")


@pytest.mark.parametrize("match", REFUSED)
def test_networks_that_streams_of_bits_cannot_express_are_refused(tmp_path, match):
    with np.errstate(invalid="ignore"):
        given = request_for(REFUSED[match](), "net")
    with pytest.raises(ExportError, match=match):
        export(given, "verilog", tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("parallel", [0, -1, 1.5, True, "2"])
def test_parallel_that_is_no_number_of_channels_is_refused(tmp_path, parallel):
    with pytest.raises(UsageError, match=r"parallel'? is"):
        written(tmp_path / "out", odd(), parallel)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "module"), [("table", "net_table"), ("signbit_link", "net_signbit_link")]
)
def test_names_that_are_taken_are_avoided(iverilog, tmp_path, name, module):
    export(request_for(odd(), name), "verilog", tmp_path / "out")
    assert simulate(iverilog, tmp_path / "out", name=module).startswith(f"PASS {module}")
