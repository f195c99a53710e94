import numpy as np
import pytest
from PIL import Image

from signbit.errors import OutputError
from signbit.plots.confusion import draw_confusion


@pytest.mark.parametrize("count", [1, 2, 20, 21, 100, 201])
def test_picture_grows_with_the_classes(tmp_path, count):
    confusion = np.eye(count, dtype=np.int64)
    draw_confusion(confusion, [f"class_$x^{i}" for i in range(count)], tmp_path / "c.png", "a $b$")
    with Image.open(tmp_path / "c.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= min(6 + 0.14 * max(count - 21, 0), 20) * 100


def test_dark_cells_are_the_frequent_ones(tmp_path):
    confusion = np.array([[9, 1], [0, 0]])
    draw_confusion(confusion, ["a", "b"], tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    height, width = pixels.shape
    quarter = pixels[height // 5 : height // 4, width // 4 : width // 3].mean()
    assert quarter < 100  # row 0, column 0: true a, predicted a
    below = pixels[int(height * 0.6) : int(height * 0.65), width // 4 : width // 3].mean()
    assert below > 200


def test_unwritable_place_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"c\.png"):
        draw_confusion(np.eye(2, dtype=np.int64), ["a", "b"], tmp_path / "file" / "c.png")
