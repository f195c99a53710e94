import json

import numpy as np
import pytest
import soundfile
from helpers.tasks import sounds_of_classes
from PIL import Image

from signbit import zoo
from signbit.data import load
from signbit.format import Input, Node, Output, PackedModel, Signature
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
    assert "calibrated on 360 samples of digits: temperature 0.247" in printed
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
    assert "self-check on 16 samples" in printed
    assert f"calibrated on 100 samples of {data[1]}: " in printed
    info = PackedModel.load(out).info
    assert info["check"]["bits_differ"] == 0
    assert info["calibration"]["images"] == 100
    assert json.loads((tmp_path / "r.json").read_text())["calibration"] == info["calibration"]


def test_a_network_of_numbers_is_calibrated_on_a_table(signbit, tmp_path):
    """A table of features, as `signbit evaluate` takes it, with the names of classes."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(200, 2)).astype(np.float32)
    labels = (values + generator.gumbel(size=values.shape)).argmax(axis=1)
    rows = [f"{a},{b},{['no', 'yes'][one]}" for (a, b), one in zip(values, labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,answer", *rows]) + "\n")
    tripled = {"scale": np.full(2, 3, np.float32), "bias": np.zeros(2, np.float32)}
    ends = Signature(
        [Input.numbers("x", (2,))], [Output("answer", "classes", 1, names=("no", "yes"))]
    )
    PackedModel([Node("affine", (0,), {}, tripled)], ends).save(tmp_path / "n.signbit")
    out = tmp_path / "m.signbit"
    signbit("pack", tmp_path / "n.signbit", "--calibrate", tmp_path / "t.csv", "-o", out)
    facts = PackedModel.load(out).info["calibration"]
    assert facts["images"] == 200
    assert facts["temperature"] == pytest.approx(find_temperature(3 * values, labels), rel=1e-5)
    assert facts["temperature"] == pytest.approx(3, rel=0.4)


def test_columns_of_another_name_are_chosen(signbit, tmp_path):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(200, 2)).astype(np.float32)
    labels = (values + generator.gumbel(size=values.shape)).argmax(axis=1)
    rows = [f"{n},{b},{a},{y}" for n, ((a, b), y) in enumerate(zip(values, labels, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(["id,b,a,kind", *rows]) + "\n")
    same = {"scale": np.ones(2, np.float32), "bias": np.zeros(2, np.float32)}
    ends = Signature([Input.numbers("x", (2,))], [Output("answer", "classes", 1)])
    PackedModel([Node("affine", (0,), {}, same)], ends).save(tmp_path / "n.signbit")
    command = ("pack", tmp_path / "n.signbit", "--calibrate", tmp_path / "t.csv")
    command = (*command, "-o", tmp_path / "m.signbit", "--features", "a,b")
    signbit.refused(*command, code=2, says="has no true answers for output 'answer'")
    signbit(*command, "--target", "kind")
    facts = PackedModel.load(tmp_path / "m.signbit").info["calibration"]
    assert facts["temperature"] == pytest.approx(find_temperature(values, labels), rel=1e-5)


def test_a_network_of_sounds_is_calibrated(signbit, tmp_path):
    noise = np.random.default_rng(0).uniform(-1, 1, 16000)
    for name, level in (("loud", 0.9), ("quiet", 0.8)):
        (tmp_path / "w" / name).mkdir(parents=True)
        for number, part in enumerate((level, 0.85 * level)):
            soundfile.write(tmp_path / "w" / name / f"{number}.wav", part * noise, 16000)
    sounds_of_classes(49, 20).save(tmp_path / "n.signbit")
    command = ("pack", tmp_path / "n.signbit", "--calibrate", f"folder:{tmp_path / 'w'}")
    command = (*command, "-o", tmp_path / "m.signbit")
    signbit.refused(*command, code=2, says="WAV files and --front-end")
    signbit(*command, "--front-end", "log_mel:bins=20,window=30,hop=20")
    assert PackedModel.load(tmp_path / "m.signbit").info["calibration"]["images"] == 4


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
        ([], "is packed already; to calibrate its scores, give --calibrate D"),
        (["--calibrate", "digits", "--adopt"], "is packed already; leave --adopt out"),
        (["--calibrate", "digits", "--model", "x"], "leave --model out"),
        (["--calibrate", "digits", "--no-check"], "leave --no-check out"),
        (["--split", "test"], "--split is for the data set of --calibrate"),
        (["--download"], "--download is for the data set of --calibrate"),
        (["--data-dir", "."], "--data-dir is for the data set of --calibrate"),
        (["--target", "kind"], "--target is for the data set of --calibrate"),
        (["--front-end", "mfcc"], "--front-end is for the data set of --calibrate"),
        (["--codes"], "--codes is for the data set of --calibrate"),
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
