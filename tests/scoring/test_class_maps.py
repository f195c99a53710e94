import numpy as np
import pytest
from PIL import Image

from signbit.scoring import write_class_map, write_overlay
from signbit.scoring._class_maps import colors


def test_no_two_of_256_classes_have_one_color():
    assert len({tuple(one) for one in colors(256).tolist()}) == 256


def test_a_map_of_many_classes_is_grey_with_16_bits(tmp_path):
    classes = np.array([[0, 300], [256, 1]])
    write_class_map(tmp_path / "x.png", classes, 301)
    with Image.open(tmp_path / "x.png") as picture:
        np.testing.assert_array_equal(np.array(picture), classes)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_smaller_map_is_stretched_over_the_image(tmp_path, channels):
    image = np.full((64, 320, channels), 90, np.uint8)
    classes = np.array([[0, 1, 0, 1, 1]])
    write_overlay(tmp_path / "x.png", image, classes, ("a", "b"))
    with Image.open(tmp_path / "x.png") as picture:
        over = np.array(picture)
    wanted = (90 + colors(2)[classes[0]].astype(int)) / 2
    np.testing.assert_allclose(over[5, 32:320:64], wanted, atol=1)
    assert (over[:64, 320:].reshape(-1, 3) == colors(2)[1]).all(axis=1).any(), "legend"


def test_the_legend_names_at_most_so_many_classes_without_control_characters(tmp_path):
    classes = np.arange(100).reshape(10, 10)
    names = [f"\x1b{index}" for index in range(100)]
    write_overlay(tmp_path / "x.png", np.zeros((10, 10, 3), np.uint8), classes, names)
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.height < 600
