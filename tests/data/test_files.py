import os
from pathlib import Path

import pytest

from signbit.data import image_files, label_of
from signbit.errors import DataError

CLASSES = ("cat", "dog", "frog")


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("0_17.png", 0),
        ("x/2_0.bmp", 2),
        ("002_0.bmp", 2),
        ("3_0.png", None),
        ("-1_0.png", None),
        ("1_a.png", None),
        ("1.png", None),
        ("cat_0.png", None),
        ("²_1.png", None),
        ("dog/photo.png", 1),
        ("dog/2_0.png", 1),
        ("dog/deeper/photo.png", None),
    ],
)
def test_label_comes_from_the_folder_or_the_name(path, label):
    assert label_of(path, CLASSES) == label


def test_a_class_named_like_a_split_does_not_hide_the_numbers_in_a_split():
    classes = ("cat", "train")
    assert label_of("train/0_3.png", classes) == 0
    assert label_of("train/photo.png", classes) == 1
    assert label_of("train/7_3.png", classes) == 1


def test_a_name_that_no_file_can_have_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"^cannot look at .*: File name too long$"):
        image_files([tmp_path / ("x" * 300)])
    with pytest.raises(DataError, match="embedded null"):
        image_files([tmp_path / "a\0b"])


def test_label_comes_from_the_working_directory_too(tmp_path, monkeypatch):
    (tmp_path / "frog").mkdir()
    monkeypatch.chdir(tmp_path / "frog")
    assert label_of("photo.png", CLASSES) == 2


def test_folders_are_searched_in_natural_order(tmp_path):
    touch(
        tmp_path, "10.png", "2.PNG", "b/1_10.bmp", "b/1_9.bmp", "a.txt", ".hidden.png", ".x/1.png"
    )
    found = [path.relative_to(tmp_path).as_posix() for path in image_files([tmp_path])]
    assert found == ["2.PNG", "10.png", "b/1_9.bmp", "b/1_10.bmp"]


def test_files_given_are_kept_in_their_order_whatever_the_suffix(tmp_path):
    touch(tmp_path, "b.dat", "a.png", "folder/c.png")
    paths = [tmp_path / "b.dat", str(tmp_path / "folder"), tmp_path / "a.png"]
    assert [path.name for path in image_files(paths)] == ["b.dat", "c.png", "a.png"]


def test_links_to_folders_are_followed_once(tmp_path):
    touch(tmp_path, "real/a.png", "search/b.png")
    (tmp_path / "search/link").symlink_to(tmp_path / "real")
    (tmp_path / "search/loop").symlink_to(tmp_path / "search")
    assert [path.name for path in image_files([tmp_path / "search"])] == ["b.png", "a.png"]


def test_a_folder_without_images_is_an_error(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="holds no image file"):
        image_files([tmp_path])


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"nowhere does not exist"):
        image_files([tmp_path / "nowhere"])


def test_a_locked_folder_is_an_error(tmp_path, monkeypatch):
    def locked(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(DataError, match=r"cannot look into .*: Permission denied"):
        image_files([tmp_path])
