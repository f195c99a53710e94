import numpy as np
from PIL import Image

from signbit.plots.samples import draw_samples


def test_samples_are_a_picture_with_wrong_ones_in_red(tmp_path):
    grey, colour = np.zeros((8, 8, 1), np.uint8), np.zeros((9, 5, 3), np.uint8)
    draw_samples(
        [grey, colour, grey], ["3", "cat", "7"], [0.5, 1.0, 0.2], ["3", "dog", None], tmp_path / "p"
    )
    pixels = np.asarray(Image.open(tmp_path / "p").convert("RGB")).astype(int)
    red = (pixels[..., 0] > 200) & (pixels[..., 1] < 80) & (pixels[..., 2] < 80)
    assert red.any()
    _, columns = np.nonzero(red)
    # Only the second of eight columns, give or take a long title.
    width = pixels.shape[1]
    assert width * 0.08 < columns.min()
    assert columns.max() < width * 0.3


def test_names_are_text_whatever_they_hold(tmp_path, recwarn):
    image = np.zeros((8, 8, 1), np.uint8)
    draw_samples([image], ["$\\frac$ \u732b"], [0.5], ["cat"], tmp_path / "p")
    assert (tmp_path / "p").read_bytes().startswith(b"\x89PNG")
    assert not [one for one in recwarn if "Glyph" in str(one.message)]
