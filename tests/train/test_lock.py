import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from signbit.errors import OutputError, UsageError
from signbit.folder_lock import LOCK_FILE, lock
from signbit.train import resume, train
from signbit.train._module import TrainingModule

# Its child, like one that reads images, lives until the test closes its standard input.
HOLD = """
import os, sys
from pathlib import Path
from signbit.folder_lock import lock
with lock(Path(sys.argv[1])):
    if not os.fork():
        print("held", flush=True)
    sys.stdin.read()
    os._exit(0)
"""


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_the_second_is_told_who_holds_the_folder(tmp_path):
    with lock(tmp_path / "run"), pytest.raises(UsageError) as caught, lock(tmp_path / "run"):
        pytest.fail("held twice")
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path}/run is in use by process {os.getpid()} on {os.uname().nodename}"
    )
    assert " since 2" in message
    assert message.isprintable()


def test_nothing_is_left_and_folders_made_for_it_are_removed(tmp_path):
    with lock(tmp_path / "a/b/run"):
        assert names(tmp_path / "a/b/run") == [LOCK_FILE]
    assert names(tmp_path) == []
    (tmp_path / "run").mkdir()
    with lock(tmp_path / "run"):
        (tmp_path / "run/x").touch()
    assert names(tmp_path / "run") == ["x"]


def test_a_process_that_is_killed_frees_the_folder_even_where_its_child_lives(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {process.pid} on"), lock(tmp_path / "run"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / "run" / LOCK_FILE).exists()
        with lock(tmp_path / "run"):
            said = json.loads((tmp_path / "run" / LOCK_FILE).read_text())
    assert said["process"] == os.getpid()


def test_a_file_that_its_holder_deletes_meanwhile_is_not_taken_for_the_lock(tmp_path, monkeypatch):
    flock, deleted = fcntl.flock, []

    def after_deletion(handle: int, operation: int) -> None:
        if not deleted:
            deleted.append((tmp_path / LOCK_FILE).unlink())
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", after_deletion)
    with lock(tmp_path), pytest.raises(UsageError, match="is in use"), lock(tmp_path):
        pass


def test_of_many_at_once_exactly_one_holds_the_folder(tmp_path):
    inside: list[int] = []

    def hold(number: int) -> bool:
        try:
            with lock(tmp_path / "run"):
                inside.append(number)
                assert inside == [number]
                inside.remove(number)
                return True
        except UsageError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(hold, range(200)))
    # The last one is not always the one that made the folder, and that one alone removes it.
    assert not list(tmp_path.glob("run/*"))


def test_a_file_system_without_locks_gets_a_note(tmp_path, monkeypatch, capsys):
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without)
    with lock(tmp_path / "run"):
        pass
    assert (
        "cannot be locked (No locks available); make sure that no other" in capsys.readouterr().err
    )


def test_a_lock_file_that_leads_elsewhere_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("x")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK_FILE).symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="cannot write"), lock(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "x"


def test_of_two_trainings_in_one_folder_one_goes_on(tiny_run, monkeypatch):
    """The second starts while the first is in its first step; then one resumes, and another."""
    begun: list[str] = []
    step = TrainingModule.training_step

    def meanwhile(self, batch, batch_index):
        if batch_index == 0:
            for other in (train, lambda run: resume(run.folder)):
                with pytest.raises(UsageError, match=f"is in use by process {os.getpid()}"):
                    other(tiny_run)
                begun.append("refused")
        return step(self, batch, batch_index)

    monkeypatch.setattr(TrainingModule, "training_step", meanwhile)
    recipe = tiny_run.recipe.model_copy(update={"epochs": 1})
    assert train(replace(tiny_run, recipe=recipe))["epoch"] == 1
    assert begun == ["refused"] * 2
    assert not (tiny_run.folder / LOCK_FILE).exists()


def test_a_lock_left_by_a_killed_process_does_not_make_a_folder_full(tiny_run):
    tiny_run.folder.mkdir()
    (tiny_run.folder / LOCK_FILE).write_text("{}")
    recipe = tiny_run.recipe.model_copy(update={"epochs": 1})
    assert train(replace(tiny_run, recipe=recipe))["epoch"] == 1
