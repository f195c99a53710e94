import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from signbit.data import load
from signbit.models import load_model


@pytest.fixture(scope="module")
def digit_files(tmp_path_factory):
    """Thirty digits named `<label>_<index>.png`."""
    folder = tmp_path_factory.mktemp("digits")
    digits = load("digits", "test")
    for index in range(30):
        name = f"{digits.labels[index]}_{index}.png"
        Image.fromarray(digits.images[index : index + 1][0, :, :, 0]).save(folder / name)
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_lines_and_summary_go_apart_without_out(signbit, checkpoint, digit_files):
    out, err = signbit("predict", checkpoint, digit_files)
    rows = rows_of(out)
    assert len(rows) == 30
    assert list(rows[0]) == ["path", "true", "class", "probability"]
    assert "30 images in" in err
    assert "top-1" in err
    assert "error rate" in err


def test_predictions_are_those_of_the_array(signbit, checkpoint, digit_files, tmp_path):
    arguments = ("--top", 3, "--out", tmp_path / "p.jsonl", "--json", tmp_path / "p.json")
    out, _ = signbit("predict", checkpoint, digit_files, *arguments)
    assert "30 images in" in out
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    digits = load("digits", "test")
    scores = load_model(checkpoint).scores(digits.images[:30])
    by_index = {int(line["path"].rpartition("_")[2][:-4]): line for line in lines}
    for index, row in enumerate(scores):
        order = np.argsort(-row, kind="stable")[:3]
        line = by_index[index]
        assert [item["class"] for item in line["top"]] == [str(place) for place in order]
        found = [item["probability"] for item in line["top"]]
        np.testing.assert_allclose(found, np.exp(row[order]), rtol=1e-4)
        assert line["true"] == str(digits.labels[index])
    result = json.loads((tmp_path / "p.json").read_text())
    right = scores.argmax(axis=1) == digits.labels[:30]
    assert result["images"] == 30
    assert result["unreadable"] == 0
    assert result["top1"] == pytest.approx(right.mean())
    assert result["seconds"] > 0
    assert {int(wrong["path"].rpartition("_")[2][:-4]) for wrong in result["wrong"]} == set(
        np.flatnonzero(~right)
    )
    assert set(result["wrong"][0]) == {"path", "true", "predicted"}


def test_csv_has_columns_for_each_of_the_top(signbit, checkpoint, digit_files, tmp_path):
    signbit("predict", checkpoint, digit_files, "--top", 99, "--out", tmp_path / "p.csv")
    rows = rows_of((tmp_path / "p.csv").read_text())
    assert len(rows) == 30
    assert list(rows[0])[2:6] == ["class", "probability", "class_2", "probability_2"]
    assert list(rows[0])[-1] == "probability_10"
    assert rows[0]["probability"] >= rows[0]["probability_2"]


def test_order_is_that_of_the_paths_whatever_the_batch(signbit, checkpoint, digit_files):
    outputs = {
        signbit("predict", checkpoint, digit_files, "--batch-size", size)[0] for size in (1, 7, 64)
    }
    paths = [row["path"] for row in rows_of(outputs.pop())]
    assert not outputs
    indices = [path.rpartition("/")[2] for path in paths]
    assert indices == sorted(indices, key=lambda name: [int(n) for n in name[:-4].split("_")])


def test_files_without_a_label_give_no_accuracy(signbit, checkpoint, tmp_path):
    Image.new("RGBA", (50, 20), "red").save(tmp_path / "photo.png")
    out, err = signbit("predict", checkpoint, tmp_path, "--json", tmp_path / "p.json")
    assert rows_of(out)[0]["true"] == ""
    assert "top-1" not in err
    result = json.loads((tmp_path / "p.json").read_text())
    assert "top1" not in result
    assert result["wrong"] == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_images_of_every_mode_are_classified(signbit, checkpoint, tmp_path, mode):
    Image.new(mode, (33, 17)).save(tmp_path / "x.tiff")
    assert len(rows_of(signbit("predict", checkpoint, tmp_path)[0])) == 1


def test_unreadable_files_are_named_and_counted_and_the_rest_goes_on(
    signbit, checkpoint, digit_files, tmp_path
):
    (tmp_path / "0_0.png").write_bytes(b"no image")
    whole = next(digit_files.iterdir()).read_bytes()
    (tmp_path / "1_1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "2_2.png").write_bytes(whole)
    out, err = signbit("predict", checkpoint, tmp_path, "--json", tmp_path / "p.json")
    assert [row["path"] for row in rows_of(out)] == [str(tmp_path / "2_2.png")]
    assert err.count("signbit: skipped") == 2
    assert "2 unreadable" in err
    result = json.loads((tmp_path / "p.json").read_text())
    assert (result["images"], result["unreadable"]) == (1, 2)
    assert [entry["path"] for entry in result["unreadable_files"]] == [
        str(tmp_path / "0_0.png"),
        str(tmp_path / "1_1.png"),
    ]


def test_no_readable_file_is_a_failure(signbit, checkpoint, tmp_path):
    (tmp_path / "x.png").touch()
    signbit.refused("predict", checkpoint, tmp_path, code=1, says="none of the 1 files")


def test_empty_folder_is_a_failure(signbit, checkpoint, tmp_path):
    signbit.refused("predict", checkpoint, tmp_path, code=1, says="no image file")


def test_missing_path_is_a_failure(signbit, checkpoint, tmp_path):
    signbit.refused("predict", checkpoint, tmp_path / "x", code=1, says="does not exist")


def test_other_suffix_of_out_is_a_mistake(signbit, checkpoint, digit_files, tmp_path):
    arguments = ("predict", checkpoint, digit_files, "--out", tmp_path / "p.txt")
    signbit.refused(*arguments, code=2, says=".csv or .jsonl")


def test_failed_run_leaves_no_partial_file(signbit, checkpoint, digit_files, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "signbit.models.TrainedModel.scores",
        lambda self, pixels: np.full((len(pixels), 10), np.nan, np.float32),
    )
    out = tmp_path / "p.csv"
    signbit.refused("predict", checkpoint, digit_files, "--out", out, code=1, says="NaN")
    assert not list(tmp_path.iterdir())


def test_names_that_cannot_be_printed_are_cells_as_they_are_and_messages_of_one_line(
    signbit, checkpoint, tmp_path
):
    Image.new("L", (8, 8)).save(tmp_path / "a\nb.png")
    (tmp_path / "c\x1b[31m\n.png").touch()
    out, err = signbit("predict", checkpoint, tmp_path)
    assert rows_of(out)[0]["path"] == f"{tmp_path}/a\nb.png"
    assert r"c\x1b[31m\n.png: not an image" in err


def test_two_files_of_one_name_are_refused(signbit, checkpoint, digit_files, tmp_path):
    out = tmp_path / "a.jsonl"
    given = ("--out", out, "--json", out)
    signbit.refused("predict", checkpoint, digit_files, *given, code=2, says="--out and --json")
    assert not out.exists()


@pytest.mark.parametrize("command", ["predict", "info", "zoo"])
def test_full_standard_output_is_one_line(checkpoint, digit_files, command):
    arguments = [checkpoint, digit_files] if command == "predict" else []
    command = [sys.executable, "-m", "signbit", command, *arguments]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    told = done.stderr.splitlines()[-1]
    assert told == "signbit: cannot write to standard output: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_closed_standard_output_is_none_and_an_encoding_lacks_letters():
    run = [sys.executable, "-m", "signbit", "zoo"]
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *run], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (0, "")
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(run, env=ascii_only, capture_output=True, text=True, check=True)
    assert r"\xb1" in done.stdout


def test_names_that_are_not_utf8_do_not_stop_the_command(checkpoint, tmp_path):
    name = bytes(tmp_path) + b"/caf\xe9.png"
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(name.decode("utf-8", "surrogateescape"))
    command = [sys.executable, "-m", "signbit", "predict", checkpoint, tmp_path]
    done = subprocess.run(command, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"\\udce9.png" in done.stdout
    out = tmp_path / "out.csv"
    subprocess.run([*command, "--out", out], check=True, capture_output=True)
    # The file holds the name itself, so that it can be opened.
    assert name in out.read_bytes()


def test_the_option_csv_names_the_file_too(signbit, checkpoint, digit_files, tmp_path):
    for option in ("--out", "--csv"):
        signbit("predict", checkpoint, digit_files, option, tmp_path / f"{option}.csv")
    assert (tmp_path / "--out.csv").read_text() == (tmp_path / "--csv.csv").read_text()
    both = ("--out", tmp_path / "a.csv", "--csv", tmp_path / "b.csv")
    signbit.refused("predict", checkpoint, digit_files, *both, code=2, says="give only one")


def test_options_and_files_of_other_tasks_are_refused(signbit, checkpoint, digit_files):
    predict = ("predict", checkpoint)
    signbit.refused(
        *predict, digit_files, "--codes", code=2, says="--codes is for tables, for arrays"
    )
    signbit.refused(*predict, "x.npz", code=2, says="pack the model first")
