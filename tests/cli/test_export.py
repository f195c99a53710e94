import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from helpers import signatures
from helpers.networks import packed
from PIL import Image

from signbit.data import read_image
from signbit.export import ArrayFormat, exporters
from signbit.models import load_model
from signbit.runtime.samples import random_inputs

ARRAYS = [name for name in exporters.names() if isinstance(exporters.get(name), ArrayFormat)]
OTHERS = sorted(set(exporters.names()) - set(ARRAYS))


@pytest.fixture
def digits(tmp_path):
    """A packed network for 8x8 grey pixels."""
    path = tmp_path / "digits.signbit"
    packed("digits").save(path)
    return path


@pytest.fixture
def pictures(tmp_path):
    """Three images of other sizes and modes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index, (mode, size) in enumerate((("RGB", (20, 30)), ("L", (8, 8)), ("RGBA", (5, 9)))):
        shape = (*size, len(mode)) if mode != "L" else size
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(folder / f"{index}.png")
    return folder


def test_every_format_is_in_the_help(signbit):
    out, _ = signbit("export", "--help")
    assert f"One of {', '.join(exporters.names())}." in " ".join(out.split())


def test_a_packed_network_is_written_with_random_images(signbit, digits, tmp_path):
    out, err = signbit("export", digits, "--to", "npz", "-o", tmp_path / "out")
    assert err == ""
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    files = len(manifest["files"])
    assert out == f"{tmp_path}/out: {files} files and manifest.json; golden vectors of 4 samples\n"
    assert manifest["name"] == "digits"


def test_single_is_one_file(signbit, digits, tmp_path):
    out, _ = signbit("export", digits, "--to", "npz", "-o", tmp_path / "out", "--single")
    assert "/out: 1 file and manifest.json" in out
    assert (tmp_path / "out" / "digits.npz").is_file()
    signbit("export", digits, "--to", "npz", "-o", tmp_path / "set", "--set", "single=true")
    assert (tmp_path / "set" / "digits.npz").read_bytes() == (
        tmp_path / "out" / "digits.npz"
    ).read_bytes()


def test_samples_are_converted_as_predict_does(signbit, digits, pictures, tmp_path):
    arguments = ("--samples", pictures, "--samples", pictures / "1.png")
    out, _ = signbit("export", digits, "--to", "npz", "-o", tmp_path / "out", *arguments)
    assert "golden vectors of 4 samples" in out
    found = np.load(tmp_path / "out" / "golden_pixels.npy")
    for index, name in enumerate(("0.png", "1.png", "2.png", "1.png")):
        np.testing.assert_array_equal(found[index], read_image(pictures / name, (8, 8), 1))
    signbit("predict", digits, pictures, "--out", tmp_path / "p.csv")
    classes = [row.split(",")[2] for row in (tmp_path / "p.csv").read_text().split()[1:]]
    scores = np.load(tmp_path / "out" / "golden_scores.npy")
    assert classes == list(map(str, scores[:3].argmax(1)))


@pytest.fixture
def ends(tmp_path):
    """A packed network of three inputs and four outputs."""
    path = tmp_path / "ends.signbit"
    signatures.network("ends").save(path)
    return path


def test_samples_of_any_network_are_arrays_by_name(signbit, ends, tmp_path):
    given: dict[str, Any] = random_inputs(signatures.network("ends"), 3, seed=5)
    np.savez(tmp_path / "mine.npz", **given)
    out, _ = signbit(
        "export", ends, "--to", "npz", "-o", tmp_path / "out", "--samples", tmp_path / "mine.npz"
    )
    assert "golden vectors of 3 samples" in out
    for name, wanted in given.items():
        found = np.load(tmp_path / "out" / f"golden_{name}.npy")
        np.testing.assert_array_equal(found, wanted * 2.0 - 1 if wanted.dtype == bool else wanted)


def test_true_answers_next_to_samples_are_left_out(signbit, ends, tmp_path):
    model = signatures.network("ends")
    given: dict[str, Any] = dict(random_inputs(model, 2))
    given[model.outputs[0].name] = np.zeros(2)
    np.savez(tmp_path / "m.npz", **given)
    arguments = ("--to", "npz", "-o", tmp_path / "out", "--samples", tmp_path / "m.npz")
    out, _ = signbit("export", ends, *arguments)
    assert "golden vectors of 2 samples" in out


def test_one_image_of_a_network_with_other_outputs_is_an_image_file(signbit, pictures, tmp_path):
    signatures.network("class_map").save(tmp_path / "map.signbit")
    arguments = ("--to", "npz", "-o", tmp_path / "out", "--samples", pictures)
    signbit("export", tmp_path / "map.signbit", *arguments)
    found = np.load(tmp_path / "out" / "golden_image.npy")
    for index in range(3):
        wanted = read_image(pictures / f"{index}.png", (5, 4), 3)
        np.testing.assert_array_equal(found[index], wanted)


@pytest.mark.parametrize(
    ("samples", "code", "says"),
    [
        (
            ["x.png"],
            2,
            "accepts image (u8, 2, 2, 1), wave (f32, 3, 2), flags (bits, 5), not one im",
        ),
        (
            ["part.npz"],
            2,
            "part.npz: input 'wave' is missing; the network needs image, ",
        ),
        (["other.npz"], 2, "other.npz: unknown input 'waves'; known: flags, image, wave. Did you"),
        (["typed.npz"], 2, "typed.npz: input 'wave' is float64; the network accepts float32"),
        (["part.npz", "x.png"], 2, "part.npz: a file of arrays must hold all inputs; give"),
        (["text.npz"], 1, "text.npz: damaged .npz"),
    ],
)
def test_samples_that_the_network_does_not_take_are_one_line(
    signbit, ends, tmp_path, samples, code, says
):
    given: dict[str, Any] = random_inputs(signatures.network("ends"), 2)
    wave = given.pop("wave")
    np.savez(tmp_path / "part.npz", **given)
    np.savez(tmp_path / "other.npz", waves=wave, **given)
    np.savez(tmp_path / "typed.npz", wave=wave.astype(float), **given)
    (tmp_path / "text.npz").write_text("no archive")
    before = sorted(tmp_path.iterdir())
    options = [word for name in samples for word in ("--samples", tmp_path / name)]
    arguments = ("export", ends, "--to", "npz", "-o", tmp_path / "out", *options)
    signbit.refused(*arguments, code=code, says=says)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--samples", "{tmp}/broken.png"), 1, "broken.png: not an image"),
        (("--samples", "{tmp}/empty"), 1, "empty holds no image file"),
        (("--samples", "{tmp}/nothing"), 1, "nothing does not exist"),
        (("--set", "nonsense=1"), 2, "unknown mat option 'nonsense'; known: single."),
        (("--set", "single=3"), 2, "mat option 'single' is 3; give true or false"),
        (("--set", "single"), 2, "give KEY=VALUE"),
        (("--model", "mlp_binary"), 2, "contains its architecture; leave --model out"),
    ],
)
def test_wrong_options_are_one_line_and_write_nothing(
    signbit, digits, tmp_path, arguments, code, says
):
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "empty").mkdir()
    filled = [argument.format(tmp=tmp_path) for argument in arguments]
    before = sorted(tmp_path.iterdir())
    signbit.refused(
        "export", digits, "--to", "mat", "-o", tmp_path / "out", *filled, code=code, says=says
    )
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("to", exporters.names())
def test_a_damaged_packed_file_is_one_line(signbit, digits, tmp_path, to):
    cut = tmp_path / "cut.signbit"
    cut.write_bytes(digits.read_bytes()[:-1])
    arguments = ("--to", to, "-o", tmp_path / "out")
    signbit.refused("export", cut, *arguments, code=1, says="cut.signbit: not a .signbit file")
    missing = tmp_path / "no.signbit"
    signbit.refused("export", missing, *arguments, code=1, says="no.signbit: cannot be read")
    assert not (tmp_path / "out").exists()


def test_a_packed_file_under_another_name_is_one_line(signbit, digits, tmp_path):
    other = digits.rename(tmp_path / "digits.bin")
    arguments = ("export", other, "--to", "mat", "-o", tmp_path / "out")
    signbit.refused(*arguments, code=2, says="digits.bin: its name is not that of a checkpoint")


@pytest.mark.parametrize("to", OTHERS)
def test_single_is_for_arrays(signbit, digits, tmp_path, to):
    arguments = ("export", digits, "--to", to, "-o", tmp_path / "out", "--single")
    says = f"--single is for {', '.join(ARRAYS)}; leave it out for {to}"
    signbit.refused(*arguments, code=2, says=says)


@pytest.mark.parametrize("to", sorted(set(exporters.names()) - {"torch"}))
def test_packed_networks_are_exported_without_torch(digits, tmp_path, to):
    code = """
import sys
class NoTorch:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "lightning", "torchmetrics", "matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, NoTorch())
from signbit.cli import main
main(sys.argv[1:])
"""
    command = [sys.executable, "-c", code, "export", digits, "--to", to, "-o", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_entry_of_the_state_dict_is_written(signbit, checkpoint, tmp_path):
    folder = tmp_path / "out"
    out, err = signbit("export", checkpoint.parent, "--to", "txt", "-o", folder)
    assert err == ""
    assert out.startswith(f"{folder}: 30 txt files: 26 arrays, 4 binary weights")
    manifest = json.loads((folder / "manifest.json").read_text())
    files = {entry["key"]: entry for entry in manifest["arrays"] if not entry["binary"]}
    state = load_model(checkpoint).module.state_dict()
    assert files.keys() == state.keys()
    for key, value in state.items():
        numbers = np.loadtxt(folder / files[key]["file"], dtype=np.float64, ndmin=2)
        found = numbers.astype(np.float32).reshape(files[key]["shape"])
        np.testing.assert_array_equal(found, value.numpy().astype(np.float32), key)


def test_binary_weights_are_the_signs_of_the_latent_ones(signbit, checkpoint, tmp_path):
    signbit("export", checkpoint, "--to", "txt", "-o", tmp_path / "out")
    state = load_model(checkpoint).module.state_dict()
    for key in ("features.0", "features.3", "features.7", "classifier.0"):
        weight = state[f"{key}.weight"].numpy()
        found = np.loadtxt(tmp_path / "out" / f"{key}.weight.binary.txt", ndmin=2)
        np.testing.assert_array_equal(found, np.where(weight > 0, 1, -1).reshape(found.shape), key)


@pytest.mark.parametrize("to", OTHERS)
def test_formats_of_packed_networks_ask_to_pack_first(signbit, checkpoint, tmp_path, to):
    arguments = ("export", checkpoint, "--to", to, "-o", tmp_path / "out")
    signbit.refused(
        *arguments, code=2, says=f"{to} needs a packed network; make one first: signbit"
    )


@pytest.mark.parametrize("option", [("--single",), ("--samples", "x.png")])
def test_options_of_packed_networks_are_told(signbit, checkpoint, tmp_path, option):
    arguments = ("export", checkpoint, "--to", "mat", "-o", tmp_path / "out", *option)
    signbit.refused(*arguments, code=2, says="are for packed networks; leave them out, or pack")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["pack", "export"])
def test_a_checkpoint_whose_preprocessing_nobody_knows_is_one_line(signbit, tmp_path, command):
    """Old checkpoints do not say it; it is known for networks of colour images alone."""
    from safetensors.torch import save_file

    from signbit.models import create

    path = tmp_path / "old.safetensors"
    save_file(create("digits_binary", width=4).state_dict(), path)
    more = ("--to", "mat") if command == "export" else ()
    arguments = (command, path, "--model", "digits_binary", "--set", "model.width=4", *more)
    says = "the preprocessing of an old checkpoint is only known for 3 channels, but model"
    signbit.refused(*arguments, "-o", tmp_path / "out.signbit", code=2, says=says)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("to", "says"), [("mtx", "Did you mean"), ("signbit", f"known: {', '.join(exporters.names())}")]
)
def test_unknown_format_is_one_line(signbit, checkpoint, tmp_path, to, says):
    arguments = ("export", checkpoint, "--to", to, "-o", tmp_path / "out")
    signbit.refused(*arguments, code=2, says=says)
    assert not list(tmp_path.iterdir())


def test_folder_of_something_else_is_left_alone(signbit, checkpoint, digits):
    for model in (checkpoint, digits):
        arguments = ("export", model, "--to", "txt", "-o", checkpoint.parent)
        signbit.refused(*arguments, code=1, says="is not empty")
        signbit.refused(*arguments, "--force", code=1, says="no manifest.json")
    assert checkpoint.exists()
