"""The C of an export, compiled and run: each program compares itself with golden vectors."""

import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from helpers.c_export import BOARD, SANITIZED, STRICT, build, cortex_m, tool, written
from helpers.networks import NAMES, packed
from helpers.nodes import window
from helpers.operations import NAMES as SMALL
from helpers.operations import small
from helpers.random_networks import odd, random_network
from helpers.tools import run

from signbit.export import export, make_request
from signbit.export.c.move import formula_of
from signbit.format import Node, PackedModel, Preprocessing
from signbit.format.bits import pack_bits


@cache
def network(name: str) -> PackedModel:
    if name == "odd":
        return odd()
    return packed(name) if name in NAMES else small(name)


def test_the_manifest_states_the_words_of_the_c_code(tmp_path):
    manifest = export(make_request(packed("digits"), "net"), "c", tmp_path / "out")
    assert "32-bit" in manifest["c_conventions"]["words"]


@pytest.mark.parametrize("wanted", ["INFINITY", "-INFINITY", "NAN", "1e30f"])
def test_a_wrong_score_fails(tmp_path, wanted):
    folder = written(tmp_path / "out", packed("digits"))
    golden = folder / "net_golden.h"
    text, count = re.subn(
        r"(golden_out_scores\S* = \{\s*\{?\s*)[^,]+", rf"\g<1>{wanted}", golden.read_text()
    )
    assert count == 1
    golden.write_text("#include <math.h>\n" + text)
    build(folder, "gcc", "-O1")
    done = subprocess.run([folder / "program"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "sample 0, scores[0] is" in done.stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("name", [*NAMES, *SMALL, "odd"])
def test_every_network_compiles_without_a_warning_and_passes(tmp_path, name, compiler):
    folder = written(tmp_path / "out", network(name))
    program = build(folder, tool(compiler, compiler), "-O1")
    assert run(program, folder=folder).startswith("PASS net: 4 samples, ")


@pytest.mark.parametrize("name", [*NAMES, *SMALL, "odd"])
def test_sanitizers_find_nothing(tmp_path, name):
    folder = written(tmp_path / "out", network(name))
    assert run(build(folder, "gcc", *SANITIZED), folder=folder).startswith("PASS net: ")


@pytest.mark.parametrize("seed", range(10))
def test_any_geometry_passes(tmp_path, seed):
    folder = written(tmp_path / "out", random_network(np.random.default_rng(seed)))
    assert run(build(folder, "gcc", *SANITIZED), folder=folder).startswith("PASS net: "), (
        f"seed {seed}"
    )


@pytest.mark.parametrize("name", ["vgg_cut", "paddings", "mlp", "shortcut", "odd"])
def test_avx2_passes_and_is_what_runs(tmp_path, name):
    folder = written(tmp_path / "out", network(name))
    program = build(folder, tool("gcc", "gcc"), "-O2", "-mavx2", "-static")
    qemu = tool("qemu-x86_64", "qemu-user")
    assert run(qemu, "-cpu", "Haswell", program, folder=folder).startswith("PASS net: ")
    assert "vpshufb" in run("objdump", "-d", program, folder=folder)
    build(folder, "gcc", "-O2", "-mavx2", "-DNET_PORTABLE")
    assert "vpshufb" not in run("objdump", "-d", "--section=.text", program, folder=folder)
    assert run(qemu, "-cpu", "Haswell", program, folder=folder).startswith("PASS net: ")


@pytest.mark.parametrize("name", ["vgg_cut", "paddings", "mlp", "shortcut", "odd"])
def test_neon_passes_and_is_what_runs(tmp_path, name):
    folder = written(tmp_path / "out", network(name))
    compiler = tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu")
    program = build(folder, compiler, "-O2", "-static")
    listing = run(compiler, *STRICT, "-O2", "-S", "-o", "-", "net.c", folder=folder)
    assert re.search(r"\bcnt\s+v\d+\.16b", listing)
    assert run(tool("qemu-aarch64", "qemu-user"), program, folder=folder).startswith("PASS net: ")


@pytest.mark.parametrize("name", [*NAMES, *SMALL, "odd"])
def test_cortex_m3_passes(tmp_path, name):
    assert cortex_m(written(tmp_path / "out", network(name))).startswith("PASS net: 4 samples, ")


@pytest.mark.parametrize("cpu", ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7"])
def test_digits_fit_a_microcontroller(tmp_path, cpu):
    """With what it takes of the C library: 64 KB of flash, 16 KB of RAM with a stack of 2 KB."""
    folder = written(tmp_path / "out", packed("digits"))
    main = '#include "net.h"\nint main(void) { static uint8_t p[64]; return net_classify(p); }\n'
    (folder / "main.c").write_text(main)
    compiler = tool("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
    flags = f"-Os -mcpu={cpu} -mthumb --specs=rdimon.specs -ffunction-sections -fdata-sections"
    board = ["-Wl,--gc-sections", "-T", BOARD / "mps2.ld", BOARD / "startup.c"]
    sources = ["main.c", "net.c", "-o", "main", "-lm"]
    run(compiler, *STRICT, *flags.split(), *board, *sources, folder=folder)
    text, data, bss = map(int, run("arm-none-eabi-size", "main", folder=folder).split()[6:9])
    assert text + data <= 64 << 10
    assert data + bss + 2048 <= 16 << 10


def test_the_header_states_the_memory(tmp_path):
    folder = written(tmp_path / "out", packed("digits"))
    run("gcc", "-Os", "-fno-pie", "-c", "net.c", folder=folder)
    text, data, bss = map(int, run("size", "net.o", folder=folder).split()[6:9])
    header = (folder / "net.h").read_text()
    arena, constants = (
        int(re.search(rf"#define NET_{name}_BYTES (\d+)", header)[1])  # pyright: ignore
        for name in ("ARENA", "CONSTANT")
    )
    assert data == 0
    assert arena <= bss < arena + 64
    assert constants <= text


def test_no_float_takes_part_before_the_scores(tmp_path):
    """The digits are integers up to the last batch norm."""
    folder = written(tmp_path / "out", packed("digits"))
    source = (folder / "net.c").read_text()
    calls = source[source.index("static const float *run") :]
    real = [line.split("(")[0].strip() for line in calls.splitlines() if "real_arena" in line]
    assert real == ["affine_i32", "affine_f32", "log_softmax", "return real_arena;"]
    assert "malloc" not in source


def test_cpp_takes_the_header(tmp_path):
    folder = written(tmp_path / "out", packed("digits"))
    (folder / "main.cc").write_text(
        '#include "net.h"\n#include "net_golden.h"\nint main() {\n'
        "  float scores[NET_CLASSES];\n  net_scores(golden_in_pixels[1], scores);\n"
        "  int best = net_classify(golden_in_pixels[1]);\n"
        "  for (float score : scores) if (score > scores[best]) return 1;\n"
        "  return scores[best] > scores[(best + 1) % NET_CLASSES] ? 0 : 2;\n}\n"
    )
    run("gcc", *STRICT, "-c", "net.c", folder=folder)
    run("g++", "-std=c++17", "-Wall", "main.cc", "net.o", "-lm", "-o", "program", folder=folder)
    assert run("./program", folder=folder) == ""


@pytest.mark.parametrize("what", ["weight", "threshold", "scale", "golden"])
def test_a_changed_bit_is_found(tmp_path, what):
    folder = written(tmp_path / "out", packed("digits"))
    path = folder / ("net_golden.h" if what == "golden" else "net.c")
    text = path.read_text()
    name = {
        "weight": "node_03_weight",
        "threshold": "node_04_threshold",
        "scale": r"node_\d\d_scale",
    }
    array = name.get(what, "golden_02")
    # Not of the first channel: its batch norm has a gamma of zero.
    found = re.search(rf"{array}\[.*{{\n\s*({{\n)?\s*[^,]*, ([^,]*)", text)
    assert found
    (start, end), word = found.span(2), found[2]
    changed = {"threshold": "99999", "scale": f"2 * {word}"}.get(what, f"{word} ^ 1u")
    path.write_text(text[:start] + changed + text[end:])
    said = run(build(folder, "gcc"), folder=folder, code=1)
    assert said.startswith("FAIL net: sample 0, ")


@pytest.mark.parametrize(
    "places",
    [
        [0, 1, 2], [4], [-1],
        [-1, -1], [0, 3, 6], [9, 6, 3, 0], [-1, -1, 5, 6, 7, -1], [5, 5, 5, 5],
        [0, 0, 2, 2, 4, 4], [0, 1, 0, 1, 0, 1], [3, 4, 5, 0, 1, 2], [4, 2, 0, 8, 6],
        [0, 4, 8, 1, 5, 9, 2, 6, 10], [7, -1, -1, 8, -1, -1, 9], [-1, 3, -1, 2, -1, 1, -1],
    ],
)  # fmt: skip
def test_places_that_follow_a_formula_need_no_table(places):
    places = np.array(places, np.int32)
    formula = formula_of(places)
    assert formula is not None
    np.testing.assert_array_equal(formula.places(len(places)), places)


def test_other_places_are_a_table_of_one_side(tmp_path):
    model = small("moved_bits")
    rows, columns, channels = (model.node(8).tensors[n] for n in ("rows", "columns", "channels"))
    assert formula_of(channels) is None
    assert None not in (formula_of(rows), formula_of(columns))
    source = (written(tmp_path / "out", model) / "net.c").read_text()
    tables = re.findall(r"int32_t node_\d+_(rows|columns|channels)\[(\d+)\]", source)
    assert tables == [("channels", "7")]


def test_random_places_have_their_formula_or_none():
    rng = np.random.default_rng(0)
    for _ in range(300):
        places = rng.integers(-1, 4, rng.integers(1, 7)).astype(np.int32)
        formula = formula_of(places)
        if formula is not None:
            np.testing.assert_array_equal(formula.places(len(places)), places)


def real_network(weight, scale=1.0, threshold=None) -> PackedModel:
    """Pixels as real numbers, a linear layer of real weights, then scores, or signs of them."""
    linear = window((8, 8), padding=(0, 0, 0, 0)) | {"channels": len(weight), "groups": 1}
    unit = {"scale": np.full(1, 0.1, np.float32), "bias": np.zeros(1, np.float32)}
    row = {"scale": np.full(len(weight), scale, np.float32), "bias": np.zeros(len(weight), "f4")}
    nodes = [
        Node("normalize", (0,), {}, unit),
        Node("conv_f32", (1,), linear, {"weight": weight.reshape(-1, 8, 8, 1).astype(np.float32)}),
    ]
    if threshold is None:
        nodes.append(Node("affine", (2,), {}, row))
    else:
        below = pack_bits(np.zeros(len(weight), bool))
        nodes.append(Node("threshold", (2,), {}, {"threshold": threshold, "below": below}))
        nodes.append(Node("signs", (3,)))
    return PackedModel(nodes, Preprocessing([0.1], [0.0], (8, 8)))


def with_change(folder: Path, array: str, change) -> None:
    """The second number of an array in the C becomes another."""
    path = folder / "net.c"
    text = path.read_text()
    found = re.search(rf"{array}\[.*{{\n\s*[^,]*, ([^,]*)", text)
    assert found
    start, end = found.span(1)
    path.write_text(text[:start] + change(found[1]) + text[end:])


CANCELLING = np.tile([1e5, -1e5], 32) + np.random.default_rng(0).normal(0, 0.1, (3, 64))
ORDINARY = np.random.default_rng(1).normal(0, 1, (3, 64))


@pytest.mark.parametrize("flags", [["-O1"], ["-O3", "-ffast-math", "-mavx2", "-mfma"]])
def test_scores_of_sums_that_cancel_pass_in_any_order_and_are_told(tmp_path, flags):
    pixels = np.full((2, 8, 8, 1), [[[[77]]], [[[200]]]], np.uint8)
    export(make_request(real_network(CANCELLING), "net", pixels), "c", tmp_path / "out")
    build(tmp_path / "out", tool("gcc", "gcc"), *flags)
    command = [tool("qemu-x86_64", "qemu-user"), "-cpu", "Haswell", "./program"]
    said = run(*command, folder=tmp_path / "out")
    assert said.startswith("PASS net: 2 samples, ")
    assert "; 6 numbers are ill-conditioned, the first is scores[0] of sample 0: rounding" in said
    with_change(tmp_path / "out", "node_02_weight", lambda number: f"2 * {number}")
    build(tmp_path / "out", "gcc", *flags)
    assert "FAIL net: sample 0, scores[1] is" in run(*command, folder=tmp_path / "out", code=1)


def test_a_score_that_is_off_by_less_than_a_thousandth_fails(tmp_path):
    folder = written(tmp_path / "out", real_network(ORDINARY, scale=0.5))
    said = run(build(folder, "gcc", "-O2"), folder=folder)
    assert said.startswith("PASS net: ")
    assert "ill-conditioned" not in said
    with_change(folder, "node_03_scale", lambda number: "0.5001f")
    said = run(build(folder, "gcc", "-O2"), folder=folder, code=1)
    assert ", scores[1] is " in said
    assert ", scores[0] is " not in said


def test_a_bit_may_turn_where_rounding_decides_and_nowhere_else(tmp_path):
    """The threshold of channel 1 is its very sum in image 0."""
    plain = real_network(ORDINARY)
    sums = make_request(plain, "net").golden.values[2].reshape(4, 3)
    model = real_network(ORDINARY, threshold=np.array([0, sums[0, 1], 0], np.float32))
    folder = written(tmp_path / "out", model)
    golden = folder / "net_golden.h"
    text = golden.read_text()
    assert run(build(folder, "gcc"), folder=folder).startswith("PASS net: 4 samples, 1 maps")
    arrays = re.findall(r"golden_03\w*\[4\]\[1\] = {\s*{\s*(\w+),", text)
    assert int(arrays[1].rstrip("u"), 16) == 0b010
    for bit, passes in ((1, True), (0, False)):
        turned = f"0x{int(arrays[0].rstrip('u'), 16) ^ (1 << bit):08x}u"
        golden.write_text(re.sub(r"(golden_03\[4\]\[1\] = {\s*{\s*)\w+", rf"\g<1>{turned}", text))
        program = build(folder, "gcc")
        said = run(program, folder=folder, code=0 if passes else 1)
        told = (
            "; rounding turned bits in 1 samples" if passes else "sample 0, node 3: 1 bits differ"
        )
        assert told in said


def test_a_count_of_your_own_is_used(tmp_path):
    folder = written(tmp_path / "out", packed("digits"))
    own = "-DNET_POPCOUNT(word)=((word)&1u)"
    assert "FAIL" in run(build(folder, "gcc", own), folder=folder, code=1)


def test_class_names_are_text_whatever_they_hold(tmp_path):
    names = ['a"; int x = "', "zwölf", "??/", "\\0", *"efghij"]
    model = packed("digits")
    settings = model.preprocessing
    preprocessing = Preprocessing(settings.scale, settings.bias, settings.size, tuple(names))
    folder = written(tmp_path / "out", PackedModel(model.nodes, preprocessing))
    (folder / "main.c").write_text(
        '#include "net.h"\n#include <stdio.h>\nint main(void) {\n'
        "  for (int c = 0; c < NET_CLASSES; c++) puts(net_class_names[c]);\n  return 0;\n}\n"
    )
    run("gcc", *STRICT, "main.c", "net.c", "-o", "program", "-lm", folder=folder)
    assert run("./program", folder=folder) == "".join(f"{name}\n" for name in names)


def test_two_networks_in_one_program(tmp_path):
    for name in ("digits", "vgg_cut"):
        written(tmp_path / name, packed(name), name)
        run("gcc", *STRICT, "-c", f"{name}.c", folder=tmp_path / name)
    (tmp_path / "main.c").write_text(
        '#include "digits/digits.h"\n#include "vgg_cut/vgg_cut.h"\nint main(void) {\n'
        "  static const uint8_t pixels[12 * 10 * 3];\n"
        "  return digits_classify(pixels) < 0 || vgg_cut_classify(pixels) < 0;\n}\n"
    )
    objects = ["digits/digits.o", "vgg_cut/vgg_cut.o"]
    run("gcc", "main.c", *objects, "-o", "program", "-lm", folder=tmp_path)
    run("./program", folder=tmp_path)
