"""A folder is written whole or not at all, and only an earlier export is replaced."""

import os
from pathlib import Path

import pytest

from signbit.errors import OutputError, UsageError
from signbit.export import export, exporters
from signbit.files import remove_leftovers, temporary_folder


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_empty_folder_is_filled_and_stays_itself(tmp_path, small, monkeypatch):
    folder = tmp_path / "out"
    folder.mkdir()
    folder.chmod(0o2770)
    before = folder.stat()
    monkeypatch.chdir(folder)
    manifest = export(small, "txt", ".")
    assert names_in(Path()) == sorted([*manifest["files"], "manifest.json"])
    after = folder.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert (folder / "manifest.json").stat().st_mode & 0o777 == 0o666 & ~umask()
    assert names_in(tmp_path) == ["out"]


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_empty_folder_is_empty_again_after_a_failure(tmp_path, small, monkeypatch, error, raised):
    folder, rename = tmp_path / "out", Path.rename
    folder.mkdir()

    def fail(self, target):
        if target.name == "manifest.json":
            assert len(names_in(folder)) > 2  # the manifest comes last
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(raised):
        export(small, "txt", folder)
    assert names_in(folder) == []


@pytest.mark.parametrize("exists", [True, False])
def test_what_a_killed_export_left_is_removed(tmp_path, small, exists):
    folder = tmp_path / "out"
    leftover = (folder if exists else tmp_path) / ".signbit-x.tmp"
    leftover.mkdir(parents=True)
    (leftover / "half.bin").write_bytes(b"half")
    manifest = export(small, "txt", folder)
    assert names_in(folder) == sorted([*manifest["files"], "manifest.json"])
    assert names_in(tmp_path) == ["out"]


def test_what_another_export_is_writing_stays(tmp_path, small):
    with temporary_folder(tmp_path) as other:
        export(small, "txt", tmp_path / "out")
        assert names_in(tmp_path) == sorted([other.name, "out"])


def test_folders_above_are_made(tmp_path, small):
    export(small, "txt", tmp_path / "a" / "b" / "out")
    assert names_in(tmp_path / "a" / "b") == ["out"]


def test_earlier_export_needs_force_and_is_replaced_whole(tmp_path, small):
    folder = tmp_path / "out"
    export(small, "mat", folder)
    before = names_in(folder)
    with pytest.raises(OutputError, match="--force replaces an earlier export"):
        export(small, "txt", folder)
    assert names_in(folder) == before
    export(small, "txt", folder, force=True)
    assert not [name for name in names_in(folder) if name.endswith((".mat", ".m"))]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{}", "[]", "[" * 100_000, '{"signbit_export": 1}', '{"files": ["thesis.tex"]}'],
)
def test_force_leaves_a_folder_of_something_else_alone(tmp_path, small, manifest):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    before = names_in(folder)
    with pytest.raises(OutputError, match="--force replaces only earlier exports"):
        export(small, "txt", folder, force=True)
    assert names_in(folder) == before


@pytest.mark.parametrize("kind", ["file", "file in a folder", "folder"])
def test_force_leaves_an_export_with_foreign_files_alone(tmp_path, small, kind):
    folder = tmp_path / "out"
    manifest = export(small, "txt", folder)
    if kind == "file":
        (folder / "notes.txt").write_text("mine")
    elif kind == "file in a folder":
        (folder / "mine").mkdir()
        (folder / "mine" / manifest["files"][0]).write_text("mine")
    else:
        listed = folder / manifest["files"][0]
        listed.unlink()
        listed.mkdir()
    before = names_in(folder)
    with pytest.raises(OutputError, match="not part of an earlier export"):
        export(small, "txt", folder, force=True)
    assert names_in(folder) == before


def test_folder_that_is_a_file_is_named(tmp_path, small):
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="out is a file"):
        export(small, "txt", tmp_path / "out", force=True)
    with pytest.raises(OutputError, match="cannot write"):
        export(small, "txt", tmp_path / "out" / "inner")
    assert (tmp_path / "out").read_text() == "x"


def test_full_disk_leaves_the_earlier_export(tmp_path, small, monkeypatch):
    folder = tmp_path / "out"
    export(small, "txt", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        export(small, "mat", folder, force=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names_in(tmp_path) == ["out"]


def fail_to_rename(monkeypatch, folder, error, put_back):
    """Moves to `folder` end with an error; the one that puts the earlier export back as it says."""
    rename = type(folder).rename

    def fail(self, target):
        if target == folder and not (put_back and self.name == folder.name):
            raise error
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", fail)


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        (OSError(5, "Input/output error"), OutputError, "Input/output error"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
    ],
)
def test_failed_move_puts_the_earlier_export_back(
    tmp_path, small, monkeypatch, error, raised, told
):
    folder = tmp_path / "out"
    export(small, "mat", folder)
    before = names_in(folder)
    fail_to_rename(monkeypatch, folder, error, put_back=True)
    with pytest.raises(raised, match=told):
        export(small, "txt", folder, force=True)
    assert names_in(folder) == before
    assert names_in(tmp_path) == ["out"]


def test_an_earlier_export_that_cannot_be_put_back_is_kept_and_named(tmp_path, small, monkeypatch):
    folder = tmp_path / "out"
    export(small, "mat", folder)
    before = names_in(folder)
    fail_to_rename(monkeypatch, folder, OSError(5, "Input/output error"), put_back=False)
    with pytest.raises(
        OutputError, match=r"earlier export is complete, but is now in .*; move"
    ) as told:
        export(small, "txt", folder, force=True)
    kept = str(told.value).partition("is now in ")[2].partition(";")[0]
    assert names_in(Path(kept)) == before
    # It is the only copy.
    remove_leftovers(tmp_path)
    assert names_in(Path(kept)) == before


@pytest.mark.parametrize("to", exporters.names())
def test_failure_halfway_leaves_nothing(tmp_path, small, to, monkeypatch):
    def fail(request, folder):
        (folder / "half.bin").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(exporters._entries, to, fail)
    with pytest.raises(OutputError, match="No space left on device"):
        export(small, to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_unknown_format_is_told_before_anything_is_written(tmp_path, small):
    with pytest.raises(UsageError, match="Did you mean 'mat'"):
        export(small, "matt", tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", exporters.names())
def test_unknown_option_is_told_before_anything_is_written(tmp_path, small, to):
    with pytest.raises(UsageError, match=f"unknown {to} option 'nonsense'; known: "):
        export(small, to, tmp_path / "out", options={"nonsense": 1})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [1, "yes", None, [True]])
def test_option_of_another_type_is_told(tmp_path, small, value):
    with pytest.raises(UsageError, match=r"txt option 'single' is .*; give true or false"):
        export(small, "txt", tmp_path / "out", options={"single": value})
    assert not list(tmp_path.iterdir())
