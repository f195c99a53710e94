"""The arrays of a network in training, in every format that holds arrays."""

import json

import pytest

from signbit.errors import UsageError
from signbit.export import ArrayFormat, export_state, exporters

ARRAYS = [name for name in exporters.names() if isinstance(exporters.get(name), ArrayFormat)]


def test_these_formats_hold_arrays():
    assert {"mat", "npz", "txt"} <= set(ARRAYS)


@pytest.mark.parametrize("to", ARRAYS)
def test_manifest_lists_every_array_and_states_the_conventions(tmp_path, parameters, to):
    folder = tmp_path / "new" / "out"
    manifest = export_state(parameters, to, folder)
    assert json.loads((folder / "manifest.json").read_text()) == manifest
    found = sorted(path.name for path in folder.iterdir())
    assert found == sorted([*manifest["files"], "manifest.json"])
    assert [entry["file"] for entry in manifest["arrays"]] != []
    assert len(manifest["files"]) == len(parameters.arrays) + len(parameters.binary)
    assert manifest["format"] == to
    assert "zero" in manifest["conventions"]["binary"]
    assert manifest["preprocessing"]["size"] == [8, 8]
    assert manifest["model"] == {"name": "small", "options": {"width": 4}}


@pytest.mark.parametrize("to", ARRAYS)
def test_export_is_the_same_bytes_each_time(tmp_path, parameters, to):
    for name in ("a", "b"):
        export_state(parameters, to, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("to", ARRAYS)
def test_failure_halfway_leaves_nothing(tmp_path, parameters, to):
    parameters.arrays["zz"] = object()
    with pytest.raises((AttributeError, TypeError, ValueError)):
        export_state(parameters, to, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("to", sorted(set(exporters.names()) - set(ARRAYS)))
def test_other_formats_ask_for_a_packed_network(tmp_path, parameters, to):
    with pytest.raises(UsageError, match=f"{to} needs a packed network; .*signbit pack"):
        export_state(parameters, to, tmp_path / "out")
    assert not list(tmp_path.iterdir())
