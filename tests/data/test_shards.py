from pathlib import Path

import pytest

from signbit.data._shards import find_shards, split_said, splits_in
from signbit.errors import DataError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path | str, split: str) -> list[str]:
    return [one.path.name for one in find_shards(str(root), ".tar", split).shards]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("train/0.tar", "train"),
        ("data/train-00000-of-00014.tar", "train"),
        ("imagenet-val-12.tar", "val"),
        ("Validation_3.tar", "validation"),
        ("trains-0.tar", None),
        ("contest.tar", None),
        # The name is nearer than its folder.
        ("train/test-0.tar", "test"),
    ],
)
def test_words_in_folders_and_names_say_the_split(name, said):
    assert split_said(Path(name)) == said


def test_shards_of_a_split_are_in_natural_order(tmp_path):
    touch(tmp_path, "train-10.tar", "train-9.tar", "val-0.tar", "notes.txt", ".hidden-train.tar")
    assert found(tmp_path, "train") == ["train-9.tar", "train-10.tar"]
    assert found(tmp_path, "test") == ["val-0.tar"]
    assert splits_in(str(tmp_path), ".tar") == ("train", "test")


def test_val_stands_for_a_test_that_is_not_there(tmp_path):
    touch(tmp_path, "train/0.tar", "val/1.tar", "test/2.tar")
    assert found(tmp_path, "test") == ["2.tar"]
    (tmp_path / "test" / "2.tar").unlink()
    assert found(tmp_path, "test") == ["1.tar"]


def test_shards_that_say_no_split_belong_to_either(tmp_path):
    touch(tmp_path, "b/1.tar", "a/2.tar")
    assert found(tmp_path, "train") == found(tmp_path, "test") == ["2.tar", "1.tar"]
    assert splits_in(str(tmp_path), ".tar") == ()
    assert not find_shards(str(tmp_path), ".tar", "train").divided


def test_a_pattern_or_a_file_chooses_shards(tmp_path):
    touch(tmp_path, "x/train-0.tar", "x/train-1.tar", "x/val-0.tar", "y/train-2.tar")
    assert found(f"{tmp_path}/*/train-[01].tar", "train") == ["train-0.tar", "train-1.tar"]
    assert find_shards(f"{tmp_path}/*/train-*.tar", ".tar", "train").folder == tmp_path
    assert found(tmp_path / "x" / "val-0.tar", "test") == ["val-0.tar"]


def test_what_is_not_there_is_told(tmp_path):
    touch(tmp_path, "train-0.tar")
    with pytest.raises(
        DataError,
        match=r"has no \.tar shard for the split 'test'; the names of its shards name train",
    ):
        found(tmp_path, "test")
    touch(tmp_path, "other.tar")
    with pytest.raises(
        DataError, match=r"train-0\.tar names the split 'train', and .*other\.tar names no split"
    ):
        found(tmp_path, "train")
    with pytest.raises(DataError, match="nothing is neither a folder"):
        found(tmp_path / "nothing", "train")
    with pytest.raises(DataError, match=r"no \.tar file fits "):
        found(tmp_path / "*.tar.gz", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.tar file"):
        found(tmp_path / "empty", "train")
