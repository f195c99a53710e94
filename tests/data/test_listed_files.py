import numpy as np
import pytest
from PIL import Image

from signbit.data._listed_files import ListedFiles, folder_with_table
from signbit.data._samples import Selection, Target
from signbit.errors import DataError, UsageError
from signbit.format import Input

PIXELS = Input.pixels("pixels", (1, 1, 3), [1.0] * 3, [0.0] * 3)
NOTHING = Selection()
TAGS = Target("tags", "labels", (2,), ("wet", "hot"), True)


def read(path):
    with Image.open(path) as image:
        return np.array(image)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    for place in range(3):
        Image.new("RGB", (1, 1), (place, 0, 0)).save(tmp_path / "in" / f"{place}.png")
    return tmp_path


def opened(folder, text, chosen=NOTHING):
    (folder / "targets.csv").write_text(text)
    return ListedFiles(folder, PIXELS, read, lambda: 4, (TAGS,), chosen)


def test_files_come_with_the_answers_of_their_rows(folder):
    samples = opened(folder, "hot,file,wet\n1,in/2.png,0\n0,in/0.png,0\n1,in/1.png,1\n")
    batches = list(samples.batches(2))
    pixels = np.concatenate([one.inputs["pixels"] for one in batches])
    assert pixels[:, 0, 0, 0].tolist() == [2, 0, 1]
    tags = np.concatenate([one.targets["tags"] for one in batches])
    assert tags.astype(int).tolist() == [[0, 1], [0, 0], [1, 1]]
    assert batches[1].places == [str(folder / "in" / "1.png")]
    assert (samples.targets, samples.clipped) == (("tags",), {"pixels": 4})


def test_the_table_may_lie_in_the_folder_of_the_split(folder):
    assert folder_with_table(folder, "test") is None
    opened(folder, "file,hot,wet\n")
    assert folder_with_table(folder, "test") == folder
    (folder / "test").mkdir()
    (folder / "targets.csv").rename(folder / "test" / "targets.csv")
    assert folder_with_table(folder, "test") == folder / "test"
    assert folder_with_table(folder, "train") is None


@pytest.mark.parametrize("name", ["/etc/passwd", "../x.png", "in/../../x.png"])
def test_a_path_outside_of_the_folder_is_refused(folder, name):
    samples = opened(folder, f"file,hot,wet\n{name},0,1\n")
    with pytest.raises(DataError, match=r"targets\.csv, row 1: .* is not a path inside"):
        list(samples.batches(1))


def test_a_table_without_files_or_targets_is_refused(folder):
    with pytest.raises(DataError, match="has no column 'file'"):
        opened(folder, "hot,wet\n0,1\n")
    with pytest.raises(DataError, match="the network uses no column of this table"):
        list(opened(folder, "file\nin/0.png\n").batches(1))
    with pytest.raises(
        UsageError, match="--features hot: no input uses columns here; leave it out"
    ):
        opened(folder, "file,hot,wet\n", Selection([(None, ["hot"])]))
