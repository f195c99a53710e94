"""The Verilog of networks with any inputs and outputs."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.files import WINDOW
from helpers.files import ends as with_numbers
from helpers.nodes import random_thresholds, random_weight, window
from helpers.random_ends import random_ends
from helpers.random_networks import affine
from helpers.tools import run
from helpers.verilog_export import simulate

from signbit.errors import ExportError
from signbit.export import export, make_request
from signbit.format import Input, Node, Output, PackedModel, Signature

POINT = {**WINDOW, "kernel": (1, 1), "padding_value": 0}


def conv(rng, source: int, fan: int, channels: int, kernel=(3, 3), op="conv_bits") -> Node:
    attributes: dict[str, Any] = window(kernel, padding=(1,) * 4 if kernel == (3, 3) else (0,) * 4)
    attributes |= {"channels": channels, "groups": 1}
    attributes |= {"multiplier": 1, "offset": -3} if op == "conv_u8" else {"padding_value": 0}
    return Node(op, (source,), attributes, random_weight(rng, channels, kernel, fan))


def threshold(rng, source: int, channels: int, spread: int = 4) -> Node:
    return Node("threshold", (source,), {}, random_thresholds(rng, channels, spread))


def heads() -> PackedModel:
    """Maps of two inputs are joined, and joined again with what is made of them; many outputs."""
    rng = np.random.default_rng(8)
    nodes = [
        conv(rng, 0, 2, 4, op="conv_u8"),
        threshold(rng, 3, 4, 500),
        Node("concat", (4, 1)),
        conv(rng, 5, 7, 6),
        threshold(rng, 6, 6),
        Node("concat", (7, 5, 1)),
        conv(rng, 8, 16, 3, (5, 4)),
        affine(9, [0.5, -0.25, 1.0], [1.0, 0.125, 0.0]),
        Node("log_softmax", (10,)),
        conv(rng, 8, 16, 2, (1, 1)),
        affine(12, [1.5, 3.0], [0.5, -2.0]),
    ]
    inputs = [
        Input.fixed_point("image", (5, 4, 2), 0.5),
        Input.bits("flags", (5, 4, 3)),
        Input.bits("spare", (2,)),
    ]
    outputs = [
        Output("answer", "classes", 11),
        Output("logits", "numbers", 10),
        Output("masks", "labels", 13, 3),
        Output("sums", "numbers", 12, 3),
        Output("joined", "numbers", 5, 3),
    ]
    return PackedModel(nodes, Signature(inputs, outputs))


def written(folder: Path, model: PackedModel, parallel: int = 2) -> Path:
    export(make_request(model, "net"), "verilog", folder, options={"parallel": parallel})
    return folder


@pytest.mark.parametrize("seed", range(12))
def test_icarus_finds_any_inputs_and_outputs_as_expected(iverilog, tmp_path, seed):
    folder = written(tmp_path / "out", random_ends(np.random.default_rng(seed), streams=True))
    assert simulate(iverilog, folder).startswith("PASS net: 4 samples, ")
    assert simulate(iverilog, folder, "+stall").startswith("PASS net: 4 samples, ")


@pytest.mark.parametrize("parallel", [1, 3, 100])
def test_streams_that_part_and_join_give_every_output(iverilog, tmp_path, parallel):
    folder = written(tmp_path / "out", heads(), parallel)
    assert simulate(iverilog, folder).startswith("PASS net: 4 samples, ")
    assert simulate(iverilog, folder, "+stall").startswith("PASS net: 4 samples, ")


def test_a_queue_that_is_too_short_is_found(iverilog, tmp_path):
    """What waits for a window that is not complete holds up the input of that window."""
    folder = written(tmp_path / "out", heads())
    header = folder / "net_parameters.vh"
    text, count = re.subn(r"(N08_CONCAT\d?_DEPTH) = 20", r"\1 = 2", header.read_text())
    assert count == 2
    header.write_text(text)
    assert "beats are missing" in simulate(iverilog, folder)


def test_verilator_has_nothing_to_warn_of_and_says_the_same(verilator, tmp_path):
    folder = written(tmp_path / "out", heads(), 3)
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""
    place = ("--Mdir", tmp_path / "obj", "-o", "simulate", "--top-module", "net_tb")
    quick = "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
    run(verilator, "--binary", "-MAKEFLAGS", quick, *place, "net_tb.v", folder=folder)
    program = tmp_path / "obj" / "simulate"
    for stall in ((), ("+stall",)):
        assert run(program, *stall, folder=folder).startswith("PASS net: 4 samples")


@pytest.mark.parametrize("seed", range(3))
def test_verilator_has_nothing_to_warn_of_in_random_networks(verilator, tmp_path, seed):
    folder = written(tmp_path / "out", random_ends(np.random.default_rng(seed), streams=True))
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""


def test_yosys_synthesizes_without_latches_and_loops(yosys, tmp_path):
    folder = written(tmp_path / "out", heads())
    sources = " ".join(sorted(path.name for path in folder.glob("signbit_*.v")))
    script = (
        f"read_verilog -defer net.v {sources}; hierarchy -check -top net; proc; "
        "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr; "
        "flatten; opt -fast; check -assert; memory -nomap; stat"
    )
    assert "Number of cells" in run(yosys, "-p", script, folder=folder)


def test_the_module_has_a_stream_for_each_input_and_output(tmp_path):
    folder = written(tmp_path / "out", heads())
    text = (folder / "net.v").read_text()
    ports = re.findall(r"^    (?:input|output) wire \[(\d+):0\] (\w+?),?$", text, re.MULTILINE)
    found = {port: int(last) + 1 for last, port in ports}
    manifest = json.loads((folder / "manifest.json").read_text())
    streams = {one["ports"]: one for one in manifest["streams_in"]}
    assert {name: one["bits"] for name, one in streams.items()} == {
        "s_image": 16, "s_flags": 3, "s_spare": 2,
    }  # fmt: skip
    assert all(found[f"{name}_data"] == one["bits"] for name, one in streams.items())
    given = {one["ports"]: one for one in manifest["streams_out"]}
    assert list(given) == ["m_answer", "m_logits", "m_masks", "m_sums", "m_joined"]
    assert list(given["m_answer"]["bits"]) == ["class", "scores", "sums"]
    assert [one["beats"] for one in given.values()] == [1, 1, 20, 20, 20]
    for name, one in given.items():
        for field, bits in one["bits"].items():
            assert found[f"{name}_{field}"] == bits
    assert manifest["results"] == []


def decoded(folder: Path, file: str, bits: int, channels: int) -> np.ndarray:
    """Signed numbers of so many bits: a row for each beat."""
    words = [int(line, 16) for line in (folder / file).read_text().split()]
    fields = [[word >> c * bits & (1 << bits) - 1 for c in range(channels)] for word in words]
    return np.array([[f - (f >> bits - 1 << bits) for f in row] for row in fields], np.float64)


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_manifest_says_how_to_read_a_beat(tmp_path, parallel):
    """The golden files, which the simulation must equal, are the outputs of the reference."""
    folder = written(tmp_path / "out", heads(), parallel)
    golden = make_request(heads(), "net").golden
    manifest = json.loads((folder / "manifest.json").read_text())
    for stream in manifest["streams_out"]:
        name, bits = stream["output"], stream["bits_of_a_number"]
        wanted = golden.outputs[name].reshape(-1, golden.outputs[name].shape[-1])
        field = "scores" if "scores" in bits else "data"
        width, channels = bits[field], wanted.shape[1]
        found = decoded(folder, f"net_golden_out_{name}_{field}.mem", width, channels)
        if name == "joined":
            found = -found  # one bit: -1 in two's complement
        elif name == "answer":
            wanted = golden.values[10].reshape(-1, channels)  # before log_softmax
        np.testing.assert_array_equal(found / 2 ** stream.get("score_fraction", 0), wanted)
    classes = decoded(folder, "net_golden_out_answer_class.mem", 3, 1)
    np.testing.assert_array_equal(classes[:, 0], golden.outputs["answer"].argmax(1))


OUTPUTS = ["answer_class", "answer_scores", "answer_sums", "logits_scores", "masks_scores",
           "sums_data", "joined_data"]  # fmt: skip


def test_test_bench_finds_one_wrong_digit_of_any_output(iverilog, tmp_path):
    folder = written(tmp_path / "out", heads())
    assert simulate(iverilog, folder).startswith("PASS")
    for name in OUTPUTS:
        path = folder / f"net_golden_out_{name}.mem"
        *lines, last = path.read_text().splitlines()
        path.write_text("\n".join([*lines, f"{last[:-1]}{int(last[-1], 16) ^ 1:x}"]) + "\n")
        said = run("vvp", "-n", tmp_path / "out.vvp", folder=folder).splitlines()
        assert said[-1].startswith("FAIL net: 1 beats differ, none is missing"), name
        path.write_text("\n".join([*lines, last]) + "\n")
    assert run("vvp", "-n", tmp_path / "out.vvp", folder=folder).splitlines()[-1].startswith("PASS")


@pytest.mark.parametrize("shape", [(9,), (4, 9), (3, 5, 9)])
def test_bits_in_and_sums_out_take_the_cycles_that_the_manifest_says(iverilog, tmp_path, shape):
    rng = np.random.default_rng(0)
    nodes = [conv(rng, 0, 9, 5, (1, 1)), threshold(rng, 1, 5), conv(rng, 2, 5, 4, (1, 1))]
    outputs = [Output("sums", "numbers", 3, len(shape))]
    model = PackedModel(nodes, Signature([Input.bits("x", shape)], outputs))
    folder = written(tmp_path / "out", model)
    results = json.loads((folder / "manifest.json").read_text())["results"]
    assert len(results) == 4
    assert simulate(iverilog, folder).startswith(f"PASS net: 4 samples, {results[-1]} cycles")


def test_names_that_are_words_of_verilog_or_differ_in_case_only(iverilog, verilator, tmp_path):
    flip = {"mask": np.array([2], np.uint64)}
    words = ["module", "x", "x_fork", "X"]
    nodes = [
        *(Node("flip", (n,), {}, flip) for n in (0, 1, 2, 1, 3)),
        Node("concat", (0, 1, 2, 3, 3, 0)),
    ]
    names = ["wire", "y", "Y", "y_data", "y_valid", "valid"]
    outputs = [Output(name, "numbers", 4 + n) for n, name in enumerate(names)]
    model = PackedModel(nodes, Signature([Input.bits(word, (3,)) for word in words], outputs))
    folder = written(tmp_path / "out", model)
    files = [path.name.lower() for path in folder.iterdir()]
    assert len(set(files)) == len(files)
    assert simulate(iverilog, folder, "+stall").startswith("PASS net: 4 samples")
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""


@pytest.mark.parametrize("op", ["flip", "flatten"])
def test_a_network_without_registers(iverilog, verilator, tmp_path, op):
    tensors = {"mask": np.array([2], np.uint64)} if op == "flip" else {}
    model = one_input(Input.bits("x", (3,)), Node(op, (0,), {}, tensors))
    folder = written(tmp_path / "out", model)
    assert simulate(iverilog, folder).startswith("PASS net: 4 samples, 4 cycles")
    for top in ("net.v", "net_tb.v"):
        assert run(verilator, "--lint-only", "-Wall", "--timing", top, folder=folder) == ""


def one_input(given: Input, *nodes: Node, kind: str = "numbers", rank: int = 1) -> PackedModel:
    return PackedModel(nodes, Signature([given], [Output("y", kind, len(nodes), rank)]))


def _sums() -> tuple[Input, Node]:
    return Input.bits("x", (3,)), conv(np.random.default_rng(0), 0, 3, 2, (1, 1))


REFUSED = {
    r"verilog cannot express input 'wave': it is f32; streams carry only u8 and bits. .*export": (
        lambda: one_input(Input.numbers("wave", (3, 2)), threshold_of_reals(0, 2), rank=2)
    ),
    r"verilog cannot express input 'wave': it is f32; .*Input.fixed_point": with_numbers,
    r"verilog cannot express node 3 \(clamp, f32 1x1x2\): it does not know clamp": (
        lambda: one_input(
            *_sums(),
            affine(1, [1.0] * 2, [0.0] * 2),
            Node("clamp", (2,), {"low": -1.0, "high": 1.0}),
        )
    ),
    r"node 3 \(threshold, .*real numbers are only allowed at the end": lambda: one_input(
        *_sums(), affine(1, [1.0] * 2, [0.0] * 2), threshold_of_reals(2, 2)
    ),
    r"node 3 \(softmax, .*output 'y' has the kind labels; softmax is allowed only for": (
        lambda: one_input(
            *_sums(), affine(1, [1.0] * 2, [0.0] * 2), Node("softmax", (2,)), kind="labels"
        )
    ),
    r"node 2 \(concat, .*it joins only bits .*; join the values after their signs": (
        lambda: one_input(*_sums(), Node("concat", (1, 1)))
    ),
    r"node 2 \(flatten, .*a map can only be flattened before": lambda: one_input(
        Input.bits("x", (2, 3)), Node("flip", (0,), {}, {"mask": np.array([1], np.uint64)}),
        Node("flatten", (1,)),
    ),
}  # fmt: skip


def threshold_of_reals(source: int, channels: int) -> Node:
    cut = {"threshold": np.zeros(channels, np.float32), "below": np.zeros(1, np.uint64)}
    return Node("threshold", (source,), {}, cut)


@pytest.mark.parametrize("match", REFUSED)
def test_what_streams_cannot_express_is_refused_by_name(tmp_path, match):
    with pytest.raises(ExportError, match=match):
        written(tmp_path / "out", REFUSED[match]())
    assert not list(tmp_path.iterdir())
