import signal
import subprocess
import sys
import time

import pytest
from helpers.networks import packed

SIGNALS = [
    (signal.SIGINT, 130, "Ctrl-C"),
    (signal.SIGTERM, 143, "SIGTERM"),
    (signal.SIGHUP, 129, "SIGHUP"),
]


def leftovers(folder):
    """Temporary files and folders, which are hidden."""
    return [path for path in folder.rglob(".*") if not path.name.startswith(".pytest")]


def stop_in(monkeypatch, place, signum):
    """The signal arrives in the middle of a function of ours."""

    def stopped(*arguments, **options):
        signal.raise_signal(signum)
        pytest.fail("the signal was lost")

    monkeypatch.setattr(place, stopped)


@pytest.mark.parametrize(("signum", "code", "name"), SIGNALS)
def test_a_signal_while_files_are_written_leaves_whole_ones_alone(
    signbit, tmp_path, monkeypatch, signum, code, name
):
    stop_in(monkeypatch, "signbit.files._move", signum)
    says = f"signbit: stopped by {name}"
    signbit.refused("images", "digits", tmp_path / "out", code=code, says=says)
    assert (tmp_path / "out" / "train").is_dir()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("signum", "code", "name"), SIGNALS)
def test_a_signal_in_an_export_leaves_nothing(signbit, tmp_path, monkeypatch, signum, code, name):
    packed("digits").save(tmp_path / "digits.signbit")
    stop_in(monkeypatch, "signbit.export._write_folder._to_json", signum)
    arguments = ("export", tmp_path / "digits.signbit", "--to", "txt", "-o", tmp_path / "out")
    signbit.refused(*arguments, code=code, says=f"signbit: stopped by {name}")
    assert [path.name for path in tmp_path.iterdir()] == ["digits.signbit"]


def test_a_signal_while_commands_are_imported_ends_with_its_code(signbit, monkeypatch):
    stop_in(monkeypatch, "signbit.cli._app.build_app", signal.SIGTERM)
    signbit.refused("info", code=143, says="signbit: stopped by SIGTERM")


def test_a_process_ends_whole_in_the_middle_of_its_work(tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "signbit", "images", "digits", out]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(out.glob("train/*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert err.splitlines()[-1] == "signbit: stopped by SIGTERM"
    assert "Traceback" not in err
    assert not leftovers(out)
