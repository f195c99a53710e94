import json

import numpy as np
import pytest
from PIL import Image

from signbit import zoo
from signbit.data import load
from signbit.format import PackedModel
from signbit.models import load_model
from signbit.runtime.engine import Engine
from signbit.scoring._probabilities import softmax
from signbit.scoring.temperature import find_temperature


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "digits.signbit"
    path.write_bytes(zoo.read("digits_binary"))
    return path


def test_a_packed_file_is_calibrated_without_another_class(signbit, digits, tmp_path):
    out = tmp_path / "calibrated.signbit"
    printed, _ = signbit(
        "pack", digits, "--calibrate", "digits", "-o", out, "--json", tmp_path / "r.json"
    )
    images = load("digits", "test")
    before, after = (Engine(PackedModel.load(one)) for one in (digits, out))
    pixels = images.images[:]
    temperature = find_temperature(before.scores(pixels), images.labels)
    wanted = softmax(before.scores(pixels) / temperature)
    np.testing.assert_allclose(softmax(after.scores(pixels)), wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(after.classify(pixels), before.classify(pixels))
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["calibration"] == after.model.info["calibration"]
    assert result["calibration"]["temperature"] == pytest.approx(temperature, rel=1e-5)
    assert result["bytes"] == out.stat().st_size
    assert "calibrated on 360 images of digits, test: temperature 0.247" in printed
    assert "expected calibration error 32.94 % before, 1.26 % after" in printed


def labelled_folder(path, images, labels):
    """Files of digits in a folder for each class; every tenth has a wrong label."""
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = path / f"{label if index % 10 else (label + 1) % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(folder / f"{index}.png")
    return f"folder:{path}"


def test_a_trained_network_is_packed_and_calibrated(signbit, checkpoint, tmp_path):
    images = load("digits", "test").images[:100]
    labels = load_model(checkpoint).scores(images).argmax(axis=1)
    data = ("--calibrate", labelled_folder(tmp_path / "images", images, labels))
    out = tmp_path / "m.signbit"
    printed, _ = signbit("pack", checkpoint, "-o", out, *data, "--json", tmp_path / "r.json")
    assert "self-check on 16 images" in printed
    assert f"calibrated on 100 images of {data[1]}, test: " in printed
    info = PackedModel.load(out).info
    assert info["check"]["bits_differ"] == 0
    assert info["calibration"]["images"] == 100
    assert json.loads((tmp_path / "r.json").read_text())["calibration"] == info["calibration"]


def test_classes_are_matched_by_name(signbit, digits, tmp_path):
    images = load("digits", "test")
    chosen = np.flatnonzero(images.labels > 6)[:60]
    data = labelled_folder(tmp_path / "images", images.images[chosen], images.labels[chosen])
    result = tmp_path / "r.json"
    # Classes that are mixed up would make the scores worse than chance.
    signbit("pack", digits, "--calibrate", data, "-o", tmp_path / "m.signbit", "--json", result)
    facts = json.loads(result.read_text())["calibration"]
    assert facts["images"] == 60
    assert facts["nll"]["before"] < 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "is packed already; with --calibrate D its scores are calibrated"),
        (["--calibrate", "digits", "--adopt"], "is packed already; leave --adopt out"),
        (["--calibrate", "digits", "--model", "x"], "leave --model out"),
        (["--calibrate", "digits", "--no-check"], "leave --no-check out"),
        (["--split", "test"], "--split is for the data set of --calibrate"),
        (["--download"], "--download is for the data set of --calibrate"),
        (["--data-dir", "."], "--data-dir is for the data set of --calibrate"),
        (["--calibrate", "digit"], "Did you mean 'digits'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(signbit, digits, tmp_path, arguments, says):
    out = tmp_path / "m.signbit"
    signbit.refused("pack", digits, "-o", out, *arguments, code=2, says=says)
    assert not out.exists()


def test_a_network_is_calibrated_once(signbit, digits, tmp_path):
    first, second = tmp_path / "a.signbit", tmp_path / "b.signbit"
    signbit("pack", digits, "--calibrate", "digits", "-o", first)
    arguments = ("pack", first, "--calibrate", "digits", "-o", second)
    signbit.refused(*arguments, code=2, says="is calibrated already")
    assert not second.exists()
