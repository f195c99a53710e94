"""The pictures of the documentation are readable on white and on dark pages, and are used."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.draw_ablations import PICTURES, draw

DOCS = PICTURES.parent
ALL = sorted(PICTURES.rglob("*.png"))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_picture_is_opaque_and_has_a_white_edge(path):
    shown = pixels(path)
    assert (shown[..., 3] == 255).all()
    for edge in (shown[:2], shown[-2:], shown[:, :2], shown[:, -2:]):
        assert (edge == 255).all()


def test_every_picture_is_on_a_page():
    shown = {
        (page.parent / target).resolve()
        for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]
        for target in re.findall(r"!\[[^]]*\]\(([^)]+\.png)\)", page.read_text("utf-8"))
    }
    assert set(ALL) - shown == set()


def test_the_curves_of_the_ablations_are_those_of_their_figures(tmp_path):
    draw(tmp_path)
    drawn = sorted(tmp_path.iterdir())
    assert len(drawn) == 4
    for path in drawn:
        new, shown = (pixels(one).astype(np.float32) for one in (path, PICTURES / path.name))
        assert new.shape == shown.shape
        # Fonts of another version of matplotlib move edges; another curve changes far more.
        assert np.abs(new - shown).mean() < 1, "python -m tools.draw_ablations draws it"
