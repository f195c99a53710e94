"""Nothing that a name holds reaches the terminal as it is."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import packed
from PIL import Image

from signbit.errors import printable
from signbit.format import PackedModel
from signbit.models import load_model, save_model
from signbit.progress import progress_bar

# A colour, a line break, a carriage return, text from right to left, a line separator, and a byte
# that is no UTF-8.
HOSTILE = "a\x1b[31m\n\r\u202e\u2028\u200f\udcff"
SHOWN = r"a\x1b[31m\n\r\u202e\u2028\u200f\udcff"


def assert_shown(text, name=SHOWN):
    assert name in text
    assert all(letter.isprintable() or letter == "\n" for letter in text)


@pytest.fixture
def hostile(tmp_path):
    """A folder of such a name."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    return folder


@pytest.fixture
def digits(hostile):
    """A packed network in it, whose classes have names from right to left."""
    model = packed("digits")
    names = tuple(f"{digit}\u202e" for digit in range(10))
    path = hostile / "digits.signbit"
    PackedModel(model.nodes, replace(model.preprocessing, classes=names)).save(path)
    return path


def signbit_main(arguments):
    from signbit.cli import main

    main([str(argument) for argument in arguments])


def test_predict_shows_the_names_and_its_files_keep_them(signbit, digits, hostile, tmp_path):
    Image.new("L", (8, 8)).save(hostile / "1_0.png")
    (hostile / "2_0.png").touch()
    file = tmp_path / "out.csv"
    out, err = signbit("predict", digits, hostile, "--out", file)
    assert_shown(out)  # the wrong one
    assert_shown("".join(line for line in err.splitlines() if "skipped" in line))
    with file.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
        (row,) = csv.DictReader(lines)
    assert row["path"] == str(hostile / "1_0.png")
    assert row["true"] == "1\u202e"


def test_predict_shows_them_on_a_terminal(signbit, digits, hostile, monkeypatch):
    Image.new("L", (8, 8)).save(hostile / "1_0.png")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out, _ = signbit("predict", digits, hostile)
    assert_shown(out)
    assert r"1\u202e" in out


def test_evaluate_shows_the_names(signbit, digits, hostile):
    out, err = signbit("evaluate", digits, "--data", "digits", "--confusion", hostile / "c.png")
    assert_shown(out)
    assert r" 3\u202e" in out
    assert "\x1b[31m" not in err


def test_pack_and_summary_show_the_names(signbit, checkpoint, tmp_path):
    model = load_model(checkpoint)
    # The library of checkpoints opens no path that is not UTF-8.
    path = tmp_path / HOSTILE[:-1] / "last.safetensors"
    save_model(path, model.module, model.architecture, model.preprocessing)
    out, _ = signbit("pack", path, "-o", tmp_path / HOSTILE / "net.signbit", "--no-check")
    assert_shown(out)
    out, _ = signbit("summary", path)
    assert_shown(out, SHOWN[: -len(r"\udcff")])


def test_bench_export_images_and_zoo_show_the_names(signbit, digits, hostile):
    out, _ = signbit("bench", digits, "--rounds", 1, "--no-peers")
    assert_shown(out)
    out, _ = signbit("export", digits, "--to", "txt", "-o", hostile / "txt")
    assert_shown(out)
    Image.new("L", (8, 8)).save(hostile / "0_0.png")
    out, _ = signbit("images", f"folder:{hostile}", hostile.parent / f"{HOSTILE}2")
    assert_shown(out)
    _, err = signbit("zoo", "digits_binary", "--recipe", hostile / "r.yaml")
    assert_shown(err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "{}.signbit", "x.png"],
        ["evaluate", "{}", "--data", "digits"],
        ["evaluate", "{}", "--data", "folder:{}"],
        ["evaluate", "x.signbit", "--data", "digits", "--json", "{}", "--confusion", "{}"],
        ["pack", "{}", "-o", "x.signbit"],
        ["pack", "x", "-o", "{}"],
        ["summary", "{}"],
        ["bench", "{}"],
        ["images", "folder:{}", "x"],
        ["images", "digits", "/dev/null/{}"],
        ["zoo", "{}"],
        ["zoo", "digits_binary", "--recipe", "{}"],
        ["zoo", "digits_binary", "-o", "/dev/null/{}.signbit"],
        ["train", "--resume", "--out", "{}"],
        ["train", "--model", "{}", "--data", "digits", "--out", "x"],
        ["train", "--model", "digits_binary", "--data", "digits", "--out", "x", "--recipe", "{}"],
        ["train", "--model", "digits_binary", "--data", "digits", "--out", "x", "--set", "{}=1"],
        ["{}"],
        ["--{}"],
        ["info", "{}"],
        ["info", "--{}"],
        ["evaluate", "x", "--data", "digits", "--split", "{}"],
    ],
)
def test_a_mistake_shows_the_names(capsys, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        signbit_main([argument.replace("{}", HOSTILE) for argument in arguments])
    assert stop.value.code in (1, 2)
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    assert last.startswith(("signbit: ", "Error: "))
    assert r"\x1b[31m" in last
    assert all(letter.isprintable() or letter == "\n" for letter in printed.err)


def test_a_progress_bar_shows_its_name(capsys):
    with progress_bar(HOSTILE, 1) as advance:
        advance(1)
    assert SHOWN in capsys.readouterr().err


def test_names_in_csv_are_quoted(signbit, digits, tmp_path):
    """A line break, a carriage return, a comma and a quote in a name start no new cell or row."""
    names = ["a\nb.png", "a\rb.png", "a\r\nb.png", 'a,"b".png', "=1+1.png"]
    folder = tmp_path / "images"
    folder.mkdir()
    for name in names:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "x.png")
        (folder / "x.png").rename(folder / name)
    file = tmp_path / "out.csv"
    signbit("predict", digits, folder, "--out", file)
    content = file.read_bytes().decode()
    with file.open(newline="") as lines:
        rows = list(csv.reader(lines))
    assert sorted(os.path.basename(row[0]) for row in rows[1:]) == sorted(names)  # noqa: PTH119
    assert all(len(row) == 4 for row in rows)
    assert content.endswith("\n")
    assert not content.endswith("\r\n")


def test_printable_is_the_same_twice():
    assert printable(HOSTILE) == SHOWN
    assert printable(SHOWN) == SHOWN
    assert printable("zwölf ± µ 猫") == "zwölf ± µ 猫"
