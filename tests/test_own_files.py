import json
import os

import pytest

from signbit.own_files import files_in, listed_files, strangers


@pytest.fixture
def folder(tmp_path):
    """A folder with files in it, at three depths."""
    for name in ("a.txt", "run/b.txt", "run/deep/c.txt", ".signbit-1.tmp", "run/.signbit-2.tmp.x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path


OURS = {"a.txt", "run/b.txt", "run/deep/c.txt"}


@pytest.mark.parametrize(
    ("ours", "foreign"),
    [
        (OURS, []),
        (OURS | {"missing", "gone/d.txt"}, []),
        ({"a.txt", "run/"}, []),
        ({"run/"}, ["a.txt"]),
        ({"a.txt"}, ["run/"]),
        ({"a.txt", "run"}, ["run/"]),  # a file of that name was ours, not a folder
        ({"a.txt/", "run/"}, ["a.txt"]),
        (OURS - {"run/b.txt"}, ["run/b.txt"]),
        ({"a.txt", "run/b.txt", "run/deep"}, ["run/deep/"]),
        ((), ["a.txt", "run/"]),
        (["../a.txt", "/etc", "run/../a.txt"], ["a.txt", "run/b.txt", "run/deep/"]),
    ],
)
def test_strangers_are_all_that_is_not_ours(folder, ours, foreign):
    assert strangers(folder, ours) == foreign


def test_an_empty_folder_is_a_stranger_and_a_missing_one_is_empty(folder):
    (folder / "run" / "empty").mkdir()
    assert strangers(folder, OURS) == ["run/empty/"]
    assert strangers(folder / "missing", OURS) == []
    with pytest.raises(NotADirectoryError):
        strangers(folder / "a.txt", OURS)


def test_a_link_is_a_file_and_not_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "precious").write_text("x")
    (folder / "link").symlink_to(elsewhere)
    assert strangers(folder, OURS | {"link/precious"}) == ["link"]
    (folder / "loop").symlink_to(folder)
    assert strangers(folder, OURS | {"link"}) == ["loop"]


def test_what_is_listed_is_what_is_there(folder):
    assert set(files_in(folder)) == OURS
    marker = folder / "marker.json"
    marker.write_text(json.dumps({"files": sorted(OURS), "more": 1}))
    assert listed_files(marker) == OURS
    assert strangers(folder, OURS) == ["marker.json"]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"files": "a.txt"}', '{"files": [1]}', '{"files": {"a": 1}}']
)
def test_a_marker_without_a_list_of_names_lists_nothing(tmp_path, text):
    (tmp_path / "marker.json").write_text(text)
    assert listed_files(tmp_path / "marker.json") is None
    assert listed_files(tmp_path / "missing.json") is None


@pytest.mark.parametrize(
    ("content", "ours"),
    [({"made": 1}, True), ({"made": 0}, False), ({"made": None}, False), ({}, False)],
)
def test_a_marker_without_the_key_that_is_asked_for_lists_nothing(tmp_path, content, ours):
    marker = tmp_path / "marker.json"
    marker.write_text(json.dumps(content | {"files": ["a"]}))
    assert listed_files(marker, "made") == ({"a"} if ours else None)
    assert listed_files(marker) == {"a"}


def test_a_pipe_as_marker_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "marker.json")
    with pytest.raises(OSError, match="a device or pipe"):
        listed_files(tmp_path / "marker.json")
