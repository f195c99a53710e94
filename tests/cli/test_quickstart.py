import json
from pathlib import Path

import pytest
from PIL import Image

from signbit.cli import main
from signbit.predict import Prediction
from signbit.quickstart import SHOWN, choose_samples


def run(*arguments):
    with pytest.raises(SystemExit) as stop:
        main(["quickstart", *arguments])
    return stop.value.code


def test_quickstart_does_the_whole_job_and_may_be_run_again(tmp_path, capsys):
    out = tmp_path / "quick"
    assert run("--out", str(out)) == 0
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
    (out / "leftover").write_text("x")
    assert run("--out", str(out)) == 0
    assert not (out / "leftover").exists()


def test_quickstart_leaves_foreign_folders_alone(tmp_path, capsys):
    (tmp_path / "precious").write_text("x")
    assert run("--out", str(tmp_path)) == 1
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_the_page_of_samples_shows_mistakes_first_and_then_every_class():
    def said(place, answer):
        return Prediction(Path(str(place)), [(answer, 0.5)], str(place // 20))

    right = [said(place, str(place // 20)) for place in range(200)]
    shown = choose_samples([*right, said(77, "9"), said(3, "4")])
    assert [one.top[0][0] for one in shown[:2]] == ["9", "4"]
    assert {one.true for one in shown[2:]} == set("0123456789")
    assert len({one.path for one in shown}) == len(shown) == SHOWN
    assert choose_samples(right[:3]) == right[:3]
