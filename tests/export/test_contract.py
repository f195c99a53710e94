import json
import subprocess
import sys

import pytest

from signbit.errors import OutputError, UsageError
from signbit.export import export, exporters


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("to", exporters.names())
def test_manifest_lists_every_file_and_states_the_conventions(tmp_path, parameters, to):
    folder = tmp_path / "new" / "out"
    manifest = export(parameters, to, folder)
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    assert names_in(folder) == sorted([*manifest["files"], "manifest.json"])
    assert manifest["format"] == to
    assert "zero" in manifest["conventions"]["binary"]
    assert manifest["preprocessing"]["size"] == [8, 8]
    assert manifest["model"] == {"name": "small", "options": {"width": 4}}
    assert names_in(tmp_path / "new") == ["out"]


@pytest.mark.parametrize("to", exporters.names())
def test_export_is_the_same_bytes_each_time(tmp_path, parameters, to):
    for name in ("a", "b"):
        export(parameters, to, tmp_path / name)
    assert names_in(tmp_path / "a") == names_in(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("to", exporters.names())
def test_failure_halfway_leaves_nothing(tmp_path, parameters, to):
    parameters.arrays["zz"] = object()
    with pytest.raises((AttributeError, TypeError)):
        export(parameters, to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_empty_folder_is_taken(tmp_path, parameters):
    (tmp_path / "out").mkdir()
    export(parameters, "txt", tmp_path / "out")
    assert "manifest.json" in names_in(tmp_path / "out")


def test_earlier_export_needs_force_and_is_replaced_whole(tmp_path, parameters):
    folder = tmp_path / "out"
    export(parameters, "mat", folder)
    before = names_in(folder)
    with pytest.raises(OutputError, match="--force replaces an earlier export"):
        export(parameters, "txt", folder)
    assert names_in(folder) == before
    export(parameters, "txt", folder, force=True)
    assert not [name for name in names_in(folder) if name.endswith(".mat")]
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{}", "[]", "[" * 100_000, '{"signbit_export": 1}', '{"name": "web app"}'],
)
def test_force_leaves_a_folder_of_something_else_alone(tmp_path, parameters, manifest):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    before = names_in(folder)
    with pytest.raises(OutputError, match="--force replaces nothing else"):
        export(parameters, "txt", folder, force=True)
    assert names_in(folder) == before


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_force_leaves_an_export_with_foreign_files_alone(tmp_path, parameters, kind):
    folder = tmp_path / "out"
    manifest = export(parameters, "txt", folder)
    if kind == "file":
        (folder / "notes.txt").write_text("mine")
    else:
        listed = folder / manifest["files"][0]
        listed.unlink()
        listed.mkdir()
    before = names_in(folder)
    with pytest.raises(OutputError, match="not of an earlier export"):
        export(parameters, "txt", folder, force=True)
    assert names_in(folder) == before


def test_folder_that_is_a_file_is_named(tmp_path, parameters):
    (tmp_path / "out").write_text("x")
    with pytest.raises(OutputError, match="out is a file"):
        export(parameters, "txt", tmp_path / "out", force=True)
    with pytest.raises(OutputError, match="cannot write"):
        export(parameters, "txt", tmp_path / "out" / "inner")
    assert (tmp_path / "out").read_text() == "x"


def test_full_disk_leaves_the_earlier_export(tmp_path, parameters, monkeypatch):
    folder = tmp_path / "out"
    export(parameters, "txt", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        export(parameters, "mat", folder, force=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names_in(tmp_path) == ["out"]


def test_failed_move_puts_the_earlier_export_back(tmp_path, parameters, monkeypatch):
    folder = tmp_path / "out"
    export(parameters, "mat", folder)
    before = names_in(folder)
    rename = type(folder).rename

    def fail(self, target):
        if target == folder and self.name != "old":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", fail)
    with pytest.raises(OutputError, match="Input/output error"):
        export(parameters, "txt", folder, force=True)
    assert names_in(folder) == before
    assert names_in(tmp_path) == ["out"]


def test_unknown_format_is_told_before_anything_is_written(tmp_path, parameters):
    with pytest.raises(UsageError, match="Did you mean 'mat'"):
        export(parameters, "matt", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_exporters_need_neither_torch_nor_scipy():
    code = (
        "import sys; from signbit.export import exporters; exporters.names(); "
        "assert not {'torch', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
