"""The page on data names every data set of files, and its example makes a shard that is read."""

import re
from pathlib import Path

import numpy as np

from signbit.data import ImageSet, load, write_images
from signbit.data._types import OF_PATHS, SPLIT_NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")


def test_every_data_set_of_files_and_every_name_of_a_split_is_told():
    assert all(f"| `{name}:PATH` |" in PAGE for name in OF_PATHS)
    assert all(f"`{name}`" in PAGE for names in SPLIT_NAMES.values() for name in names)


def test_the_example_makes_a_shard_of_the_same_images(tmp_path, monkeypatch):
    digits = load("digits", "train")
    few = ImageSet("few", "train", digits.images[:30], digits.labels[:30], digits.classes)
    write_images([few], tmp_path / "pictures", "png")
    monkeypatch.chdir(tmp_path)
    exec(re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)[0], {})
    found = load("tar:train-000000.tar", "train")
    pairs = sorted(zip(found.labels.tolist(), map(bytes, found.images[:]), strict=True))
    assert pairs == sorted(
        zip(few.labels.tolist(), map(bytes, np.asarray(few.images)), strict=True)
    )
