"""Which runs the ablation trains, goes on with, keeps or refuses; `signbit train` is a stand-in."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import ablation

VARIANTS = """
plain: {recipe: quick, set: [loss.logit_scale=2]}
first: {recipe: quick, epochs: 2}
second: {recipe: quick, epochs: 2, init: "{out}/first-{seed}"}
taught: {recipe: quick, set: ["distillation.teacher={out}/plain-{seed}"]}
"""
ROWS = (
    "epoch,val_accuracy,val_loss,accuracy,loss\n1,0.25,2,0.5,1.5\n2,{accuracy},1.25,0.625,1.125\n"
)


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Arguments of each `signbit train`, which writes a table of metrics and does no more."""
    seen = []

    def training(command):
        assert command[:4] == [sys.executable, "-m", "signbit", "train"]
        seen.append(command[4:])
        folder = Path(command[command.index("--out") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").touch()
        seed = int(folder.name[-1])
        (folder / "metrics.csv").write_text(ROWS.format(accuracy=0.5 + seed / 10))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablation.subprocess, "run", training)
    return seen


def run(monkeypatch, *arguments, variants=VARIANTS):
    Path("variants.yaml").write_text(variants)
    common = ["variants.yaml", "--out", "out", "--model", "digits_binary", "--data", "digits"]
    monkeypatch.setattr(sys, "argv", ["ablation.py", *common, *arguments])
    ablation.main()


def outs(calls):
    return [call[call.index("--out") + 1] for call in calls]


def test_every_variant_is_trained_once_with_every_seed(calls, monkeypatch, capsys):
    for _ in range(2):
        run(monkeypatch, "--epochs", "4", "--seeds", "0", "1")
    names = ["plain", "first", "second", "taught"]
    assert outs(calls) == [f"out/{name}-{seed}" for seed in (0, 1) for name in names]
    table = capsys.readouterr().out.splitlines()
    assert table[-4] == "| plain | 2 | 55.00 ± 7.07 | 1.25 ± 0.00 | 62.50 ± 0.00 |"
    assert len(json.loads(Path("out/plain-0.json").read_text())["epochs"]) == 2
    assert Path("out/curves.png").stat().st_size


def test_a_variant_goes_on_from_the_run_with_its_seed_and_has_epochs_of_its_own(calls, monkeypatch):
    run(monkeypatch, "--epochs", "4", "--seeds", "1")
    plain, _, second, taught = calls
    assert plain[plain.index("--epochs") :] == [
        *("--epochs", "4", "--recipe=quick", "--set", "loss.logit_scale=2", "--seed", "1"),
        *("--device", "cpu"),
    ]
    # The last of equal options counts.
    assert second.index("--epochs=2") > second.index("--epochs")
    assert "--init=out/first-1" in second
    assert "distillation.teacher=out/plain-1" in taught


def test_what_was_interrupted_is_resumed(calls, monkeypatch):
    run(monkeypatch, variants="plain: {recipe: quick}")
    path = Path("out/plain-0.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"epochs": []}))
    run(monkeypatch, variants="plain: {recipe: quick}")
    assert calls[1] == ["--out", "out/plain-0", "--resume", "--device", "cpu"]


def test_other_arguments_are_refused_and_redone_when_asked(calls, monkeypatch):
    run(monkeypatch, "--epochs", "4")
    with pytest.raises(SystemExit, match=r"out/plain-0\.json: trained with .*--epochs 4 .*--redo"):
        run(monkeypatch, "--epochs", "5")
    assert len(calls) == 4
    run(monkeypatch, "--epochs", "5", "--redo")
    assert len(calls) == 8


def test_what_goes_on_from_a_changed_run_is_trained_anew_too(calls, monkeypatch):
    run(monkeypatch)
    calls.clear()
    changed = VARIANTS.replace("logit_scale=2", "logit_scale=3")
    run(monkeypatch, "--redo", variants=changed)
    assert outs(calls) == ["out/plain-0", "out/taught-0"]


def test_a_folder_of_another_is_left_alone(calls, monkeypatch):
    Path("out/plain-0").mkdir(parents=True)
    with pytest.raises(SystemExit, match="out/plain-0: is not a run of this ablation"):
        run(monkeypatch)
    assert not calls


def test_a_training_that_fails_ends_the_ablation(calls, monkeypatch):
    monkeypatch.setattr(
        ablation.subprocess, "run", lambda command: subprocess.CompletedProcess(command, 3)
    )
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch)
    assert stopped.value.code == 3
    assert json.loads(Path("out/plain-0.json").read_text())["epochs"] == []


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ("[]", "give a mapping of names to settings"),
        ("plain: {recip: quick}", r"'plain' has \['recip'\]; known: recipe, epochs, init, set"),
    ],
)
def test_variants_that_say_nothing_are_an_error(calls, monkeypatch, variants, message):
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, variants=variants)


def test_without_held_out_images_there_is_nothing_to_compare(calls, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        run(monkeypatch, "--val-size", "0")
    assert "--val-size must be above 0" in capsys.readouterr().err
