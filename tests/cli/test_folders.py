"""Folders of images as data sets of the command line: some classes, colors, pipes."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

NAMES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def model_of(folder: Path, classes: tuple[str, ...]) -> Path:
    """A small untrained network for grey images of 8x8."""
    import torch

    from signbit.format import Preprocessing
    from signbit.models import Architecture, save_model

    torch.manual_seed(5)
    architecture = Architecture("digits_binary", {"width": 4})
    module = architecture.build()
    module(torch.randn(256, 1, 8, 8))
    path = folder / "last.safetensors"
    save_model(path, module.eval(), architecture, Preprocessing([2 / 255], [-1.0], (8, 8), classes))
    return path


@pytest.fixture(scope="module")
def named(tmp_path_factory) -> Path:
    return model_of(tmp_path_factory.mktemp("named"), NAMES)


@pytest.fixture(scope="module")
def nameless(tmp_path_factory) -> Path:
    return model_of(tmp_path_factory.mktemp("nameless"), ())


def draw(path: Path, seed: int, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (9, 9) if mode == "L" else (9, 9, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def some_classes(tmp_path) -> Path:
    """Images of two of the ten classes, in class folders."""
    for seed in range(6):
        draw(tmp_path / "some" / ("frog", "bird")[seed % 2] / f"{seed}.png", seed)
    return tmp_path / "some"


def figures(signbit, model, data, tmp_path):
    signbit("evaluate", model, "--data", f"folder:{data}", "--json", tmp_path / "result.json")
    return json.loads((tmp_path / "result.json").read_text())


@pytest.mark.parametrize("names", [None, ("bird", "frog"), ("frog", "bird"), NAMES])
def test_folders_for_some_of_the_classes_leave_the_others_without_figures(
    signbit, named, some_classes, tmp_path, names
):
    if names is not None:
        (some_classes / "classes.txt").write_text("".join(f"{name}\n" for name in names))
    result = figures(signbit, named, some_classes, tmp_path)
    assert result["images"] == 6
    assert result["classes"] == list(NAMES)
    missing = [name for name in NAMES if name not in ("bird", "frog")]
    assert [result["per_class"][name] for name in missing] == [None] * 8
    assert all(0 <= result["per_class"][name] <= 1 for name in ("bird", "frog"))
    rows = np.array(result["confusion"]).sum(axis=1)
    assert rows.tolist() == [3 * (name in ("bird", "frog")) for name in NAMES]


@pytest.mark.parametrize("model", ["named", "nameless"])
def test_numbers_in_names_are_places_in_the_model(signbit, request, tmp_path, model):
    for seed in range(4):
        draw(tmp_path / "some" / f"{(2, 6)[seed % 2]}_{seed}.png", seed)
    result = figures(signbit, request.getfixturevalue(model), tmp_path / "some", tmp_path)
    rows = np.array(result["confusion"]).sum(axis=1)
    assert rows.tolist() == [0, 0, 2, 0, 0, 0, 2, 0, 0, 0]
    assert list(result["per_class"].values()).count(None) == 8


def test_numbers_as_folders_are_the_classes_of_a_model_without_names(signbit, nameless, tmp_path):
    draw(tmp_path / "some" / "3" / "a.png", 1)
    draw(tmp_path / "some" / "7" / "b.png", 2)
    result = figures(signbit, nameless, tmp_path / "some", tmp_path)
    assert np.array(result["confusion"]).sum(axis=1).tolist() == [0, 0, 0, 1, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("model", "folder", "says"),
    [
        ("named", "tram", "does not know tram; its names are airplane, automobile"),
        ("named", "3", "does not know 3; its names are airplane, automobile"),
        ("nameless", "frog", "has 1 classes, and the model has 10; if some classes have no files"),
    ],
)
def test_classes_that_the_model_does_not_know_are_one_line(
    signbit, request, tmp_path, model, folder, says
):
    draw(tmp_path / folder / "a.png", 1)
    arguments = (request.getfixturevalue(model), "--data", f"folder:{tmp_path}")
    signbit.refused("evaluate", *arguments, code=1, says=says)


def test_classes_txt_gives_the_names_that_a_model_lacks(signbit, nameless, some_classes, tmp_path):
    (some_classes / "classes.txt").write_text("".join(f"{name}\n" for name in NAMES))
    result = figures(signbit, nameless, some_classes, tmp_path)
    assert result["classes"] == list(NAMES)
    assert np.array(result["confusion"]).sum(axis=1).tolist() == [0, 0, 3, 0, 0, 0, 3, 0, 0, 0]


def test_predict_knows_the_synonyms_of_class_names(signbit, named, tmp_path):
    for seed, name in enumerate(["plane", "car", "truck", "tram"]):
        draw(tmp_path / name / "a.png", seed)
    rows = list(csv.DictReader(io.StringIO(signbit("predict", named, tmp_path)[0])))
    said = {Path(row["path"]).parent.name: row["true"] for row in rows}
    assert said == {
        **{"plane": "airplane", "car": "automobile"},
        **{"truck": "truck", "tram": ""},
    }


def test_two_folders_that_mean_one_class_are_refused(signbit, named, tmp_path):
    for seed, name in enumerate(["automobile", "car"]):
        draw(tmp_path / name / "a.png", seed)
    says = f"{tmp_path}/car/a.png of class 'car', but both mean the model's class 'automobile'"
    assert signbit.refused("predict", named, tmp_path, code=1, says=says) == ""
    data = f"folder:{tmp_path}"
    signbit.refused("evaluate", named, "--data", data, code=1, says="the model does not know car")


def test_a_number_and_a_folder_that_mean_one_class_are_refused(signbit, named, tmp_path):
    draw(tmp_path / "car" / "a.png", 1)
    draw(tmp_path / "1_0.png", 2)
    says = "both mean the model's class 'automobile'; give both the same name"
    signbit.refused("predict", named, tmp_path, code=1, says=says)


def test_pipes_are_refused_or_skipped_and_never_waited_for(signbit, named, some_classes):
    os.mkfifo(some_classes / "frog" / "pipe.png")
    pipe = some_classes / "frog" / "pipe.png"
    signbit.refused("predict", named, pipe, code=1, says=f"{pipe} is a device or pipe")
    out, err = signbit("predict", named, some_classes)
    assert len(out.splitlines()) == 1 + 6
    assert f"skipped {pipe}: a device or pipe, not a file" in err
    data = f"folder:{some_classes}"
    signbit.refused("evaluate", named, "--data", data, code=1, says=f"{pipe}: a device or pipe")
    signbit.refused("images", data, some_classes.parent / "out", code=1, says=f"{pipe}: a device")
    pipe.unlink()
    os.mkfifo(some_classes / "classes.txt")
    says = f"cannot read {some_classes / 'classes.txt'}: a device or pipe"
    signbit.refused("evaluate", named, "--data", data, code=1, says=says)


def test_images_keep_the_color_that_only_some_have(signbit, some_classes, tmp_path):
    draw(some_classes / "frog" / "color.png", 9, "RGB")
    _, err = signbit("images", f"folder:{some_classes}", tmp_path / "out")
    assert err.count("color.png has color, so all images are RGB; the first, ") == 1
    modes = set()
    for path in (tmp_path / "out").glob("*.bmp"):
        with Image.open(path) as image:
            modes.add(image.mode)
    assert modes == {"RGB"}


def test_a_model_for_grey_images_turns_color_to_grey_without_a_note(signbit, named, some_classes):
    draw(some_classes / "frog" / "color.png", 9, "RGB")
    _, err = signbit("evaluate", named, "--data", f"folder:{some_classes}")
    assert "has color" not in err
