import pytest
from PIL import Image

from signbit.plots.curves import draw_curves


@pytest.mark.parametrize(
    "rows",
    [
        [{"epoch": 1, "lr": 0.1, "loss": 2.0, "accuracy": 0.1}],
        [
            {"epoch": e, "lr": 0.1, "loss": 2.0, "accuracy": 0.5, "val_accuracy": 0.4}
            | {"val_loss": 1.0, "flipped": 0.1, "flipped/a": 0.1, "flipped/b": 0.2}
            for e in (1, 2, 3)
        ],
    ],
)
def test_curves_are_a_picture(tmp_path, rows):
    draw_curves(rows, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (1000, 700)
