import json

import numpy as np
import pytest

from signbit.models import load_model


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


@pytest.mark.parametrize(
    ("to", "code", "says"), [("mtx", 2, "Did you mean"), ("signbit", 2, "known: mat, txt")]
)
def test_unknown_format_is_one_line(signbit, checkpoint, tmp_path, to, code, says):
    arguments = ("export", checkpoint, "--to", to, "-o", tmp_path / "out")
    signbit.refused(*arguments, code=code, says=says)
    assert not list(tmp_path.iterdir())


def test_folder_of_something_else_is_left_alone(signbit, checkpoint):
    arguments = ("export", checkpoint, "--to", "txt", "-o", checkpoint.parent)
    signbit.refused(*arguments, code=1, says="is not empty")
    signbit.refused(*arguments, "--force", code=1, says="no manifest.json")
    assert checkpoint.exists()
