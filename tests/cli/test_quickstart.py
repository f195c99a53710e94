import json
from pathlib import Path

import pytest
from PIL import Image

from signbit.cli import _quickstart as quickstart
from signbit.cli import main
from signbit.cli._app import commands
from signbit.cli._examples import examples_of
from signbit.cli._quickstart import SHOWN, choose_samples
from signbit.errors import OutputError
from signbit.scoring import Prediction


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main(["quickstart", *arguments])
    return stop.value.code


@pytest.mark.slow
def test_quickstart_does_the_whole_job_and_may_be_run_again(tmp_path, capsys, monkeypatch):
    plain, elsewhere = (line.split()[2:] for line in examples_of(commands.get("quickstart")))
    monkeypatch.chdir(tmp_path)
    assert run(*plain) == 0
    capsys.readouterr()
    assert run(*elsewhere) == 0
    (out,) = (path for path in tmp_path.iterdir() if path.name in elsewhere)
    printed = capsys.readouterr().out
    result = json.loads((out / "quickstart.json").read_text())
    assert result["top1"] >= 0.95
    assert result["images"] == 360
    # evaluate, predict and the engine agree
    assert printed.count(f"{100 * result['top1']:.2f} %") == 3
    for name in ("confusion.png", "samples.png", "run/curves.png"):
        with Image.open(out / name) as picture:
            assert picture.format == "PNG"
    assert len(list((out / "images/test").glob("*.png"))) == 360
    assert (out / "parameters/manifest.json").is_file()
    assert (out / "c/digits_test.c").is_file()
    before = snapshot(out)
    assert set(result["files"]) == before.keys()
    for name in ("notes.txt", "images/mine.png", "c/digits_test"):
        (out / name).write_text("mine")
        assert run("--out", str(out)) == 1
        assert f"holds {name}, which no quickstart made; move it away" in capsys.readouterr().err
        assert snapshot(out).keys() == before.keys() | {name}
        (out / name).unlink()
    (out / "confusion.png").write_text("of the earlier one")
    inode = out.stat().st_ino
    monkeypatch.chdir(out)
    assert run("--out", ".") == 0
    # The events for TensorBoard have the time in their name.
    assert len(snapshot(out)) == len(before)
    assert set(json.loads((out / "quickstart.json").read_text())["files"]) == snapshot(out).keys()
    assert (out / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert out.stat().st_ino == inode


def snapshot(folder):
    """The time of every file, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("name", "entry"), [("precious", "precious"), ("run/metrics.csv", "run/")])
def test_quickstart_leaves_foreign_folders_alone(tmp_path, capsys, name, entry):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x")
    before = snapshot(tmp_path)
    assert run("--out", str(tmp_path)) == 1
    assert f"holds {entry}, which no quickstart made;" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("relative", [True, False])
def test_only_what_an_unfinished_quickstart_made_is_replaced(tmp_path, monkeypatch, relative):
    monkeypatch.chdir(tmp_path)
    folder = Path() if relative else tmp_path
    (tmp_path / "quickstart.json").write_text("{}\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".signbit-x.tmp.png").write_text("x")
    (tmp_path / "samples.png").write_text("x")
    (tmp_path / ".signbit-x.tmp.png").write_text("x")
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"thesis\.tex"):
        quickstart._prepare(folder)
    assert (tmp_path / "samples.png").exists()
    (tmp_path / "thesis.tex").unlink()
    quickstart._prepare(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart.json"]


def test_the_page_of_samples_shows_mistakes_first_and_then_every_class():
    def said(place, answer):
        return Prediction(Path(str(place)), [(answer, 0.5)], str(place // 20))

    right = [said(place, str(place // 20)) for place in range(200)]
    shown = choose_samples([*right, said(77, "9"), said(3, "4")])
    assert [one.top[0][0] for one in shown[:2]] == ["9", "4"]
    assert {one.true for one in shown[2:]} == set("0123456789")
    assert len({one.path for one in shown}) == len(shown) == SHOWN
    assert choose_samples(right[:3]) == right[:3]
