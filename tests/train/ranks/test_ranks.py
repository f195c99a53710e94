import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.runs import stop_at
from train.ranks import scenarios

from signbit.errors import TrainingInterruptedError
from signbit.train import load_weights, read_metrics, train

HERE = Path(__file__).parents[2]
JOINT = ["step", "local", "unused", "sometimes", "signals", "loader", "epochs", "average"]
FAIL = ["other data", "bad data", "odd", "full"]


def torchrun(*arguments, restarts=0):
    """Start two processes of a module; returns the result of torchrun itself."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *command, "--max-restarts", str(restarts), "-m", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=HERE,
    )


def found(folder, name):
    return [json.loads((folder / f"{name}.{rank}.json").read_text()) for rank in (0, 1)]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder in which two processes have run the scenarios."""
    folder = tmp_path_factory.mktemp("two")
    result = torchrun("train.ranks", folder, *JOINT, *FAIL)
    assert result.returncode == 0, result.stderr
    return folder


def whole_run(module, folder, **options):
    train(
        module,
        (scenarios.INPUTS, scenarios.TARGETS),
        scenarios.HELD_OUT,
        scenarios.recipe(epochs=4),
        out=folder,
        **options,
    )


def state(folder, name):
    first, second = found(folder, name)
    assert first == second
    return {key: torch.tensor(value) for key, value in first["state"].items()}


def assert_like_one(folder, name, module, tolerance=1e-5):
    ours, theirs = state(folder, name), module.state_dict()
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        # JSON does not say the type of a number.
        torch.testing.assert_close(ours[key].to(value.dtype), value, rtol=tolerance, atol=tolerance)


def test_two_processes_step_like_one_with_the_joint_batch(two, tmp_path):
    module = scenarios.one_step(tmp_path / "run")
    moved = [
        float((one - other).detach().abs().max())
        for one, other in zip(module.parameters(), scenarios.Network().parameters(), strict=True)
    ]
    # The biases before a batch norm do not move. All other steps are far above the tolerance.
    assert min(sorted(moved)[1:]) > 1e-3
    assert_like_one(two, "step", module)


def test_local_norms_step_in_another_way(two):
    joint, local = state(two, "step"), state(two, "local")
    assert (joint["0.weight"] - local["0.weight"]).abs().max() > 1e-4


def test_parameters_without_a_gradient_stay_as_they_are(two):
    with_unused = state(two, "unused")
    assert torch.equal(with_unused.pop("unused"), torch.ones(3))
    assert all(torch.equal(value, with_unused[key]) for key, value in state(two, "step").items())


def test_parameters_may_have_a_gradient_in_some_steps_only(two, tmp_path):
    assert_like_one(two, "sometimes", scenarios.sometimes(tmp_path / "run"))


def test_a_signal_sends_no_message_in_the_middle_of_a_step(two):
    assert torch.equal(state(two, "signals")["7.bias"], state(two, "step")["7.bias"])


def test_each_process_takes_its_rows_of_the_batches_of_a_loader(two, tmp_path):
    module = scenarios.Network()
    train(module, scenarios.loader(), None, scenarios.recipe(), out=tmp_path / "run")
    assert_like_one(two, "loader", module)


@pytest.mark.parametrize(("name", "averaging"), [("epochs", None), ("average", scenarios.AVERAGE)])
def test_metrics_and_statistics_are_those_of_all_samples(two, tmp_path, name, averaging):
    module = scenarios.epochs(tmp_path / "run", averaging=averaging)
    assert_like_one(two, name, module, tolerance=1e-4)
    ours, theirs = read_metrics(two / name / "run"), read_metrics(tmp_path / "run")
    assert len(ours) == len(theirs) == 2
    for one, other in zip(ours, theirs, strict=True):
        for key in ("loss", "val_loss", "accuracy", "val_accuracy", "auroc", "val_auroc"):
            assert one[key] == pytest.approx(other[key], abs=1e-4), key
    saved = load_weights(scenarios.Network(), two / name / "run")
    assert_like_one(two, name, saved, tolerance=0)


@pytest.mark.parametrize(
    ("name", "failing", "message"),
    [
        ("other data", 1, "rank 1 has data.targets_crc32 "),
        ("bad data", 1, "the inputs of the first batch hold NaN"),
        ("odd", 0, "batch 2 of the loader has 1 samples, which 2 processes cannot share"),
        ("full", 0, "is not empty; give another folder"),
    ],
)
def test_where_one_fails_all_fail(two, name, failing, message):
    errors = [one["error"] for one in found(two, name)]
    assert "UsageError" in errors[failing]
    assert all(message in error for error in errors)


def test_a_killed_process_is_started_again_from_the_last_checkpoint(tmp_path):
    result = torchrun("train.ranks", tmp_path, "dies", restarts=1)
    assert result.returncode == 0, result.stderr
    assert [row["epoch"] for row in read_metrics(tmp_path / "dies/run")] == [1, 2, 3, 4]
    assert result.stderr.count("epoch 1/4") == 1
    whole = scenarios.Dying()
    whole_run(whole, tmp_path / "whole")
    assert_like_one(tmp_path, "dies", whole, tolerance=1e-4)


def test_no_process_hangs_where_another_is_killed_and_one_goes_on_alone(tmp_path):
    result = torchrun("train.ranks", tmp_path, "dies")
    assert result.returncode != 0
    folder = tmp_path / "dies/run"
    assert [row["epoch"] for row in read_metrics(folder)] == [1]
    alone, whole = scenarios.Dying(), scenarios.Dying()
    whole_run(alone, folder, resume=True)
    whole_run(whole, tmp_path / "whole")
    for one, other in zip(alone.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_the_command_goes_on_with_two_processes_where_one_stopped(tiny_run, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 1, KeyboardInterrupt())
        with pytest.raises(TrainingInterruptedError):
            train(tiny_run)
    result = torchrun("signbit", "train", "--resume", "--out", tiny_run.folder)
    assert result.returncode == 0, result.stderr
    assert [row["epoch"] for row in read_metrics(tiny_run.folder)] == [1, 2, 3]
    assert result.stdout.count("3 epochs, validation accuracy") == 1
    assert result.stderr.count("epoch 3/3") == 1
    one, two = json.loads((tiny_run.folder / "run.json").read_text())["made_with"]
    assert (one["processes"], two["processes"]) == (1, 2)


def test_a_run_that_was_there_before_is_refused_at_each_start(tiny_run, monkeypatch):
    monkeypatch.chdir(HERE)
    train(tiny_run)
    before = (tiny_run.folder / "run.json").read_bytes()
    options = ["--model", "digits_binary", "--data", "digits", "--recipe", "digits"]
    settings = ["--epochs", "3", "--batch-size", "64", "--set", "model.width=4"]
    command = ["signbit", "train", *options, *settings, "--out", tiny_run.folder]
    result = torchrun(*command, restarts=1)
    assert result.returncode != 0
    assert result.stderr.count("is not empty; give another folder") == 2
    assert (tiny_run.folder / "run.json").read_bytes() == before


def test_the_command_reports_an_error_once(tmp_path):
    options = ["--model", "digits_binary", "--data", "digits", "--batch-size", "33"]
    result = torchrun("signbit", "train", *options, "--out", tmp_path / "run")
    assert result.returncode != 0
    lines = [line for line in result.stderr.splitlines() if line.startswith("signbit: ")]
    assert lines == [
        "signbit: batch_size is 33, which 2 processes share equally; give a multiple of 2 that is "
        "at least 4"
    ]
    assert not (tmp_path / "run").exists()
