"""A reader sees the old content or the new, never a part."""

import os
import stat
import subprocess
import sys
import threading
import tracemalloc
from contextlib import nullcontext
from pathlib import Path

import pytest

from signbit import files
from signbit.errors import OutputError
from signbit.files import (
    atomic_path,
    atomic_write,
    is_temporary,
    mode_of_new_folder,
    open_regular,
    read_at_most,
    read_regular,
    remove_leftovers,
    temporary_folder,
)


def assert_alone(path) -> None:
    """Nothing but `path` lies in its folder: no temporary file was left."""
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_text_is_written_as_utf8_and_bytes_as_they_are(tmp_path):
    atomic_write(tmp_path / "text", "żółw\n")
    atomic_write(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_bytes() == "żółw\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_missing_folders_are_made(tmp_path):
    atomic_write(tmp_path / "a" / "b" / "c.txt", "x")
    assert_alone(tmp_path / "a" / "b" / "c.txt")


def test_old_content_stays_until_the_block_ends_and_is_then_replaced(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert_alone(path)


def test_temporary_path_keeps_the_suffix_that_writers_go_by(tmp_path):
    with atomic_path(tmp_path / "curve.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_the_old_content_alone(tmp_path, error):
    path = tmp_path / "result"
    path.write_text("old")
    with pytest.raises(error), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert_alone(path)


def test_a_full_disk_is_one_line_that_names_the_path(tmp_path):
    path = tmp_path / "result"
    path.write_text("old")
    with (
        pytest.raises(
            OutputError, match=r"result: No space left on device\. A file that was there"
        ),
        atomic_path(path),
    ):
        raise OSError(28, os.strerror(28))
    assert path.read_text() == "old"
    assert_alone(path)


def test_a_failing_move_leaves_the_old_content_alone(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_text("old")

    def fail(handle: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert_alone(path)


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"cannot write .*file/inner"):
        atomic_write(tmp_path / "file" / "inner", "y")


def test_a_folder_in_place_of_the_file_is_told_and_kept(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder"):
        atomic_write(tmp_path / "folder", "y")
    assert_alone(tmp_path / "folder")


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_the_umask_of_the_process_is_never_changed(tmp_path, monkeypatch):
    """For a moment it would be, and files of other threads would get wider rights."""

    def refuse(mask: int) -> int:
        raise AssertionError("os.umask was called")

    before = os.umask(0o077)
    try:
        monkeypatch.setattr(os, "umask", refuse)
        atomic_write(tmp_path / "file", "x")
        mode = mode_of_new_folder(tmp_path)
    finally:
        monkeypatch.undo()
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600
    assert mode == 0o700
    assert_alone(tmp_path / "file")


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o400])
def test_a_file_that_is_replaced_hands_on_its_permissions(tmp_path, mode):
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_text("old")
    path.chmod(mode)
    link.symlink_to(path)
    for target in (path, link):
        atomic_write(target, f"new by {target.name}")
        assert path.read_text() == f"new by {target.name}"
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_what_need_not_survive_a_power_cut_is_not_flushed(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(files.os, "fsync", flushed.append)
    atomic_write(tmp_path / "image", b"x", flush=False)
    assert not flushed
    atomic_write(tmp_path / "weights", b"x")
    assert len(flushed) == 1


def test_a_symbolic_link_stays_one(tmp_path):
    real, link = tmp_path / "real" / "file", tmp_path / "link"
    atomic_write(real, "old")
    link.symlink_to(real)
    atomic_write(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert_alone(real)


def test_a_link_to_itself_is_replaced_by_the_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    atomic_write(link, "x")
    assert not link.is_symlink()
    assert_alone(link)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    seen = []
    reader = threading.Thread(target=lambda: seen.append(pipe.read_text()))
    reader.start()
    atomic_write(pipe, "through")
    reader.join(timeout=10)
    assert seen == ["through"]
    assert pipe.is_fifo()
    assert_alone(pipe)


def test_the_null_device_survives():
    atomic_write(os.devnull, "gone")
    assert Path(os.devnull).is_char_device()


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".other.tmp").touch()
    code = (
        "import os, sys; from signbit.files import atomic_path\n"
        "with atomic_path(sys.argv[1]): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "last.ckpt"])
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".other.tmp"]


def test_what_another_writer_is_at_is_no_leftover(tmp_path):
    with atomic_path(tmp_path / "image.bmp") as temporary:
        temporary.write_text("whole")
        remove_leftovers(tmp_path)
        assert is_temporary(temporary.name)
        assert temporary.exists()
    assert (tmp_path / "image.bmp").read_text() == "whole"
    assert_alone(tmp_path / "image.bmp")


def test_a_folder_that_a_killed_writer_left_is_removed_and_one_in_use_is_not(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from signbit.files import temporary_folder\n"
        "with temporary_folder(Path(sys.argv[1])) as made:\n"
        "    (made / 'half').touch(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path])
    assert [is_temporary(path.name) for path in tmp_path.iterdir()] == [True]
    (tmp_path / ".signbit-link.tmp").symlink_to(tmp_path, target_is_directory=True)
    with temporary_folder(tmp_path) as temporary:
        remove_leftovers(tmp_path)
        assert {path.name for path in tmp_path.iterdir()} == {temporary.name, ".signbit-link.tmp"}
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o700


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_a_temporary_folder_is_removed_unless_it_is_moved(tmp_path, error):
    expected = pytest.raises(KeyboardInterrupt) if error else nullcontext()
    with expected, temporary_folder(tmp_path) as temporary:
        (temporary / "half").touch()
        if error:
            raise error
    assert not list(tmp_path.iterdir())
    with temporary_folder(tmp_path) as temporary:
        temporary.rename(tmp_path / "whole")
    assert_alone(tmp_path / "whole")


def test_standard_output_that_goes_to_a_file_keeps_what_it_has(tmp_path):
    code = (
        "import sys; from signbit.files import atomic_write; print('before', flush=True); "
        "atomic_write('/dev/stdout', 'written\\n')"
    )
    with (tmp_path / "out").open("a") as file:
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert (tmp_path / "out").read_text() == "before\nwritten\n"


def test_a_pipe_in_place_of_a_file_is_refused_at_once(tmp_path):
    pipe = tmp_path / "weights.pth"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="a device or pipe, not a file"):
        open_regular(pipe)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_in_place_of_a_file_is_refused(path):
    with pytest.raises(OSError, match="a device or pipe, not a file"):
        read_regular(path, 10)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)


def test_a_file_is_read_up_to_its_bound(tmp_path):
    (tmp_path / "recipe.yaml").write_bytes(b"12345")
    assert read_regular(tmp_path / "recipe.yaml", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(tmp_path / "recipe.yaml", 4)


def test_reading_takes_no_more_memory_than_the_file(tmp_path):
    """Python takes memory for all that a read asks for, before it reads."""
    (tmp_path / "short").write_bytes(b"1" * 1000)
    tracemalloc.start()
    try:
        assert len(read_regular(tmp_path / "short", 1 << 30)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_a_file_that_grows_while_it_is_read_is_read_as_a_whole(tmp_path):
    (tmp_path / "long").write_bytes(b"1" * 5000)
    with open_regular(tmp_path / "long") as file:
        assert len(read_at_most(file, 5000, expected=10)) == 5000
    with open_regular(tmp_path / "long") as file:
        assert len(read_at_most(file, 4999, expected=10)) == 5000
