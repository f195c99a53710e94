"""`signbit predict` for packed networks of other tasks than images with classes."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.files import ends
from helpers.tasks import (
    maps_of_classes,
    rows_of_classes,
    rows_of_labels,
    rows_of_numbers,
    sounds_of_classes,
)
from PIL import Image

from signbit.runtime import reference
from signbit.runtime.samples import random_inputs
from signbit.scoring._class_maps import colors


@pytest.fixture
def predicted(signbit, tmp_path):
    """Call `predict` for a network; returns standard output and standard error."""

    def run(model, *arguments):
        model.save(tmp_path / "net.signbit")
        return signbit("predict", tmp_path / "net.signbit", *arguments)

    return run


@pytest.fixture
def refused(signbit, tmp_path):
    """Call `predict` for a network and expect one line about what is wrong."""

    def run(model, *arguments, code, says):
        model.save(tmp_path / "net.signbit")
        signbit.refused("predict", tmp_path / "net.signbit", *arguments, code=code, says=says)

    return run


def rows_in(text):
    return list(csv.DictReader(text.splitlines()))


def test_classes_of_a_table_with_true_ones_where_it_has_them(predicted, tmp_path):
    (tmp_path / "t.csv").write_text("x,y,z,kind\n1,0,0,a\n0,2,0,c\n")
    result = tmp_path / "r.json"
    out, err = predicted(rows_of_classes(), tmp_path / "t.csv", "--top", 2, "--json", result)
    first, second = rows_in(out)
    assert list(first) == ["row", "true", "class", "probability", "class_2", "probability_2"]
    assert (first["row"], first["true"], first["class"]) == ("1", "a", "a")
    # Ties go to the class of the lower index.
    assert (second["class"], second["class_2"]) == ("b", "a")
    assert float(second["probability"]) == pytest.approx(np.e**2 / (np.e**2 + 2), abs=1e-6)
    assert "2 samples" in err
    assert "top-1 50.00 %" in err
    summary = json.loads(result.read_text())
    assert summary["wrong"] == [{"place": "2", "true": "c", "predicted": "b"}]
    assert (summary["samples"], summary["top1"], summary["clipped"]) == (2, 0.5, {})


def test_labels_above_the_threshold_with_all_probabilities(predicted, tmp_path):
    (tmp_path / "t.csv").write_text("u,v\n1,2\n1,-1\n-1,-1\n")
    rows = rows_in(predicted(rows_of_labels(), tmp_path / "t.csv")[0])
    assert [row["labels"] for row in rows] == ["wet;hot", "wet", ""]
    assert float(rows[0]["probability_hot"]) == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)
    rows = rows_in(predicted(rows_of_labels(), tmp_path / "t.csv", "--threshold", 0.8)[0])
    assert [row["labels"] for row in rows] == ["hot", "", ""]


@pytest.mark.parametrize(
    ("names", "columns"),
    [(("sum", "difference"), ["sum", "difference"]), ((), ["both_0", "both_1"])],
)
def test_numbers_by_their_names(predicted, tmp_path, names, columns):
    np.save(tmp_path / "x.npy", np.array([[1.25, 2], [4, 5]], np.float32))
    (row, _) = rows_in(predicted(rows_of_numbers(names), tmp_path / "x.npy")[0])
    assert list(row) == ["sample", *columns]
    assert [row["sample"], *(float(row[name]) for name in columns)] == ["0", 3.25, -0.75]


def test_lines_of_json_and_a_csv_file(predicted, tmp_path):
    (tmp_path / "t.csv").write_text("p,q\n1,2\n")
    lines = tmp_path / "o.jsonl"
    out, _ = predicted(rows_of_numbers(), tmp_path / "t.csv", "--out", lines)
    assert json.loads(lines.read_text()) == {
        "row": "1",
        "outputs": {"both": {"numbers": {"sum": 3.0, "difference": -1.0}}},
    }
    assert "1 samples" in out
    predicted(rows_of_numbers(), tmp_path / "t.csv", "--csv", tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_text() == "row,sum,difference\n1,3,-1\n"


def test_maps_become_pictures_with_overlays(predicted, refused, tmp_path):
    classes = np.random.default_rng(0).integers(0, 3, (4, 4))
    (tmp_path / "in").mkdir()
    Image.fromarray(np.uint8(np.eye(3)[classes] * 200)).save(tmp_path / "in" / "x.png")
    (tmp_path / "in" / "y.png").write_text("no image")
    made = tmp_path / "made"
    out, err = predicted(maps_of_classes(), tmp_path / "in", "--out", made)
    (row,) = rows_in(out)
    assert (row["file"], row["overlay"]) == ("mask/x.png", "overlays/mask/x.png")
    assert "skipped" in err
    assert "1 unreadable" in err
    with Image.open(made / "mask" / "x.png") as picture:
        assert picture.mode == "P"
        np.testing.assert_array_equal(np.array(picture), classes)
        shown = np.array(picture.convert("RGB"))
    np.testing.assert_array_equal(shown, colors(3)[classes])
    with Image.open(made / "overlays" / "mask" / "x.png") as picture:
        over = np.array(picture)
    # Each pixel is drawn 16 times as large; half its colour is that of the class, half its grey.
    grey = np.array([200 * weight / 1000 for weight in (299, 587, 114)])[classes]
    wanted = (grey[..., None] + colors(3)[classes]) / 2
    np.testing.assert_allclose(over[8:64:16, 8:64:16], wanted, atol=2)
    assert over.shape[1] > 64
    refused(maps_of_classes(), tmp_path / "in", "--out", made, code=2, says="is not empty")
    refused(maps_of_classes(), tmp_path / "in", code=2, says="give a folder for them with --out")


def test_images_of_one_name_in_two_folders_have_files_of_their_own(predicted, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (4, 4), "red").save(tmp_path / folder / "x.png")
    options = ("--out", tmp_path / "made", "--csv", tmp_path / "o.csv")
    predicted(maps_of_classes(), tmp_path / "a", tmp_path / "b", *options)
    files = [row["file"] for row in rows_in((tmp_path / "o.csv").read_text())]
    assert files == ["mask/x.png", "mask/x_2.png"]
    assert all((tmp_path / "made" / file).is_file() for file in files)


def test_masks_next_to_images_are_no_images(predicted, tmp_path):
    for path in ("d/test/images", "d/test/masks", "d/other/masks"):
        (tmp_path / path).mkdir(parents=True)
        Image.new("RGB", (4, 4), "red").save(tmp_path / path / "1.png")

    def paths(number, *given):
        out, _ = predicted(maps_of_classes(), *given, "--out", tmp_path / f"out{number}")
        return [str(Path(row["path"]).relative_to(tmp_path)) for row in rows_in(out)]

    data, masks = tmp_path / "d", tmp_path / "d" / "test" / "masks"
    assert sorted(paths(1, data)) == ["d/other/masks/1.png", "d/test/images/1.png"]
    assert paths(2, data / "test") == ["d/test/images/1.png"]
    assert paths(3, masks) == paths(4, masks / "1.png") == ["d/test/masks/1.png"]


def test_sounds_by_a_front_end(predicted, refused, tmp_path):
    (tmp_path / "quiet").mkdir()
    noise = np.random.default_rng(0).uniform(-1, 1, 16000)
    soundfile.write(tmp_path / "quiet" / "1.wav", 0.0005 * noise, 16000)
    soundfile.write(tmp_path / "quiet" / "2.wav", noise, 8000)
    front_end = ("--front-end", "log_mel:bins=20,window=30,hop=20")
    out, err = predicted(sounds_of_classes(49, 20), tmp_path / "quiet", *front_end)
    (row,) = rows_in(out)
    assert (row["true"], row["class"]) == ("quiet", "quiet")
    assert "8000 Hz, but the front end needs 16000 Hz" in err
    (tmp_path / "quiet" / "1.wav").unlink()
    refused(
        *(sounds_of_classes(49, 20), tmp_path / "quiet", *front_end),
        code=1,
        says="none of the 1 files could be read",
    )


def test_several_outputs_have_columns_of_their_own_and_arrays_for_sequences(predicted, tmp_path):
    given = random_inputs(ends(), 3)
    found = reference.outputs(ends(), given)
    np.savez(tmp_path / "x.npz", allow_pickle=False, **given)
    out, _ = predicted(ends(), tmp_path / "x.npz", "--out", tmp_path / "made")
    rows = rows_in(out)
    assert list(rows[0]) == [
        *("sample", "true", "answer_class", "answer_probability", "tags_file"),
        *("sums_0", "sums_1", "bright_file"),
    ]
    for index, row in enumerate(rows):
        assert row["answer_class"] == "abc"[found["answer"][index].argmax()]
        assert [float(row["sums_0"]), float(row["sums_1"])] == found["sums"][index].tolist()
        tags = np.load(tmp_path / "made" / row["tags_file"])
        np.testing.assert_allclose(tags, 1 / (1 + np.exp(-found["tags"][index])), rtol=1e-6)
        bright = np.load(tmp_path / "made" / row["bright_file"])
        np.testing.assert_array_equal(bright, found["bright"][index])


@pytest.mark.parametrize(
    ("model", "arguments", "code", "says"),
    [
        (
            rows_of_labels,
            ["t.csv", "t.csv"],
            2,
            "2 paths, of which one is a table or an array file",
        ),
        (rows_of_labels, ["x.png"], 2, "the network takes features (f32, 2); give a .csv"),
        (rows_of_labels, ["t.csv", "--out", "folder"], 2, "ends in .csv or .jsonl"),
        (rows_of_labels, ["t.csv", "--out", "a.csv", "--csv", "b.csv"], 2, "both name a file"),
        (rows_of_labels, ["t.csv", "--front-end", "mfcc"], 2, "--front-end is for WAV files"),
        (rows_of_labels, ["none.csv"], 1, "cannot read none.csv"),
        (rows_of_labels, ["t.csv", "--threshold", "2"], 2, "threshold 2.0; give a number between"),
        (maps_of_classes, ["x.png", "--codes", "--out", "m"], 2, "are for tables and arrays"),
    ],
)
def test_mistakes_are_one_line(refused, tmp_path, monkeypatch, model, arguments, code, says):
    (tmp_path / "t.csv").write_text("u,v\n1,2\n")
    monkeypatch.chdir(tmp_path)
    refused(model(), *arguments, code=code, says=says)


def test_a_wrong_row_leaves_no_file(refused, tmp_path):
    (tmp_path / "t.csv").write_text("u,v\n" + "1,2\n" * 100 + "1,\n")
    out = tmp_path / "o.csv"
    refused(
        *(rows_of_labels(), tmp_path / "t.csv", "--out", out),
        code=1,
        says="row 101, column 'v': no value",
    )
    assert not out.exists()
