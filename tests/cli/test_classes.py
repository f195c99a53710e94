"""Where the names of classes come from."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.cli._labels import folders_of_names
from signbit.data import load
from signbit.data._class_names import CLASS_NAMES
from signbit.format import PackedModel
from signbit.models import load_model, save_model
from signbit.scoring import score_count

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LIST = ",".join(WORDS)


@pytest.fixture(scope="module")
def nameless(checkpoint, tmp_path_factory):
    """The checkpoint without names of classes, and a folder to put things next to it."""
    model = load_model(checkpoint)
    path = tmp_path_factory.mktemp("nameless") / "net.safetensors"
    preprocessing = replace(model.preprocessing, classes=())
    save_model(path, model.module, model.architecture, preprocessing)
    return path


@pytest.fixture
def images(tmp_path):
    """Five digits named `<label>_<index>.png`."""
    folder, digits = tmp_path / "images", load("digits", "test")
    folder.mkdir()
    for index in range(5):
        image = Image.fromarray(digits.images[index : index + 1][0, :, :, 0])
        image.save(folder / f"{digits.labels[index]}_{index}.png")
    return folder


@pytest.fixture
def next_to_model(nameless):
    """Writes a classes.txt next to the model, for one test."""
    file = nameless.parent / "classes.txt"
    yield lambda names: file.write_text("\n".join(names))
    file.unlink(missing_ok=True)


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def predicted(model, images):
    """The places that the model gives, in the order of the files' names."""
    pixels = np.stack(
        [np.array(Image.open(path))[..., None] for path in sorted(images.glob("*_*"))]
    )
    return load_model(model).scores(pixels).argmax(axis=1).tolist()


def assert_named(out, model, images, names):
    rows = rows_of(out)
    assert [row["class"] for row in rows] == [names[i] for i in predicted(model, images)]
    labels = [int(path.name[0]) for path in sorted(images.glob("*_*"))]
    assert [row["true"] for row in rows] == [names[i] for i in labels]


def test_names_come_from_a_list_a_file_or_a_data_set(signbit, checkpoint, images, tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("\n".join(WORDS))
    for option, names in ((LIST, WORDS), (file, WORDS), ("cifar10", CLASS_NAMES["cifar10"])):
        out, err = signbit("predict", checkpoint, images, "--classes", option)
        assert_named(out, checkpoint, images, names)
        assert "class names from --classes, in place of the model's own names" in err


def test_a_model_that_has_names_needs_no_file(signbit, checkpoint, images):
    (images / "classes.txt").write_text("\n".join(WORDS))
    out, err = signbit("predict", checkpoint, images)
    assert_named(out, checkpoint, images, "0123456789")
    assert "class names" not in err


def test_names_come_from_next_to_the_images_or_the_model(
    signbit, nameless, images, next_to_model, tmp_path
):
    _, err = signbit("predict", nameless, images)
    assert "the model has no class names; give some with --classes" in err
    (images / "classes.txt").write_text("\n".join(WORDS))
    out, err = signbit("predict", nameless, images)
    assert_named(out, nameless, images, WORDS)
    assert f"class names from {images}/classes.txt\n" in err
    (images / "classes.txt").unlink()
    next_to_model(reversed(WORDS))
    out, err = signbit("predict", nameless, *sorted(images.iterdir()))
    assert_named(out, nameless, images, WORDS[::-1])
    assert f"class names from {nameless.parent}/classes.txt\n" in err


def test_a_number_in_a_name_is_a_class_of_the_images_own_list(signbit, checkpoint, images):
    """The model has the classes 0 to 9 by other names and in another order."""
    backwards = [*reversed(WORDS)]
    (images / "classes.txt").write_text("\n".join(backwards))
    rows = rows_of(signbit("predict", checkpoint, images, "--classes", LIST)[0])
    for row in rows:
        number = int(Path(row["path"]).name.partition("_")[0])
        assert row["true"] == backwards[number]
    (images / "classes.txt").write_text("\n".join(map(str, range(10))))
    rows = rows_of(signbit("predict", checkpoint, images, "--classes", LIST)[0])
    for row in rows:
        assert row["true"] == WORDS[int(Path(row["path"]).name.partition("_")[0])]


def test_names_of_a_data_set_written_as_images_lie_above_its_splits(signbit, nameless, images):
    split = images.rename(images.parent / "test")
    (split.parent / "classes.txt").write_text("\n".join(WORDS))
    for given in ([split], list(split.iterdir())):
        out, err = signbit("predict", nameless, *given)
        assert {row["class"] for row in rows_of(out)} <= set(WORDS)
        assert f"class names from {split.parent}/classes.txt\n" in err


def test_files_that_differ_are_refused(signbit, nameless, images, next_to_model):
    (images / "classes.txt").write_text("\n".join(WORDS))
    next_to_model(reversed(WORDS))
    says = f"class names in {images}/classes.txt and {nameless.parent}/classes.txt differ"
    out = signbit.refused("predict", nameless, images, code=1, says=says)
    assert out == ""
    signbit("predict", nameless, images, "--classes", LIST)


@pytest.mark.parametrize(
    ("option", "code", "says"),
    [
        ("a,b,c", 2, "--classes has 3 class names, but the model returns 10 scores"),
        ("cifar100", 2, "--classes has 100 class names, but the model returns 10 scores"),
        ("cifar", 2, "'cifar': give the names with commas between them, a .txt file with one"),
        ("", 2, "give the names with commas"),
        ("a,,b", 2, "name 2 is blank"),
        (LIST.replace("nine", "one"), 2, "two classes are the same"),
        (LIST.replace("nine", "ni\x1b[31mne"), 2, r"classes holds 'ni\x1b[31mne'"),
        (LIST.replace("nine", "ni\nne"), 2, r"classes holds 'ni\nne'"),
        ("/nonexistent/names.txt", 1, "cannot read /nonexistent/names.txt"),
    ],
)
@pytest.mark.parametrize("command", ["predict", "evaluate", "pack"])
def test_names_that_do_not_fit_are_one_line(
    signbit, checkpoint, images, tmp_path, command, option, code, says
):
    rest = {"predict": [images], "evaluate": ["--data", "digits"]}
    arguments = rest.get(command, ["-o", tmp_path / "net.signbit"])
    signbit.refused(command, checkpoint, *arguments, "--classes", option, code=code, says=says)
    assert not (tmp_path / "net.signbit").exists()


def test_a_pipe_for_a_file_is_refused_not_waited_for(signbit, checkpoint, images, tmp_path):
    os.mkfifo(tmp_path / "names.txt")
    arguments = ("predict", checkpoint, images, "--classes", tmp_path / "names.txt")
    signbit.refused(*arguments, code=1, says="names.txt: a device or pipe")


def test_evaluate_matches_and_prints_the_names(signbit, nameless, next_to_model, tmp_path):
    file = tmp_path / "result.json"
    given = ("evaluate", nameless, "--data", "digits", "--json", file)
    signbit(*given)
    plain = json.loads(file.read_text())
    out, err = signbit(*given, "--classes", LIST)
    found = json.loads(file.read_text())
    assert found["classes"] == list(WORDS)
    assert found["confusion"] == plain["confusion"]
    assert "class names from --classes\n" in err
    assert " seven" in out
    next_to_model(map(str, range(9, -1, -1)))
    signbit(*given)
    turned = json.loads(file.read_text())
    assert turned["classes"] == [str(digit) for digit in range(9, -1, -1)]
    # The digits of the data set are found by their names, in the places that the file says.
    row = np.array(plain["confusion"])[3]
    assert np.array(turned["confusion"])[6].tolist() == row.tolist()


def test_pack_puts_the_names_into_the_file(signbit, checkpoint, nameless, next_to_model, tmp_path):
    out = tmp_path / "net.signbit"
    _, err = signbit("pack", checkpoint, "-o", out, "--no-check")
    assert PackedModel.load(out).preprocessing.classes == tuple("0123456789")
    assert err == ""
    _, err = signbit("pack", checkpoint, "-o", out, "--no-check", "--classes", LIST)
    assert PackedModel.load(out).preprocessing.classes == WORDS
    assert "class names from --classes, in place of the model's own names" in err
    next_to_model(WORDS)
    _, err = signbit("pack", nameless, "-o", out, "--no-check")
    assert PackedModel.load(out).preprocessing.classes == WORDS
    assert f"class names from {nameless.parent}/classes.txt" in err


def test_a_packed_network_takes_names_too(signbit, nameless, images, tmp_path):
    out = tmp_path / "net.signbit"
    signbit("pack", nameless, "-o", out, "--no-check")
    rows, err = signbit("predict", out, images, "--classes", LIST)
    assert_named(rows, nameless, images, WORDS)
    assert "class names from --classes\n" in err


def test_the_known_names_are_those_of_the_data_sets():
    assert {name: len(names) for name, names in CLASS_NAMES.items()} == {
        "cifar10": 10, "cifar100": 100, "digits": 10, "fashion-mnist": 10, "mnist": 10,
    }  # fmt: skip
    assert CLASS_NAMES["digits"] == tuple(load("digits", "test").classes)
    hundred = CLASS_NAMES["cifar100"]
    assert list(hundred) == sorted(set(hundred))


@pytest.mark.cifar10
def test_the_names_of_cifar10_are_those_in_its_files(cifar10_dir):
    assert CLASS_NAMES["cifar10"] == tuple(load("cifar10", "test", data_dir=cifar10_dir).classes)


def test_the_count_of_scores_is_asked_of_the_model(nameless):
    assert score_count(load_model(nameless)) == 10


def test_the_order_of_class_folders_is_not_taken_for_that_of_the_scores(
    signbit, nameless, images, tmp_path
):
    for path in images.glob("*.png"):
        folder = tmp_path / "folders" / WORDS[int(path.name.partition("_")[0])]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    for word in WORDS:
        folder = tmp_path / "folders" / word
        folder.mkdir(exist_ok=True)
        if not any(folder.iterdir()):
            Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "0.png")
    arguments = ("evaluate", nameless, "--data", f"folder:{tmp_path / 'folders'}")
    signbit.refused(*arguments, code=2, says="give --classes, or put a classes.txt into")
    signbit(*arguments, "--classes", LIST)


@pytest.mark.parametrize("given", ["parent", "link"])
def test_the_images_own_list_is_found_from_where_they_are(signbit, checkpoint, images, given):
    (images / "classes.txt").write_text("\n".join(reversed(WORDS)))
    link = images.parent / "link"
    link.symlink_to(images)
    path = images.parent if given == "parent" else link
    rows = rows_of(signbit("predict", checkpoint, path, "--classes", LIST)[0])
    assert rows
    for row in rows:
        assert row["true"] == WORDS[9 - int(Path(row["path"]).name.partition("_")[0])]


def test_numbers_that_are_no_labels_are_told_in_one_line(signbit, checkpoint, images):
    first = sorted(images.glob("*.png"))[0]
    for name in ("10_0.png", "2024_1.png"):
        first.with_name(name).write_bytes(first.read_bytes())
    out, err = signbit("predict", checkpoint, images)
    rows = {Path(row["path"]).name: row["true"] for row in rows_of(out)}
    assert [rows.pop(name) for name in ("10_0.png", "2024_1.png")] == ["", ""]
    assert all(rows.values())
    (told,) = (line for line in err.splitlines() if "true class" in line)
    assert told == (
        "signbit: 2 images have no true class, because the number at the beginning of their names "
        f"is not a label, such as {images}/10_0.png; labels go from 0 to 9"
    )
    assert " of the 5 labelled" in err


def test_numbers_of_classes_that_the_model_does_not_know_are_told(signbit, checkpoint, images):
    (images / "classes.txt").write_text("\n".join(["cat", *WORDS[1:]]))
    first = sorted(images.glob("*.png"))[0]
    first.rename(first.with_name("0_0.png"))
    out, err = signbit("predict", checkpoint, images, "--classes", LIST)
    rows = {Path(row["path"]).name: row["true"] for row in rows_of(out)}
    assert rows["0_0.png"] == ""
    assert f"{images}/0_0.png; a label is the number of a line in classes.txt, counted" in err


def test_the_list_above_all_folders_counts_for_numbers_and_names(signbit, checkpoint, images):
    """One search finds the list, for the names of classes and for the numbers of images."""
    deep = images.parent / "a" / "b" / "c"
    deep.parent.mkdir(parents=True)
    images.rename(deep)
    (images.parent / "classes.txt").write_text("\n".join(reversed(WORDS)))
    rows = rows_of(signbit("predict", checkpoint, images.parent, "--classes", LIST)[0])
    for row in rows:
        assert row["true"] == WORDS[9 - int(Path(row["path"]).name.partition("_")[0])]


def test_a_search_resolves_folders_and_not_files(tmp_path, monkeypatch):
    resolved, resolve = [], Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda path: resolved.append(path) or resolve(path))
    files = [tmp_path / "a" / f"{index}.png" for index in range(1000)]
    assert folders_of_names([tmp_path], files) == [tmp_path, tmp_path / "a", tmp_path]
    assert len(resolved) == 1
