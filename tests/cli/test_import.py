"""`--import MODULE`, and run folders that remember it: what is imported, and what never is."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.user_modules import ONE_OF_EACH, forgotten_imports
from PIL import Image

import signbit as package
from signbit.bench.peers import peers
from signbit.cli import main
from signbit.data import datasets
from signbit.errors import CheckpointError, UsageError
from signbit.export import exporters
from signbit.models import load_model, models
from signbit.pack.rules import rules
from signbit.passes import passes
from signbit.quantizers import quantizers
from signbit.train import load_recipe, resume, train
from signbit.train.losses import losses
from signbit.train.metrics import metrics
from signbit.train.optimizers import optimizers

MODULE = "our_project.things"
NAMED = ("--import", MODULE)
TRAIN = ("train", "--model", "our_net", "--data", "our_data", "--recipe", "digits")
SHORT = ("--epochs", "2", "--batch-size", "16", "--val-size", "16", "--set", "augmentation=null")
SAID = "our module is imported"
REGISTRIES = {
    **{"our_net": models, "our_sign": quantizers, "our_data": datasets, "our_sgd": optimizers},
    **{"our_loss": losses, "our_metric": metrics, "ours::step": rules, "our_pass": passes},
    **{"our_format": exporters, "our_peer": peers},
}


def is_imported() -> bool:
    return MODULE in sys.modules


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with a module of the user's, a run that needs it, and what was noted about it."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "our_project").mkdir()
    (folder / "our_project" / "things.py").write_text(ONE_OF_EACH)
    options = ("--set", "optimizer.name=our_sgd", "--set", "optimizer.lr=0.05")
    command = [*TRAIN, *SHORT, *NAMED, *options, "--set", "model.width=6", "--out", "runs/one"]
    with pytest.MonkeyPatch.context() as patch, forgotten_imports():
        patch.chdir(folder)
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        with pytest.raises(SystemExit) as end:
            main(command)
    assert end.value.code == 0
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """The current folder: a project whose module is known, as another process finds it."""
    folder = tmp_path / "project"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    with forgotten_imports():
        yield folder


@pytest.fixture
def known(project, signbit) -> Path:
    """The project, after a command imported its module from there."""
    with forgotten_imports():
        signbit("info", *NAMED)
    assert not is_imported()
    return project


def test_all_that_a_module_registers_is_known(project, signbit):
    out, err = signbit("info", *NAMED)
    assert SAID in err
    assert SAID not in out
    for name, registry in REGISTRIES.items():
        assert name in registry


def test_a_command_of_the_users_is_found(project, signbit):
    out, _ = signbit("our_command", *NAMED, "--count", "3")
    assert out == "counted 3\n"
    assert "--import MODULE" in signbit("our_command", "--help", *NAMED)[0]


@pytest.mark.parametrize("option", [NAMED, (f"--import={MODULE}",), (*NAMED, *NAMED)])
def test_the_option_may_stand_anywhere(project, signbit, option):
    for arguments in (
        (*option, "summary", "--model", "our_net"),
        ("summary", *option, "--model", "our_net"),
        ("summary", "--model", "our_net", *option),
        (*option, "our_command", *option),
    ):
        with forgotten_imports():
            out, err = signbit(*arguments)
        assert "our_net" in out or out == "counted 1\n"
        assert err == f"{SAID}\n"


@pytest.mark.parametrize("option", [NAMED, (f"--import={MODULE}",)])
def test_without_a_command_the_option_adds_to_the_help(project, signbit, option):
    for arguments in ((*option, "--help"), option):
        with forgotten_imports(), pytest.raises(SystemExit):
            main([*arguments])
        captured = signbit.capsys.readouterr()
        assert "our_command" in captured.out + captured.err
    with forgotten_imports():
        assert signbit(*option, "--version")[0] == f"signbit {package.__version__}\n"


def test_a_module_before_the_command_is_remembered_too(project, signbit):
    signbit(*NAMED, *TRAIN, *SHORT, "--epochs", "1", "--out", "runs/two")
    assert json.loads(Path("runs/two/run.json").read_text())["imports"] == [MODULE]


def test_after_two_dashes_it_is_no_option(project, signbit):
    signbit.refused(
        "predict", "runs/one", "--", "--import", MODULE, code=2, says="not imported it from"
    )
    assert not is_imported()


def test_losses_and_metrics_work_by_name(project, signbit, tmp_path):
    from torch import nn

    signbit("info", *NAMED)
    numbers = np.ones((32, 3), np.float32)
    found = train(
        nn.Linear(3, 3),
        (numbers, numbers),
        recipe=load_recipe("plain", {"epochs": 1, "batch_size": 8, "val_size": 8}),
        out=tmp_path / "run",
        loss="our_loss",
        metrics="our_metric",
    )
    assert found["val_loss"] == pytest.approx(found["val_our_metric"])


def test_a_run_remembers_the_module_and_its_files_name_it(made):
    settings = json.loads((made / "runs/one/run.json").read_text())
    assert settings["imports"] == [MODULE]
    header = (made / "runs/one/last.safetensors").read_bytes()[:20_000]
    assert rb"\"modules\": [\"our_project.things\"]" in header
    assert "our_sgd" in (made / "runs/one/recipe.yaml").read_text()


def test_a_model_of_signbit_names_no_module(checkpoint):
    assert b"modules" not in checkpoint.read_bytes()[:20_000]


COMMANDS = {
    "evaluate": ("evaluate", "runs/one", "--data", "our_data"),
    "pack": ("pack", "runs/one", "-o", "one.signbit"),
    "export": ("export", "runs/one", "--to", "npz", "-o", "parameters"),
    "summary": ("summary", "runs/one"),
    "predict": ("predict", "runs/one", "grey.png"),
    "resume": ("train", "--resume", "--out", "runs/one"),
    "start from it": (
        *TRAIN,
        *SHORT,
        "--out",
        "runs/two",
        "--init",
        "runs/one",
        "--set",
        "model.width=6",
    ),
    "be taught by it": (
        *(*TRAIN, *SHORT, "--out", "runs/two", "--set", "distillation.teacher=runs/one"),
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_folder_leads_to_the_import_that_was_made_before(known, signbit, command):
    Image.new("L", (4, 4), 90).save("grey.png")
    out, err = signbit(*COMMANDS[command])
    note = (
        f"signbit: importing {MODULE} from {known}/our_project, as runs/one was trained with it\n"
    )
    assert err.startswith(f"{note}{SAID}\n")
    assert SAID not in out
    if "runs/two" in COMMANDS[command]:
        assert json.loads(Path("runs/two/run.json").read_text())["imports"] == [MODULE]


def test_a_packed_network_needs_no_module(known, signbit):
    signbit(*COMMANDS["pack"])
    scores = package.load("one.signbit").scores(np.zeros((2, 4, 4, 1), np.uint8))
    trained = load_model("runs/one").scores(np.zeros((2, 4, 4, 1), np.uint8))
    np.testing.assert_allclose(scores, trained, atol=1e-5)
    signbit("evaluate", "one.signbit", "--data", "our_data", *NAMED)
    signbit("export", "one.signbit", "--to", "our_format", "-o", "exported", *NAMED)
    assert Path("exported/name.txt").read_text() == "one"


@pytest.mark.parametrize("file", ["runs/one/last.safetensors", "runs/one/best.safetensors"])
def test_a_file_never_leads_to_an_import_and_says_what_to_import(known, signbit, file):
    says = f"needs code that is not imported: {MODULE}. If you trust that code, add --import "
    signbit.refused("evaluate", file, "--data", "digits", code=1, says=says)
    assert not is_imported()
    signbit("evaluate", file, "--data", "our_data", *NAMED)


def test_a_module_that_was_never_imported_before_is_not_imported_by_a_folder(
    project, signbit, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "empty"))
    says = (
        f"runs/one was trained with --import {MODULE}. That module is at {project}/our_project "
        "here, and you have not imported it from there before; if you trust that code, add "
        f"--import {MODULE}"
    )
    signbit.refused("summary", "runs/one", code=2, says=says)
    assert not is_imported()
    with forgotten_imports():
        signbit("summary", "runs/one", *NAMED)
    signbit("summary", "runs/one")


def test_a_module_of_the_same_name_in_another_place_is_not_imported(
    known, signbit, tmp_path, monkeypatch
):
    other = tmp_path / "other"
    shutil.copytree(known / "our_project", other / "our_project")
    monkeypatch.chdir(other)
    says = f"is at {other}/our_project here, and you have not imported it from there before"
    signbit.refused("summary", known / "runs/one", code=2, says=says)
    # A folder that is a link to the known one may have other modules next to it.
    shutil.rmtree("our_project")
    Path("our_project").symlink_to(known / "our_project")
    signbit.refused("summary", known / "runs/one", code=2, says=says)
    assert not is_imported()


def test_from_a_folder_without_the_module_the_error_names_the_one_that_had_it(
    known, made, signbit, tmp_path, monkeypatch
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    says = (
        f"project/runs/one was trained with --import {MODULE}, in {made}: no module 'our_project' "
        f"in the folder {tmp_path}/empty or on Python's path; run in the folder that holds it, "
    )
    signbit.refused("evaluate", known / "runs/one", "--data", "digits", code=2, says=says)


@pytest.mark.parametrize(
    "imports",
    [
        *("our_project.things", ["our_project/things.py"], ["../our_project"], [1], [""], {}),
        *(["os; import our_project.things"], ["our_project.things"] * 101, ["a" * 300]),
    ],
)
def test_names_that_are_none_are_damage(known, signbit, imports):
    settings = json.loads(Path("runs/one/run.json").read_text())
    Path("runs/one/run.json").write_text(json.dumps(settings | {"imports": imports}))
    says = "runs/one: run.json is damaged: imports "
    signbit.refused("summary", "runs/one", code=1, says=says)
    signbit.refused("train", "--resume", "--out", "runs/one", code=1, says=says)
    assert not is_imported()


def test_python_imports_nothing_and_says_what_to_import(known):
    with pytest.raises(CheckpointError, match=f"needs code that is not imported: {MODULE}. If"):
        load_model("runs/one")
    with pytest.raises(UsageError, match=f"that are not imported: {MODULE}; import them first"):
        resume(Path("runs/one"))
    assert not is_imported()
    assert not Path("runs/one/.lock").exists()


def test_another_module_with_a_model_of_that_name_is_told(known, signbit):
    Path("our_other.py").write_text(ONE_OF_EACH)
    _, err = signbit("summary", "runs/one/last.safetensors", "--import", "our_other")
    told = f"model 'our_net' comes from our_other, but its file names {MODULE}"
    assert f"signbit: runs/one/last.safetensors: {told}\n" in err


def test_two_modules_with_one_name_are_refused(known, signbit):
    Path("our_other.py").write_text(ONE_OF_EACH)
    says = f"is registered by both {MODULE}.OurSign and our_other.OurSign; give one of them"
    signbit.refused("info", *NAMED, "--import", "our_other", code=1, says=says)


def test_what_cannot_be_noted_is_told_and_the_work_goes_on(project, signbit, monkeypatch):
    (project / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "file"))
    out, err = signbit("summary", "--model", "our_net", *NAMED)
    assert "our_net" in out
    assert f"signbit: cannot note that {MODULE} was imported, so the commands that read its" in err


def test_the_folder_of_notes_is_that_of_the_users_state(project, signbit, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(project / "home"))
    signbit("info", *NAMED)
    (note,) = (project / "home/.local/state/signbit/imports").iterdir()
    assert note.read_text() == f"{MODULE} {project}/our_project\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("info", "--import", "our_project.thing"), 2, "Did you mean 'our_project.things'?"),
        (
            ("info", "--import", "our_project/things.py"),
            2,
            "is not the name of a module; give names",
        ),
        (("info", "--import="), 2, "'' is not the name of a module"),
        (("summary", "n" * 300), 1, "file name too long"),
        (
            ("summary", "--model", "our_net"),
            2,
            "import that code first; on the command line, with --i",
        ),
        (
            ("predict", "runs/one", "our_project", "--out", "rows", "--ray"),
            2,
            "their workers need no code of the model; pack it first: signbit pack runs/one -o",
        ),
    ],
)
def test_mistakes_are_one_line(project, signbit, arguments, code, says):
    signbit.refused(*arguments, code=code, says=says)


def test_the_option_without_a_module_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as end:
        main(["info", "--import"])
    assert end.value.code == 2
    assert "requires an argument" in capsys.readouterr().err


@pytest.mark.slow
def test_another_process_goes_on_with_what_one_process_trained(tmp_path, made):
    """train, evaluate, pack and resume in processes of their own; elsewhere a clear line."""
    shutil.copytree(made / "our_project", tmp_path / "our_project")
    (tmp_path / "elsewhere").mkdir()
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}

    def run(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "signbit", *arguments]
        return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)

    for arguments in (
        (*TRAIN, *SHORT, *NAMED, "--out", "run"),
        ("evaluate", "run", "--data", "our_data"),
        ("pack", "run", "-o", "run.signbit"),
        ("train", "--resume", "--out", "run"),
    ):
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        assert SAID in done.stderr
        assert SAID not in done.stdout
    done = run("evaluate", "../run", "--data", "digits", cwd=tmp_path / "elsewhere")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"../run was trained with --import {MODULE}, in {tmp_path}: no module" in done.stderr
