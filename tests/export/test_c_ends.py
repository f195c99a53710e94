"""The C of networks with any inputs and outputs."""

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.c_export import SANITIZED, STRICT, build, cortex_m, tool, written
from helpers.files import WINDOW, ends
from helpers.networks import packed
from helpers.random_ends import random_ends
from helpers.tools import run

from signbit.export import make_request
from signbit.format import Input, Node, Output, PackedModel, Signature
from signbit.format.bits import pack_bits
from signbit.runtime import reference

CALL = {**WINDOW, "kernel": (1, 1), "padding_value": 0}


def passes(folder: Path, *flags: object) -> str:
    said = run(build(folder, "gcc", *flags), folder=folder)
    assert said.startswith("PASS net: ")
    return said


@pytest.mark.parametrize("seed", range(16))
def test_any_inputs_and_outputs_pass_under_sanitizers(tmp_path, seed):
    folder = written(tmp_path / "out", random_ends(np.random.default_rng(seed)))
    passes(folder, *SANITIZED)


@pytest.mark.parametrize("seed", range(4))
def test_clang_has_nothing_to_warn_of(tmp_path, seed):
    folder = written(tmp_path / "out", random_ends(np.random.default_rng(seed)))
    program = build(folder, tool("clang", "clang"), "-O1")
    assert run(program, folder=folder).startswith("PASS net: ")


def test_inputs_and_outputs_of_every_kind_pass_on_a_microcontroller(tmp_path):
    said = cortex_m(written(tmp_path / "out", ends()))
    assert said == "PASS net: 4 samples, 1 maps of bits, all outputs and classes\n"


def test_the_header_declares_types_and_sizes(tmp_path):
    header = (written(tmp_path / "out", ends()) / "net.h").read_text()
    plain = re.sub(r"\s+", " ", header)
    inputs = "const uint8_t *in_image, const float *in_wave, const uint32_t *in_flags"
    others = "float *out_tags, int32_t *out_sums, uint32_t *out_bright"
    assert f"void net_run( {inputs}, float *out_answer, {others});" in plain
    assert f"int net_classify( {inputs}, {others});" in plain
    assert "extern const char *const net_answer_names[NET_ANSWER_CHANNELS];" in plain
    sizes = dict(re.findall(r"#define NET_(\w+) (\d+)", header))
    assert {name: int(sizes[name]) for name in sizes if name.endswith("_COUNT")} == {
        "IMAGE_COUNT": 4, "WAVE_COUNT": 6, "FLAGS_COUNT": 1,
        "ANSWER_COUNT": 3, "TAGS_COUNT": 6, "SUMS_COUNT": 2, "BRIGHT_COUNT": 4,
    }  # fmt: skip
    assert (sizes["TAGS_LENGTH"], sizes["TAGS_CHANNELS"], sizes["CLASSES"]) == ("3", "2", "3")


def test_a_program_calls_it_as_the_header_says(tmp_path):
    """Numbers of the reference, in a program in C++ of a user's own."""
    model = ends()
    folder = written(tmp_path / "out", model)
    golden = make_request(model, "net").golden.outputs
    (folder / "main.cc").write_text(
        '#include "net.h"\n#include "net_golden.h"\n#include <cstdio>\nint main() {\n'
        "  float answer[NET_ANSWER_COUNT], tags[NET_TAGS_COUNT];\n"
        "  int32_t sums[NET_SUMS_COUNT];\n  uint32_t bright[NET_BRIGHT_COUNT];\n"
        "  for (int i = 0; i < GOLDEN_SAMPLES; i++) {\n"
        "    const uint8_t *image = golden_in_image[i];\n"
        "    const float *wave = golden_in_wave[i];\n"
        "    const uint32_t *flags = golden_in_flags[i];\n"
        "    net_run(image, wave, flags, answer, tags, sums, bright);\n"
        '    std::printf("%d %d %u\\n", sums[0], sums[1], bright[3]);\n'
        "    int best = net_classify(image, wave, flags, tags, sums, bright);\n"
        '    std::printf("%s %.9g\\n", net_answer_names[best], answer[best]);\n  }\n}\n'
    )
    run("gcc", *STRICT, "-c", "net.c", folder=folder)
    run("g++", "-std=c++17", "-Wall", "-Wextra", "main.cc", "net.o", "-lm", "-o", "program",
        folder=folder)  # fmt: skip
    wanted = ""
    for answer, sums, bright in zip(
        golden["answer"], golden["sums"], golden["bright"], strict=True
    ):
        best = int(answer.argmax())
        wanted += f"{sums[0]} {sums[1]} {int(bright[1, 1, 0])}\n{'abc'[best]} {answer[best]:.9g}\n"
    assert run("./program", folder=folder) == wanted


@pytest.mark.parametrize("output", ["answer", "tags", "sums", "bright"])
def test_a_wrong_golden_number_of_any_output_fails(tmp_path, output):
    folder = written(tmp_path / "out", ends())
    golden = folder / "net_golden.h"
    change = {"sums": "7 + ", "bright": "1u ^ "}.get(output, "0.01f + ")
    # The last number of the last sample.
    pattern = rf"(golden_out_{output}\[4\][^;]*?)(\S+)(,\s*\}},\s*\}};)"
    text, count = re.subn(pattern, rf"\g<1>{change}\g<2>\g<3>", golden.read_text(), count=1)
    assert count == 1
    golden.write_text(text)
    said = run(build(folder, "gcc"), folder=folder, code=1)
    assert re.match(rf"FAIL net: sample 3, {output}\[\d+\] ", said)


def test_a_wrong_word_that_the_caller_gets_fails(tmp_path):
    """Bits are compared where the caller finds them, not only as they are computed."""
    folder = written(tmp_path / "out", ends())
    source = folder / "net.c"
    text, count = re.subn(r"( *NET_TRACE\(3, out_bright\);)", r"\1\n    out_bright[2] ^= 1;",
                          source.read_text())  # fmt: skip
    assert count == 1
    source.write_text(text)
    said = run(build(folder, "gcc"), folder=folder, code=1)
    assert said.startswith("FAIL net: sample 0, bright[2] differs")


def chain(*nodes: Node, inputs: list[Input], outputs: list[Output]) -> PackedModel:
    return PackedModel(nodes, Signature(inputs, outputs))


def weights(channels: int, fan: int) -> dict:
    rng = np.random.default_rng(channels)
    return {"weight": pack_bits(rng.random((channels, 1, 1, fan)) < 0.5)}


def cut(dtype: str, channels: int) -> dict:
    return {"threshold": np.zeros(channels, dtype), "below": np.zeros(1, np.uint64)}


FIRST = {
    "bits by XNOR": (
        Input.bits("x", (4, 33)), Node("conv_bits", (0,), CALL | {"channels": 5}, weights(5, 33)),
        "conv_bits(",
    ),
    "codes in integers": (
        Input.fixed_point("x", (4, 3), 0.5),
        Node("conv_u8", (0,), {**WINDOW, "kernel": (1, 1), "channels": 5, "multiplier": 1,
                               "offset": 0}, weights(5, 3)),
        "conv_u8(",
    ),
    "numbers in float": (
        Input.numbers("x", (4, 3)),
        Node("conv_f32_bits", (0,), CALL | {"channels": 5}, weights(5, 3)),
        "conv_f32_bits(",
    ),
    "signs of numbers": (
        Input.numbers("x", (4, 3)), Node("threshold", (0,), {}, cut("float32", 3)),
        "threshold_f32(",
    ),
    "signs of codes": (
        Input.fixed_point("x", (4, 3), 1.0), Node("threshold", (0,), {}, cut("int32", 3)),
        "threshold_u8(",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_a_first_layer_computes_on_what_the_input_is(tmp_path, name):
    """Its result is an output: the caller's memory gets it at once, or after the call."""
    given, node, call = FIRST[name]
    outputs = [Output("y", "numbers", 1, 2)]
    folder = written(tmp_path / "out", chain(node, inputs=[given], outputs=outputs))
    assert re.search(
        rf"^    {re.escape(call)}.*in_x, ", (folder / "net.c").read_text(), re.MULTILINE
    )
    passes(folder, *SANITIZED)


def test_an_output_that_is_read_later_keeps_its_value(tmp_path):
    """Sums with a threshold, bits of which a pool is an output too: nothing is fused or reused."""
    conv = CALL | {"channels": 8}
    nodes = [
        Node("conv_bits", (1,), conv, weights(8, 8)),
        Node("threshold", (2,), {}, cut("int32", 8)),
        Node("conv_bits", (3,), conv, weights(8, 8)),
        Node("threshold", (4,), {}, cut("int32", 8)),
        Node("conv_bits", (5,), conv, weights(8, 8)),
    ]
    inputs = [Input.numbers("nobody_reads", (2,)), Input.bits("x", (3, 8))]
    outputs = [Output(f"y{n}", "numbers", n, 2) for n in (6, 2, 5, 3)]
    folder = written(tmp_path / "out", chain(*nodes, inputs=inputs, outputs=outputs))
    source = (folder / "net.c").read_text()
    assert "(void)in_nobody_reads;" in source
    # Only the sums between the two layers have no name of their own.
    assert source.count("conv_bits(&node_02, NULL, in_x, out_y2, NULL)") == 1
    assert source.count("conv_bits(&node_04, &node_05, out_y3, ") == 1
    passes(folder, *SANITIZED)


def test_an_output_that_is_done_early_keeps_its_value(tmp_path):
    """Sums and scores that stay in the arenas, and layers after them that need the arenas too."""
    unit = {"scale": np.full(5, 0.5, np.float32), "bias": np.ones(5, np.float32)}
    first = [
        Node("conv_bits", (0,), CALL | {"channels": 5}, weights(5, 9)),
        Node("affine", (1,), {}, unit),
    ]
    later = [
        Node("conv_bits", (0,), CALL | {"channels": 13}, weights(13, 9)),
        Node("threshold", (3,), {}, cut("int32", 13)),
        Node("conv_bits", (4,), CALL | {"channels": 5}, weights(5, 13)),
        Node("affine", (5,), {}, unit),
        Node("clamp", (6,), {"low": -1.0, "high": 1.0}),
        Node("affine", (7,), {}, unit),
        Node("clamp", (8,), {"low": -1.0, "high": 1.0}),
        Node("softmax", (9,)),
    ]
    outputs = [Output("sums", "numbers", 1), Output("answer", "classes", 2)]
    outputs.append(Output("y", "numbers", 10))
    model = chain(*first, *later, inputs=[Input.bits("x", (9,))], outputs=outputs)
    folder = written(tmp_path / "out", model)
    assert "memcpy(out_sums, (int32_t *)(word_arena" in (folder / "net.c").read_text()
    passes(folder, *SANITIZED)


def test_names_that_are_words_of_c_or_differ_in_case_only(tmp_path):
    words = ["int", "register", "class", "main", "uint8_t", "sample", "X", "x"]
    inputs = [Input.bits(word, (3,)) for word in words]
    outputs = [Output(word, "numbers", 8 + n) for n, word in enumerate(("NULL", "null", "golden"))]
    flip = {"mask": np.array([5], np.uint64)}
    nodes = [
        Node("flip", (0,), {}, flip),
        Node("flip", (1,), {}, flip),
        Node("concat", tuple(range(8))),
    ]
    folder = written(tmp_path / "out", chain(*nodes, inputs=inputs, outputs=outputs))
    passes(folder, *SANITIZED)
    macros = re.findall(r"#define (NET_\w+_COUNT)", (folder / "net.h").read_text())
    assert len(set(macros)) == 11


def test_a_network_of_one_image_has_its_functions_and_net_run(tmp_path):
    folder = written(tmp_path / "out", packed("digits"))
    (folder / "main.c").write_text(
        '#include "net.h"\n#include "net_golden.h"\n#include <string.h>\nint main(void) {\n'
        "  float a[NET_SCORES_COUNT], b[NET_CLASSES];\n"
        "  net_run(golden_in_pixels[0], a);\n  net_scores(golden_in_pixels[0], b);\n"
        "  return memcmp(a, b, sizeof a);\n}\n"
    )
    run("gcc", *STRICT, "main.c", "net.c", "-o", "program", "-lm", folder=folder)
    run("./program", folder=folder)


def test_one_row_of_classes_of_another_input_has_classify(tmp_path):
    model = packed("digits")
    settings = model.preprocessing
    pixels = Input.pixels("left", (8, 8, 1), settings.scale, settings.bias)
    unread = Input.bits("right", (70,))
    nodes = [
        Node(n.op, tuple(i + (i > 0) for i in n.inputs), n.attributes, n.tensors)
        for n in model.nodes
    ]
    last = len(nodes) + 1
    both = chain(*nodes, inputs=[pixels, unread], outputs=[Output("digit", "classes", last)])
    folder = written(tmp_path / "out", both)
    declared = "int net_classify(const uint8_t *in_left, const uint32_t *in_right);"
    assert declared in (folder / "net.h").read_text()
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
    given = {"left": images, "right": np.zeros((4, 70), bool)}
    np.testing.assert_array_equal(reference.scores(both, given), reference.scores(model, images))
    assert "and classes" in passes(folder)
