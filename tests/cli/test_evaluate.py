import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from signbit.data import load
from signbit.models import load_model


def test_result_goes_to_standard_output_and_progress_to_standard_error(signbit, checkpoint):
    out, err = signbit("evaluate", checkpoint.parent, "--data", "digits")
    first, second, *table = out.splitlines()
    assert first == f"{checkpoint} on digits, test images"
    assert "top-1 " in second
    assert "top-5 " in second
    assert "360 images" in second
    assert len([line for line in table if line.strip()]) == 2 + 10
    assert "evaluating" in err


def test_json_has_the_figures_that_numpy_finds(signbit, checkpoint, tmp_path):
    signbit("evaluate", checkpoint, "--data", "digits", "--json", tmp_path / "result.json")
    result = json.loads((tmp_path / "result.json").read_text())
    digits = load("digits", "test")
    scores = load_model(checkpoint).scores(digits.images[:])
    right = scores.argmax(axis=1) == digits.labels
    assert result["top1"] == right.mean()
    assert result["images"] == 360
    assert result["images_per_second"] > 0
    assert result["per_class"]["3"] == right[digits.labels == 3].mean()
    confusion = np.array(result["confusion"])
    assert confusion[3].sum() == (digits.labels == 3).sum()
    assert (result["model"], result["data"], result["split"]) == (str(checkpoint), "digits", "test")


def test_batch_size_does_not_change_the_figures(signbit, checkpoint, tmp_path):
    found = []
    for size in (7, 1000):
        path = tmp_path / f"{size}.json"
        signbit(*("evaluate", checkpoint, "--data", "digits"), "--batch-size", size, "--json", path)
        found.append(json.loads(path.read_text()))
        del found[-1]["images_per_second"]
    assert found[0] == found[1]


def test_train_split_can_be_chosen(signbit, checkpoint):
    out, _ = signbit("evaluate", checkpoint, "--data", "digits", "--split", "train")
    assert "train images" in out
    assert "1437 images" in out


def test_confusion_matrix_is_drawn(signbit, checkpoint, tmp_path):
    signbit("evaluate", checkpoint, "--data", "digits", "--confusion", tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500


def test_folder_is_converted_to_what_the_model_takes(signbit, checkpoint, tmp_path):
    for name in ("3", "7"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (40, 20), "gray").save(tmp_path / name / "x.png")
    out, _ = signbit("evaluate", checkpoint, "--data", f"folder:{tmp_path}")
    assert "2 images" in out
    assert [line.split()[:2] for line in out.splitlines() if line.startswith(" 3")] == [["3", "1"]]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--data", "digit"], 2, "Did you mean 'digits'"),
        (["--data", "digits", "--model", "mlp_binary"], 2, "contains its architecture"),
        (["--data", "digits", "--set", "model.width=4"], 2, "name it with --model"),
        (["--data", "folder:/nonexistent"], 1, "is not a folder"),
        (["--data", "mnist", "--data-dir", "/nonexistent"], 1, "--download"),
    ],
)
def test_mistake_is_one_line(signbit, checkpoint, arguments, code, says):
    signbit.refused("evaluate", checkpoint, *arguments, code=code, says=says)


def test_a_picture_of_another_kind_and_the_model_as_output_are_refused(
    signbit, checkpoint, tmp_path
):
    evaluate = ("evaluate", checkpoint, "--data", "digits")
    jpeg = tmp_path / "c.jpg"
    signbit.refused(*evaluate, "--confusion", jpeg, code=2, says="ends in .png")
    before = checkpoint.read_bytes()
    signbit.refused(*evaluate, "--json", checkpoint, code=2, says="MODEL and --json")
    assert checkpoint.read_bytes() == before


def test_missing_model_is_one_line(signbit, tmp_path):
    signbit.refused(
        "evaluate", tmp_path / "none.safetensors", "--data", "digits", code=1, says="no such file"
    )


def test_absent_cuda_device_is_one_line(signbit, checkpoint, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    arguments = ("evaluate", checkpoint, "--data", "digits", "--device", "cuda")
    signbit.refused(*arguments, code=2, says="no CUDA device")


def test_unwritable_result_is_one_line(signbit, checkpoint, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "result.json"
    signbit.refused(
        "evaluate", checkpoint, "--data", "digits", "--json", path, code=1, says=f"write {path}"
    )


def test_output_to_a_file_has_no_control_codes_and_mistakes_no_traceback(checkpoint, tmp_path):
    command = [sys.executable, "-m", "signbit", "evaluate", str(checkpoint), "--data"]
    done = subprocess.run([*command, "digits"], capture_output=True)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr
    failed = subprocess.run([*command, "digit"], capture_output=True, text=True, cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1


def test_help_is_fast_because_it_imports_no_heavy_package():
    code = (
        "import sys\n"
        "from signbit.cli import main\n"
        "try: main(['evaluate', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'lightning', 'matplotlib', 'scipy', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
