import re
import shutil
import subprocess

import numpy as np
import pytest
from conftest import missing  # pyright: ignore[reportAttributeAccessIssue]
from helpers.networks import packed

from signbit.errors import InputTypeError, UsageError
from signbit.export import make_request
from signbit.export._identifiers import identifier
from signbit.export._operations import refusal, require_operations
from signbit.runtime import reference


def test_golden_values_are_those_of_the_reference_on_the_samples():
    model = packed("digits")
    samples = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 1), np.uint8)
    golden = make_request(model, "digits", samples).golden
    assert golden.inputs["pixels"].tobytes() == samples.tobytes()
    assert len(golden.values) == len(model.nodes) + 1
    np.testing.assert_array_equal(golden.outputs["scores"], reference.scores(model, samples))


def test_random_pixels_are_the_same_each_time():
    first, second = (
        make_request(packed("digits"), "digits").golden.inputs["pixels"] for _ in range(2)
    )
    assert first.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("samples", "says"),
    [
        (np.zeros((2, 9, 8, 1), np.uint8), r"the shape \(2, 9, 8, 1\); .* shape \(N, 8, 8, 1\)"),
        (np.zeros((2, 8, 8, 3), np.uint8), r"\(N, 8, 8, 1\)"),
        (np.zeros((8, 8, 1), np.uint8), r"\(N, 8, 8, 1\)"),
        (np.zeros((2, 8, 8, 1), np.float32), "float32"),
        ([[0, 1], [2, 3]], "is list; the network accepts uint8"),
        (np.uint8(3), r"is uint8; the network accepts uint8 of shape \(N, 8, 8, 1\)"),
        (np.zeros((0, 8, 8, 1), np.uint8), "holds no sample"),
    ],
)
def test_samples_that_are_no_images_of_the_network_are_told(samples, says):
    with pytest.raises((InputTypeError, UsageError), match=says):
        make_request(packed("digits"), "digits", samples)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("digits", "digits"),
        ("my net-2.b", "my_net_2_b"),
        ("9lives", "net_9lives"),
        ("_private", "net_private"),
        ("ünï", "net_n_"),
        ("", "net_"),
        ("x" * 300, "x" * 48),
        ("final", "net_final"),
        ("int", "net_int"),
        ("golden", "net_golden"),
        ("check", "net_check"),
    ],
)
def test_names_become_identifiers(name, wanted):
    assert identifier(name) == wanted


def test_keywords_of_octave_are_no_names(octave):
    command = [octave, "--no-gui", "--norc", "--quiet", "--eval", "printf('%s ', iskeyword(){:})"]
    done = subprocess.run(command, capture_output=True, text=True)
    words = [word for word in done.stdout.split() if word[0].isalpha()]
    assert "while" in words
    # Octave has an end of its own for each block, which MATLAB and exporters know nothing of.
    spellings = {word for word in words if word.startswith(("end", "unwind_"))} - {"end"}
    assert not {identifier(word) for word in words} & set(words) - spellings


def test_a_verilog_module_can_have_the_name(tmp_path):
    if not shutil.which("iverilog"):
        missing("needs Icarus Verilog: apt-get install iverilog")
    names = ["final", "small", "table", "wire", "signed", "uwire", "bit", "logic", "checker"]
    source = "".join(f"module {identifier(name)}; endmodule\n" for name in names)
    (tmp_path / "names.v").write_text(source)
    for standard in ("-g2005", "-g2012"):
        command = ["iverilog", standard, "-o", "/dev/null", tmp_path / "names.v"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_refusals_name_node_and_reason():
    model = packed("digits")
    error = str(refusal(model, 12, "c", "no logarithm"))
    assert re.match(r"c cannot express node 12 \(log_softmax, f32 1x1x10\): no logarithm\.", error)
    require_operations(model, "c", [node.op for node in model.nodes])
    known = [node.op for node in model.nodes if node.op != "max_pool"]
    with pytest.raises(ValueError, match=r"node 5 \(max_pool.*it does not know max_pool"):
        require_operations(model, "c", known)
