import pytest
from PIL import Image

from signbit.plots.comparison import by_epoch, draw_comparison


def run(*accuracies):
    return [
        {"epoch": epoch, "accuracy": value, "val_accuracy": value - 0.1}
        for epoch, value in enumerate(accuracies, 1)
    ]


def test_values_of_several_runs_meet_at_their_epoch():
    # The second run was evaluated every other epoch and is not at its end.
    second = [{"epoch": 1, "accuracy": 0.2}, {"epoch": 2, "accuracy": 0.4, "val_accuracy": 0.35}]
    runs = [run(0.1, 0.5, 0.6), second]
    assert by_epoch(runs, "accuracy") == {1: [0.1, 0.2], 2: [0.5, 0.4], 3: [0.6]}
    assert by_epoch(runs, "val_accuracy") == {1: [0.0], 2: [0.4, 0.35], 3: [0.5]}


@pytest.mark.parametrize("more", [0, 12])
def test_a_comparison_is_a_picture(tmp_path, more):
    runs = {"plain": [run(0.3, 0.5), run(0.2, 0.6)], "one": [run(0.4, 0.7)], "none": []}
    runs |= {str(index): [run(0.1 * index)] for index in range(more)}
    draw_comparison(runs, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.format == "PNG"
        assert picture.size == (1100, 450)


@pytest.mark.parametrize(("epochs", "width"), [(0, 1100), (2, 550), (100, 550)])
def test_runs_without_held_out_images_have_one_panel(tmp_path, epochs, width):
    rows = [{"epoch": epoch, "accuracy": 0.5} for epoch in range(1, epochs + 1)]
    draw_comparison({"all": [rows, rows]}, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (width, 450)
