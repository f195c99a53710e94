"""Every network of the zoo gives what its card says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from signbit import zoo
from signbit.data import load as load_data
from signbit.errors import UsageError
from signbit.format import PackedModel
from signbit.scoring import evaluate

LARGEST = 700_000


MARKS = {"cifar10": pytest.mark.cifar10}


@pytest.fixture(
    params=[pytest.param(n, marks=MARKS.get(zoo.card(n).data, ())) for n in zoo.names()]
)
def card(request) -> zoo.Card:
    return zoo.card(request.param)


def test_the_engine_gets_the_accuracy_of_the_card(card, request):
    place = request.getfixturevalue("cifar10_dir") if card.data == "cifar10" else None
    test = load_data(card.data, "test", data_dir=place)
    figures = evaluate(zoo.load(card.name), test).figures
    assert (figures.images, figures.top1, figures.top5) == (card.images, card.top1, card.top5)


def test_the_card_belongs_to_the_file(card):
    data = zoo.read(card.name)
    assert len(data) == card.file_bytes <= LARGEST
    assert PackedModel.load(data).info["data"] == card.data
    assert card.top1_by_seed[str(card.seed)] == card.top1
    assert card.recipe["seed"] == card.seed
    assert card.recipe["epochs"] == card.epochs


def test_card_and_file_name_no_place_of_the_machine(card):
    info = PackedModel.load(zoo.read(card.name)).info
    assert not re.search(r"/(root|home|work|tmp)/", json.dumps([card.to_dict(), info]))


def test_mean_and_spread_are_over_the_seeds():
    fields = zoo.card(zoo.names()[0]).to_dict()
    card = zoo.Card.from_dict(fields | {"top1_by_seed": {"0": 0.5, "1": 0.7}})
    assert card.top1_mean == pytest.approx(0.6)
    assert card.top1_spread == pytest.approx(0.02**0.5)
    assert zoo.Card.from_dict(fields | {"top1_by_seed": {"0": 0.5}}).top1_spread is None


def test_a_wrong_name_is_an_error_that_lists_the_right_ones():
    with pytest.raises(UsageError, match="digits"):
        zoo.load("digit")


def test_it_needs_no_torch():
    code = (
        "import sys; from signbit import zoo; zoo.load(zoo.names()[0]); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_file_is_without_a_card_and_no_card_without_a_file():
    folder = Path(zoo.__file__).parent / "networks"
    files = {end: {path.stem for path in folder.glob(f"*{end}")} for end in (".json", ".signbit")}
    assert files[".json"] == files[".signbit"] == set(zoo.names())
