"""`signbit import`: files of other tools on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.bnn_pynq import TINY, TINY_YAML, write_folder

from signbit.format import PackedModel
from signbit.yaml_file import dump_yaml

LARQ = Path(__file__).parents[1] / "importers" / "data" / "lce"
PIXELS = ("--size", "16x16", "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "network.signbit"


def test_the_report_says_what_each_operator_became(signbit, out, tmp_path):
    said, _ = signbit("import", LARQ / "quicknet.tflite", "-o", out, "--json", tmp_path / "r.json")
    assert "LceBconv2d" in said
    assert "self-check on 16 samples: 0 of" in said
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["importer"] == "larq"
    assert result["bytes"] == out.stat().st_size
    assert str(PackedModel.load(out).inputs[0]) == "input_1 (f32, 16, 16, 3)"


def test_pixels_and_classes(signbit, out):
    signbit("import", LARQ / "quicknet.tflite", *PIXELS, "--classes", "a,b,c,d,e", "-o", out)
    found = PackedModel.load(out).preprocessing
    np.testing.assert_allclose(found.scale, [1 / (255 * 0.25)] * 3)
    assert found.classes == ("a", "b", "c", "d", "e")


def test_a_folder_of_bnn_pynq_has_a_report_too(signbit, out, tmp_path):
    write_folder(tmp_path / "memories", TINY)
    (tmp_path / "layers.yaml").write_text(dump_yaml(TINY_YAML))
    said, _ = signbit(
        "import", tmp_path / "memories", "--layers", tmp_path / "layers.yaml", "-o", out
    )
    assert "layer 0" in said
    assert "self-check" not in said


def test_a_signature_names_the_outputs(signbit, out, tmp_path):
    (tmp_path / "ends.yaml").write_text(
        "inputs:\n- {name: map, kind: f32, shape: [6, 6, 12]}\n"
        "- {name: small, kind: f32, shape: [3, 3, 5]}\n"
        "outputs:\n- {name: sums, kind: numbers}\n"
    )
    path = LARQ / "two_inputs.tflite"
    signbit("import", path, "--signature", tmp_path / "ends.yaml", "-o", out)
    model = PackedModel.load(out)
    assert [one.name for one in (*model.inputs, *model.outputs)] == ["map", "small", "sums"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--mean", "0.5,0.5,0.5"), 2, "needs --size, --mean, --std; add --size"),
        (("--classes", "a,b"), 2, "needs --size, --mean, --std; add --size"),
        (("--size", "16x16", "--mean", "0.5", "--std", "0.5"), 1, "cannot run on input of shape"),
        (("--layers", "cnv"), 1, "its files say the layers themselves; leave it out"),
        ((*PIXELS, "--signature", "ends.yaml"), 2, "leave --size, --mean, --std out"),
    ],
)
def test_options_that_do_not_fit_are_refused(signbit, out, options, code, says):
    signbit.refused("import", LARQ / "quicknet.tflite", *options, "-o", out, code=code, says=says)
    assert not out.exists()


def test_another_file_is_refused(signbit, out, tmp_path):
    (tmp_path / "net.h5").write_bytes(b"")
    signbit.refused("import", tmp_path / "net.h5", "-o", out, code=1, says="no importer knows this")
