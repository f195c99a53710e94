import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from signbit.cli import main

TINY = [
    *("train", "--recipe", "digits", "--model", "digits_binary", "--data", "digits"),
    *("--set", "model.width=4", "--epochs", "2"),
]
COMMAND = [sys.executable, "-m", "signbit"]


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_train_writes_a_run_and_says_how_good_it_is(tmp_path, capsys):
    out, result = tmp_path / "run", tmp_path / "result.json"
    assert run([*TINY, "--out", str(out), "--seed", "3", "--json", str(result)]) == 0
    printed = capsys.readouterr()
    assert "2 epochs, validation accuracy" in printed.out
    assert printed.err.count("\n") == 2
    assert "images/s" in printed.err
    assert json.loads(result.read_text())["epoch"] == 2
    assert "seed: 3" in (out / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "quik", "--model", "m", "--data", "d"], "unknown recipe 'quik'"),
        (["--model", "digits_binary"], "a new run needs --data, such as"),
        ([], "a new run needs --model and --data, such as"),
        (["--resume", "--epochs", "3"], "--resume reads its settings from the run folder"),
        (["--resume", "--recipe", "best"], "--resume reads its settings from the run folder"),
        (["--model", "nope", "--data", "digits"], "unknown model 'nope'; known: "),
        (["--model", "digits_binary", "--data", "digitz"], "unknown data set 'digitz'"),
        (
            ["--model", "digits_binary", "--data", "digits", "--set", "model.widht=3"],
            "unknown option of model 'digits_binary' 'widht'",
        ),
        (
            ["--model", "digits_binary", "--data", "digits", "--set", "epocs=3"],
            "unknown key 'epocs'. Did you mean 'epochs'?",
        ),
    ],
)
def test_a_wrong_argument_is_one_line_and_leaves_no_folder(tmp_path, capsys, arguments, message):
    out = tmp_path / "run"
    assert run(["train", *arguments, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("signbit: ")
    assert error.count("\n") == 1
    assert not out.exists()


def test_resuming_what_is_no_run_fails(tmp_path, capsys):
    assert run(["train", "--resume", "--out", str(tmp_path)]) == 1
    assert "no run here" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_one_line(capsys):
    assert run([*TINY, "--out", "/proc/signbit"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("signbit: cannot write into /proc/signbit")
    assert error.count("\n") == 1


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_killed_run_on_a_full_disk_resumes_to_the_same_weights(tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "run"
    arguments = [*TINY[:-1], "6"]
    assert run([*arguments, "--out", str(whole)]) == 0
    with subprocess.Popen(
        [*COMMAND, *arguments, "--out", str(out)], stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(out / "last.safetensors", process)
        process.send_signal(signal.SIGKILL)
    checkpoint = (out / "last.ckpt").read_bytes()

    # A limit on the size of files fails in the middle of a write, as a full disk does.
    limit = len(checkpoint) // 2
    full = subprocess.run(
        [*COMMAND, "train", "--resume", "--out", str(out)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert full.returncode == 1
    assert full.stderr.splitlines()[-1].startswith(f"signbit: cannot write {out}")
    assert "Traceback" not in full.stderr
    assert (out / "last.ckpt").read_bytes() == checkpoint

    assert run(["train", "--resume", "--out", str(out)]) == 0
    ours, theirs = load_file(out / "last.safetensors"), load_file(whole / "last.safetensors")
    assert all(ours[key].equal(theirs[key]) for key in theirs)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_one_line_and_its_exit_code(tmp_path, signum, code):
    out = tmp_path / "run"
    with subprocess.Popen(
        [*COMMAND, *TINY[:-1], "500", "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        wait_for(out / "last.safetensors", process)
        process.send_signal(signum)
        _, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert not list(out.glob(".signbit-*"))
    assert error.splitlines()[-1].startswith("signbit: interrupted after ")
    assert "Traceback" not in error
