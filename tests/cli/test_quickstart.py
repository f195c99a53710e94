import json

import pytest
from PIL import Image

from signbit.cli import main


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
    assert printed.count(f"{100 * result['top1']:.2f} %") == 2  # evaluate and predict agree
    for name in ("confusion.png", "samples.png", "run/curves.png"):
        with Image.open(out / name) as picture:
            assert picture.format == "PNG"
    assert len(list((out / "images/test").glob("*.png"))) == 360
    assert (out / "parameters/manifest.json").is_file()
    (out / "leftover").write_text("x")
    assert run("--out", str(out)) == 0
    assert not (out / "leftover").exists()


def test_quickstart_leaves_foreign_folders_alone(tmp_path, capsys):
    (tmp_path / "precious").write_text("x")
    assert run("--out", str(tmp_path)) == 1
    assert "holds something else" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
