"""The page about quantizers shows each of them as it is, and its example runs."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from signbit.plots.quantizers import draw_quantizer
from signbit.quantizers import create, quantizers

PAGE = Path(__file__).parents[2] / "docs" / "quantizers.md"
PICTURES = PAGE.parent / "pictures" / "quantizers"


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), np.float32)


@pytest.mark.parametrize("name", quantizers.names())
def test_the_picture_of_a_quantizer_is_what_it_draws(tmp_path, name):
    draw_quantizer(create(name), tmp_path / "drawn.png")
    drawn, shown = pixels(tmp_path / "drawn.png"), pixels(PICTURES / f"{name}.png")
    assert drawn.shape == shown.shape
    # Fonts of another version of matplotlib move edges; another curve changes far more.
    assert np.abs(drawn - shown).mean() < 1, "python -m tools.draw_quantizers draws it"


def test_every_picture_is_of_a_quantizer():
    assert {path.stem for path in PICTURES.iterdir()} == set(quantizers.names())


def test_another_curve_is_another_picture():
    assert np.abs(pixels(PICTURES / "ste_sign.png") - pixels(PICTURES / "relu.png")).mean() > 1


def test_the_example_gives_what_the_page_says():
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert tried > 0
    assert failed == 0
